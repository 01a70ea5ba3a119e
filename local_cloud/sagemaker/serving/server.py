"""GET /ping, POST /invocations and GET /execution-parameters on loopback, for one model in one process.

The standard library's threaded server answers a call in 0.4 ms, which is less than gevent, werkzeug or h11 in threads
took here, and is there in every interpreter.
"""

import argparse
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer
from typing import Any

from .handlers import Model, Refused, Reply

_TEXT = "text/plain; charset=utf-8"
_DRAIN_SECONDS = 25.0


class Server(ThreadingHTTPServer):
    """Serves at once and answers /ping with 503 until the model is loaded."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, port: int):
        super().__init__(("127.0.0.1", port), Handler)
        self.model: Model | None = None
        # A container's worker handles one request at a time, so user code is not written for threads.
        self.turn = threading.Lock()
        self._counter = threading.Lock()
        self._in_flight = 0

    def server_bind(self) -> None:
        # HTTPServer's own asks DNS for the host's full name, which may take seconds without a network.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]

    @contextmanager
    def in_flight(self) -> Iterator[None]:
        """Held from a request's first byte to its answer's last, so that stop() cuts none off."""
        with self._counter:
            self._in_flight += 1
        try:
            yield
        finally:
            with self._counter:
                self._in_flight -= 1

    def load(self, model_dir: Path) -> None:
        """Load the model; end the process with the reason in its log when that fails."""
        began = time.monotonic()
        try:
            self.model = Model(model_dir, dict(os.environ))
            print(f"The model was loaded in {time.monotonic() - began:.2f} s; serving on port {self.server_port}.")
            sys.stdout.flush()
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(1)

    def handle_post(self, path: str, body: bytes, headers: Any) -> Reply:
        if path != "/invocations":
            return _error(404, f"There is no {path} here.")
        model = self.model
        if model is None:
            return _error(503, "The model is still being loaded.")
        try:
            with self.turn:
                return model.answer(body, headers.get("Content-Type", ""), headers.get("Accept", ""))
        except Refused as error:
            return _error(error.status, str(error))
        except Exception as error:
            traceback.print_exc()
            return _error(500, f"{type(error).__name__}: {error}")

    def stop(self) -> None:
        """Answer what has begun, then end the process; idle keep-alive connections do not hold it."""
        deadline = time.monotonic() + _DRAIN_SECONDS
        while self._in_flight and time.monotonic() < deadline:
            time.sleep(0.01)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 65_536
    server: Server

    def do_GET(self) -> None:
        if self.path == "/ping":
            ready = self.server.model is not None
            self._send(Reply(200 if ready else 503, b"\n", _TEXT))
        elif self.path == "/execution-parameters":
            self._send(Reply(200, json.dumps(_execution_parameters(os.environ)).encode(), "application/json"))
        else:
            self._send(_error(404, f"There is no {self.path} here."))

    def do_POST(self) -> None:
        if "Content-Length" not in self.headers:
            self.close_connection = True
            self._send(_error(411, "Content-Length is missing."))
            return
        with self.server.in_flight():
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self._send(self.server.handle_post(self.path, body, self.headers))

    def _send(self, reply: Reply) -> None:
        self.send_response_only(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)
        self.wfile.flush()

    def log_message(self, *_: Any) -> None:
        """No access log: a line for each call would fill the log group."""


def _error(status: int, message: str) -> Reply:
    return Reply(status, message.encode(), _TEXT)


def _execution_parameters(environment: Any) -> dict[str, Any]:
    return {
        "MaxConcurrentTransforms": 1,
        "BatchStrategy": "MULTI_RECORD",
        "MaxPayloadInMB": int(environment.get("SAGEMAKER_MAX_PAYLOAD_IN_MB", 6)),
    }


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model-dir", type=Path, default=Path("/opt/ml/model"))
    options = parser.parse_args(arguments)
    # As in the prebuilt containers: many small predictions are slower with a pool of threads for each.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    server = Server(int(os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080")))
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.stop).start())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    # In the main thread: user code may set signal handlers or start an event loop.
    server.load(options.model_dir)
    while True:
        signal.pause()
