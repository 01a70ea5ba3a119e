"""What each path answers, apart from HTTP's syntax."""

from __future__ import annotations

import json
import sys
import traceback
from typing import NamedTuple

from fraud.models.package import ModelPackage
from fraud.serving.answers import Service
from fraud.serving.row_scores import row_score
from inference_code.server.settings import Settings

TEXT = "text/plain"


class Reply(NamedTuple):
    """An answer to write: its status, media type and body, and the methods allowed where that was the fault."""

    status: int
    media_type: str
    body: bytes
    allow: str = ""


class Exchange:
    """A request as far as routes care, or the `reply` to one that could not be read."""

    __slots__ = ("accept", "body", "content_type", "encoding", "keep_alive", "method", "path", "reply")

    def __init__(self) -> None:
        self.method = self.path = b""
        self.content_type: str | None = None
        self.accept: str | None = None
        self.encoding = b""
        self.body: bytes | bytearray = b""
        self.keep_alive = False
        self.reply: Reply | None = None


class Routes:
    """SageMaker's three paths over one model."""

    def __init__(self, package: ModelPackage, settings: Settings) -> None:
        self._service = Service(package, row_score(package.model, len(package.schema.features)))
        # What scores single rows keeps its buffers, so that a second thread must do without.
        self._thread_service = Service(package)
        for service in (self._service, self._thread_service):
            service.warm_up()
        self._default_accept = settings.default_accept
        self._parameters = Reply(200, "application/json", json.dumps(settings.execution_parameters).encode())

    def reply(self, exchange: Exchange) -> Reply:
        """Return the answer to a request; never raises."""
        return self._reply(exchange, self._service)

    def reply_on_thread(self, exchange: Exchange) -> Reply:
        """Return the same answer; may be called while `reply` runs."""
        return self._reply(exchange, self._thread_service)

    def _reply(self, exchange: Exchange, service: Service) -> Reply:
        if exchange.path == b"/invocations":
            if exchange.method != b"POST":
                return refusal(405, "send POST", "POST")
            return self._invocation(exchange, service)
        if exchange.path in (b"/ping", b"/execution-parameters"):
            if exchange.method not in (b"GET", b"HEAD"):
                return refusal(405, "send GET", "GET, HEAD")
            return Reply(200, TEXT, b"") if exchange.path == b"/ping" else self._parameters
        return refusal(404, "there are /ping, /invocations and /execution-parameters")

    def _invocation(self, exchange: Exchange, service: Service) -> Reply:
        if exchange.encoding not in (b"", b"identity"):
            return refusal(415, "the request is compressed: send it as it is")
        accept = exchange.accept
        if not accept or accept == "*/*":
            accept = self._default_accept
        try:
            # A request without a type is JSON in AWS's containers.
            answer = service.answer(exchange.body, exchange.content_type or "application/json", accept)
            return Reply(answer.status, answer.media_type, answer.body.encode())
        except Exception as error:
            # The error's own text could repeat values of the request: its kind and its places are logged alone.
            places = "".join(traceback.format_tb(error.__traceback__))
            print(f"{places}{type(error).__name__} in the model", file=sys.stderr, flush=True)
            return refusal(500, "the model failed; its log says why")


def refusal(status: int, message: str, allow: str = "") -> Reply:
    """Return the answer to a request that is not served."""
    return Reply(status, TEXT, f"{message}\n".encode(), allow)
