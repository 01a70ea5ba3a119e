"""The module that the server routes SageMaker's requests to: JSON 1.1 control plane and the runtime's REST paths."""

import asyncio
import json
import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any

from local_cloud.sagemaker import lifecycle
from local_cloud.sagemaker.errors import SageMakerError
from local_cloud.sagemaker.operations import call
from local_cloud.sagemaker.store import STORE

Response = tuple[int, dict[str, str], bytes]
Route = Callable[[re.Match[str], str, dict[str, str], bytes, dict[str, list[str]]], Awaitable[Response]]
log = logging.getLogger("local_cloud.sagemaker")

_routes: list[tuple[re.Pattern[str], Route]] = []


def route(pattern: str) -> Callable[[Route], Route]:
    """Register a REST path: ``async handler(match, method, headers, body, query) -> (status, headers, body)``.

    The path must also be routed to SageMaker by ``local_cloud.extension``. The handler runs on the server's event
    loop and must not block it.
    """

    def register(handler: Route) -> Route:
        _routes.append((re.compile(pattern), handler))
        return handler

    return register


def to_json(status: int, body: Any) -> Response:
    return status, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(body, default=str).encode()


async def handle_request(method: str, path: str, headers: dict, body: bytes, query: dict) -> Response:
    """One HTTP request, run on a worker thread because handlers wait for processes and other services."""
    for pattern, handler in _routes:
        if match := pattern.fullmatch(path):
            return await handler(match, method, headers, body, query)
    operation = headers.get("x-amz-target", "").rpartition(".")[2]
    return await asyncio.to_thread(_control_plane, operation, body)


def _control_plane(operation: str, body: bytes) -> Response:
    try:
        return to_json(200, call(operation, json.loads(body or b"{}")))
    except SageMakerError as error:
        return to_json(error.status, {"__type": error.code, "message": str(error)})
    except json.JSONDecodeError as error:
        return to_json(400, {"__type": "SerializationException", "message": f"The body is not JSON: {error}"})
    except Exception as error:
        log.exception("%s failed", operation)
        return to_json(
            500, {"__type": "InternalFailure", "message": f"{operation} failed in the local cloud: {error!r}"}
        )


def get_state() -> dict[str, Any]:
    return {"records": STORE.dump()}


def load_persisted_state(state: dict[str, Any]) -> None:
    STORE.load(state["records"])


def reset() -> None:
    lifecycle.resetting()
    STORE.clear()
