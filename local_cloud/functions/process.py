"""One process of a function: started, called any number of times, killed when it takes too long."""

import contextlib
import json
import os
import select
import signal
import struct
import subprocess
import time
import uuid
from pathlib import Path

from local_cloud.functions import code, runtime
from local_cloud.functions.function import Function, InitError, Invocation, Result

_BOOTSTRAP = Path(__file__).with_name("bootstrap.py")
# AWS gives an initialisation 10 s, and once more as long as the function's timeout; a laptop may be slower.
_INIT_SECONDS = 60.0
_CHUNK = 1 << 16
_LONGEST_LINE = 1 << 18


class Ended(Exception):
    """The process ended before it answered."""


class TookTooLong(Exception):
    """No answer came in time."""


class Process:
    """Not for use by several threads at once.

    Raises (constructor):
        InitError: the code cannot be unpacked, or importing the handler fails.
    """

    def __init__(self, function: Function):
        self.function = function
        self.last_used = time.monotonic()
        day = time.strftime("%Y/%m/%d", time.gmtime())
        self.log_stream = f"{day}/[{function.version}]{uuid.uuid4().hex}"
        self._rest = b""
        began = time.perf_counter()
        self._start()
        try:
            status, document = self._answer(time.monotonic() + _INIT_SECONDS)
        except (Ended, TookTooLong) as error:
            self.kill()
            kind = "Runtime.ExitError" if isinstance(error, Ended) else "Sandbox.Timedout"
            raise InitError(kind, f"The function's process did not get ready: {error}", self.output()) from None
        if status != b"R":
            output = self.output()
            self.kill()
            found = json.loads(document)
            raise InitError(found["errorType"], found["errorMessage"], output, found)
        self.started_in: float | None = time.perf_counter() - began

    def _start(self) -> None:
        function = self.function
        task, layers = code.unpacked(function)
        request_end, self._requests = os.pipe()
        self._answers, answer_end = os.pipe()
        lifeline_end, self._lifeline = os.pipe()
        self._log, log_end = os.pipe()
        os.set_blocking(self._log, False)
        os.set_blocking(self._requests, False)
        options = {
            "requests": request_end,
            "answers": answer_end,
            "lifeline": lifeline_end,
            "handler": function.handler,
            "path": [str(path) for path in (task, *layers, runtime.packages())],
            "name": function.name,
            "version": function.version,
            "memory": function.memory,
            "log_group": function.log_group,
            "log_stream": self.log_stream,
            "log_format": function.log_format,
        }
        try:
            self._process = subprocess.Popen(
                runtime.command(_BOOTSTRAP, json.dumps(options)),
                cwd=task,
                env=runtime.environment(function, task, self.log_stream),
                stdin=subprocess.DEVNULL,
                stdout=log_end,
                stderr=log_end,
                pass_fds=[request_end, answer_end, lifeline_end],
                start_new_session=True,
            )
        except BaseException:
            self._close()
            raise
        finally:
            for descriptor in (request_end, answer_end, lifeline_end, log_end):
                os.close(descriptor)
        self._lines: list[str] = []
        self._poll = select.poll()
        self._poll.register(self._answers, select.POLLIN)
        self._poll.register(self._log, select.POLLIN)

    @property
    def pid(self) -> int:
        return self._process.pid

    def alive(self) -> bool:
        return self._process.poll() is None

    def invoke(self, invocation: Invocation) -> Result:
        """Call the handler. Afterwards the process may be gone: see ``alive``."""
        started_in, self.started_in = self.started_in, None
        timeout = self.function.timeout
        head = {
            "id": invocation.request_id,
            "arn": invocation.arn,
            "deadline": time.time() + timeout,
            "variables": dict(invocation.variables),
        }
        head_bytes = json.dumps(head).encode()
        lengths = struct.pack(">II", len(head_bytes), len(invocation.event))
        deadline = time.monotonic() + timeout
        try:
            self._send(lengths + head_bytes + invocation.event, deadline)
            status, document = self._answer(deadline)
            value, failed = json.loads(document), status != b"O"
        except TookTooLong:
            self.kill()
            message = f"{invocation.request_id} Task timed out after {timeout:.2f} seconds"
            value, failed = {"errorMessage": message, "errorType": "Sandbox.Timedout"}, True
        except (Ended, BrokenPipeError):
            self.kill()
            message = f"RequestId: {invocation.request_id} Error: Runtime exited {self._ending()}"
            value, failed = {"errorMessage": message, "errorType": "Runtime.ExitError"}, True
        self.last_used = time.monotonic()
        return Result(value, failed, self.output(), self.log_stream, started_in)

    def output(self) -> list[str]:
        """What was printed since the last call of this method."""
        self._read_log()
        if self._rest:
            self._take(b"\n")
        lines, self._lines = self._lines, []
        return lines

    def kill(self) -> None:
        """End the process and what it started, at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._read_log()
        self._close()

    def _close(self) -> None:
        for name in ("_requests", "_answers", "_lifeline", "_log"):
            if (descriptor := getattr(self, name)) >= 0:
                setattr(self, name, -1)
                os.close(descriptor)

    def _ending(self) -> str:
        code = self._process.returncode
        return f"with error: signal: {-code}" if code < 0 else f"with error: exit status {code}"

    def _send(self, data: bytes, deadline: float) -> None:
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._requests, view) :]
            except BlockingIOError:
                # A large event: the process may print while it reads, and nobody else empties its pipe.
                self._wait_writable(deadline)

    def _wait_writable(self, deadline: float) -> None:
        waiting = select.poll()
        waiting.register(self._log, select.POLLIN)
        waiting.register(self._requests, select.POLLOUT)
        ready = waiting.poll(max(0.0, deadline - time.monotonic()) * 1000)
        if not ready:
            raise TookTooLong
        if self._log in (descriptor for descriptor, _ in ready):
            self._read_log()

    def _answer(self, deadline: float) -> tuple[bytes, bytes]:
        data = b""
        wanted = 5
        while len(data) < wanted:
            ready = self._poll.poll(max(0.0, deadline - time.monotonic()) * 1000)
            if not ready:
                raise TookTooLong("it took too long")
            descriptors = [descriptor for descriptor, _ in ready]
            if self._log in descriptors:
                self._read_log()
            if self._answers in descriptors:
                chunk = os.read(self._answers, _CHUNK)
                if not chunk:
                    raise Ended("it ended")
                data += chunk
                if len(data) >= 5:
                    wanted = 5 + struct.unpack_from(">I", data, 1)[0]
        return data[:1], data[5:wanted]

    def _read_log(self) -> None:
        while self._log >= 0:
            try:
                chunk = os.read(self._log, _CHUNK)
            except BlockingIOError:
                return
            if not chunk:
                # Closed by the process: polling it would return at once for ever.
                self._poll.unregister(self._log)
                os.close(self._log)
                self._log = -1
                return
            self._take(chunk)

    def _take(self, chunk: bytes) -> None:
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > _LONGEST_LINE:
            lines, self._rest = [*lines, self._rest], b""
        self._lines.extend(line.decode("utf-8", "replace") for line in lines)
