"""The program of a function's process: imports the handler, then answers one invocation after another.

Run by itself, without this package on its path, so it needs the standard library alone. Its one argument is a JSON
object: file descriptors ``requests``, ``answers`` and ``lifeline``, ``handler``, ``path`` (in front of sys.path),
``name``, ``version``, ``memory``, ``log_group``, ``log_stream``, ``log_format``.

A request is two lengths (big-endian, 4 bytes each), a JSON head (``id``, ``arn``, ``deadline`` in epoch seconds,
``variables`` of this invocation alone) and the event in JSON. An answer is a status byte (``R`` ready, ``O`` result,
``E`` error), a length and JSON. Whatever the function prints goes to the inherited stdout and stderr.
"""

import importlib
import importlib.machinery
import json
import logging
import os
import struct
import sys
import threading
import time
import traceback


class Context:
    """What a handler gets as its second argument."""

    identity = None
    client_context = None

    def __init__(self, head, options):
        self.aws_request_id = head["id"]
        self.invoked_function_arn = head["arn"]
        self.function_name = options["name"]
        self.function_version = options["version"]
        self.memory_limit_in_mb = str(options["memory"])
        self.log_group_name = options["log_group"]
        self.log_stream_name = options["log_stream"]
        self._deadline = head["deadline"]

    def get_remaining_time_in_millis(self):
        return max(0, int((self._deadline - time.time()) * 1000))

    def log(self, message):
        sys.stdout.write(message)


class Lines(logging.Handler):
    """The root logger's handler, as AWS's runtime installs it; the request's id is in every line."""

    request_id = ""

    def __init__(self, log_format):
        super().__init__()
        self._json = log_format == "JSON"

    def emit(self, record):
        message = record.getMessage()
        if record.exc_info:
            message += "\n" + "".join(traceback.format_exception(*record.exc_info))
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        stamp = f"{seconds}.{int(record.msecs):03d}Z"
        if self._json:
            document = {"timestamp": stamp, "level": record.levelname, "message": message, "logger": record.name}
            line = json.dumps({**document, "requestId": self.request_id})
        else:
            line = "\t".join([f"[{record.levelname}]", stamp, self.request_id, message])
        sys.stdout.write(line + "\n")


class Depth:
    """Passes the depth of a chain of invocations on, for recursive loop detection, once botocore is imported."""

    def find_spec(self, name, path=None, target=None):
        if name != "botocore.handlers":
            return None
        sys.meta_path.remove(self)
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        execute = spec.loader.exec_module

        def exec_module(module):
            execute(module)
            module.BUILTIN_HANDLERS.append(("before-call", add_depth))

        spec.loader.exec_module = exec_module
        return spec


def add_depth(params, **_):
    if depth := os.environ.get("_MINISTACK_INVOKE_DEPTH"):
        params["headers"].setdefault("X-Ministack-Invoke-Depth", depth)


def receive(descriptor, count):
    chunks = []
    while count:
        chunk = os.read(descriptor, min(count, 1 << 20))
        if not chunk:
            os._exit(0)
        chunks.append(chunk)
        count -= len(chunk)
    return b"".join(chunks)


def send(descriptor, status, document):
    data = struct.pack(">cI", status, len(document)) + document
    while data:
        data = data[os.write(descriptor, data) :]


def plain(value):
    """Numbers that json does not know."""
    if type(value).__name__ == "Decimal":
        return float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def failure(kind, message, error=None, request_id=None):
    """AWS's error document, printed to the log as well, as its runtime does."""
    frames = error.__traceback__ if error is not None else None
    # The first frame is this file's.
    trace = traceback.format_list(traceback.extract_tb(frames)[1:])
    document = {"errorMessage": message, "errorType": kind, "requestId": request_id or "", "stackTrace": trace}
    text = f"[ERROR] {kind}: {message}\n"
    sys.stdout.write(text + ("Traceback (most recent call last):\n" + "".join(trace) if trace else ""))
    sys.stdout.flush()
    return json.dumps(document).encode()


def load(handler):
    """The handler, or the error document of why there is none."""
    module_name, _, name = handler.rpartition(".")
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        kind, message = "Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}"
        return None, failure(kind, message, error)
    except SyntaxError as error:
        kind, message = "Runtime.UserCodeSyntaxError", f"Syntax error in module '{module_name}': {error}"
        return None, failure(kind, message, error)
    except Exception as error:
        return None, failure(type(error).__name__, str(error), error)
    function = getattr(module, name, None)
    if function is None:
        message = f"Handler '{name}' missing on module '{module_name}'"
        return None, failure("Runtime.HandlerNotFound", message)
    return function, None


def invoke(function, head, event, options):
    """Status and JSON of one invocation."""
    try:
        result = function(json.loads(event), Context(head, options))
    except Exception as error:
        return b"E", failure(type(error).__name__, str(error), error, head["id"])
    try:
        return b"O", json.dumps(result, default=plain, ensure_ascii=False).encode("utf-8")
    except (TypeError, ValueError) as error:
        message = f"Unable to marshal response: {error}"
        return b"E", failure("Runtime.MarshalError", message, request_id=head["id"])


def live(lifeline):
    """End with the server: the other end of this pipe is closed when it ends, however that happens."""
    os.read(lifeline, 1)
    os._exit(1)


def main(options):
    for name in ("requests", "answers", "lifeline"):
        os.set_inheritable(options[name], False)
    threading.Thread(target=live, args=(options["lifeline"],), daemon=True).start()
    # Set by the interpreter where the machine lacks the locale; not part of a function's environment.
    os.environ.pop("LC_CTYPE", None)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True, errors="backslashreplace")
    sys.path[:0] = options["path"]
    sys.argv = [""]
    sys.meta_path.insert(0, Depth())
    lines = Lines(options["log_format"])
    logging.getLogger().addHandler(lines)
    function, error = load(options["handler"])
    sys.stdout.flush()
    if error is not None:
        return send(options["answers"], b"E", error)
    send(options["answers"], b"R", b"")
    while True:
        head_length, event_length = struct.unpack(">II", receive(options["requests"], 8))
        head = json.loads(receive(options["requests"], head_length))
        event = receive(options["requests"], event_length)
        lines.request_id = head["id"]
        os.environ.update(head["variables"])
        status, document = invoke(function, head, event, options)
        for name in head["variables"]:
            os.environ.pop(name, None)
        # What was printed is in the pipe before the answer is, so the reader of the answer has all of it.
        sys.stdout.flush()
        sys.stderr.flush()
        send(options["answers"], status, document)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
