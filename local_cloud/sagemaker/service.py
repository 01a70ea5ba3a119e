"""The module that the server routes SageMaker's requests to: JSON 1.1 control plane and the runtime's REST paths."""

import asyncio
import json
import logging
from typing import Any

from local_cloud.sagemaker.errors import SageMakerError
from local_cloud.sagemaker.operations import call
from local_cloud.sagemaker.store import STORE

Response = tuple[int, dict[str, str], bytes]
log = logging.getLogger("local_cloud.sagemaker")


def to_json(status: int, body: Any) -> Response:
    return status, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(body, default=str).encode()


async def handle_request(method: str, path: str, headers: dict, body: bytes, query: dict) -> Response:
    """One HTTP request, run on a worker thread because handlers wait for processes and other services."""
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
    STORE.clear()
