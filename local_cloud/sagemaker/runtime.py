"""InvokeEndpoint: one call routed to a variant's process on the event loop, counted and captured."""

import asyncio
import contextlib
import json
import logging
import random
import re
import time
from typing import Any
from urllib.parse import unquote

from local_cloud import hooks
from local_cloud.sagemaker import capture, service
from local_cloud.sagemaker.endpoints import metrics
from local_cloud.sagemaker.endpoints.connections import Answer, Refused, Unreachable
from local_cloud.sagemaker.endpoints.fleet import Live, Variant, live
from local_cloud.sagemaker.errors import SageMakerError, ValidationError
from local_cloud.sagemaker.store import STORE

Response = tuple[int, dict[str, str], bytes]

log = logging.getLogger("local_cloud.runtime")

MAXIMUM_BODY = 6_291_456
# Copies under way to one shadow variant; further ones are lost.
MOST_COPIES = 200
TIMEOUT = 60.0
_PREFIX = "x-amzn-sagemaker-"
_copies: set[asyncio.Task[None]] = set()
_LIMITS = {"custom-attributes": 1024, "inference-id": 64}


class ModelError(Exception):
    """The container answered with an error, or not at all (status 0)."""

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status = status


@service.route("/endpoints/([^/]+)/(invocations|invocations-response-stream|async-invocations)")
async def handle(match: re.Match[str], method: str, headers: dict[str, str], body: bytes, query: dict) -> Response:
    """A request of the sagemaker-runtime API, in the caller's account and region; errors in its format."""
    name, action = unquote(match[1]), match[2]
    try:
        if method != "POST" or action != "invocations":
            raise ValidationError(
                f"{method} {action} is not available in the local cloud; use InvokeEndpoint or a transform job."
            )
        return await invoke(name, headers, body)
    except SageMakerError as error:
        code = "ValidationError" if isinstance(error, ValidationError) else error.code
        return _error(error.status, code, {"Message": str(error)})
    except ModelError as error:
        return _model_error(name, error)


async def invoke(name: str, headers: dict[str, str], body: bytes) -> Response:
    """Call the endpoint's model.

    Args:
        name: the endpoint's name.
        headers: the caller's, lower-case names.
        body: at most 6,291,456 bytes.

    Raises:
        ValidationError: no such endpoint or variant, or a header is too long.
        ModelError: the container answered other than 2xx or not within 60 s.
    """
    began = time.perf_counter()
    running = _running(name)
    if len(body) > MAXIMUM_BODY:
        raise SageMakerError(f"HTTP content length exceeded {MAXIMUM_BODY} bytes.", code="413", status=413)
    for header, limit in _LIMITS.items():
        if len(headers.get(_PREFIX + header, "")) > limit:
            raise ValidationError(f"X-Amzn-SageMaker-{header.title()} is longer than {limit} characters.")
    target = headers.get(_PREFIX + "target-variant")
    deadline = began + TIMEOUT
    while True:
        with running.route(target) as variant:
            if variant is not None and await _ready(variant, deadline):
                # A process that died a moment ago is being started again.
                with contextlib.suppress(Refused):
                    try:
                        answer = await _call(running, variant, headers, body, began)
                    except ModelError:
                        _mirror(running, variant, headers, body)
                        raise
                    _mirror(running, variant, headers, body)
                    return answer
        if time.perf_counter() > deadline:
            raise ModelError(503, "The container does not run; see its logs.")
        await asyncio.sleep(0.02)


async def _ready(variant: Variant, deadline: float) -> bool:
    """Whether the variant's process answers; while it is being restarted, wait for it."""
    while not variant.process.ready.is_set():
        if time.perf_counter() > deadline:
            return False
        await asyncio.sleep(0.02)
    return True


async def _call(running: Live, variant: Variant, headers: dict[str, str], body: bytes, began: float) -> Response:
    sent = time.perf_counter()
    try:
        answer = await _exchange(variant, _forwarded(headers), body)
        if not 200 <= answer.status < 300:
            raise ModelError(answer.status, answer.body.decode("utf-8", "replace"))
    except ModelError as error:
        metrics.record(running.name, variant.name, error.status or 500, time.perf_counter() - sent, sent - began)
        raise
    metrics.record(running.name, variant.name, answer.status, time.perf_counter() - sent, sent - began)
    content_type = answer.headers.get("content-type", "application/octet-stream")
    capture.record(
        running.capture,
        running.name,
        variant.name,
        capture.Payload(headers.get("content-type", "application/octet-stream"), body),
        capture.Payload(content_type, answer.body),
        inference_id=headers.get(_PREFIX + "inference-id"),
        role=variant.role,
    )
    passed = {"Content-Type": content_type, "x-Amzn-Invoked-Production-Variant": variant.name}
    if attributes := answer.headers.get(_PREFIX + "custom-attributes"):
        passed["X-Amzn-SageMaker-Custom-Attributes"] = attributes
    return 200, passed, answer.body


def _mirror(running: Live, variant: Variant, headers: dict[str, str], body: bytes) -> None:
    """Send the variant's shadow a copy of a request that was answered, by the share of their weights.

    The caller has his answer already or gets it before the copy is sent; nothing waits for the shadow.
    """
    shadow = variant.shadow
    if shadow is None or random.random() >= variant.shadow_share:
        return
    if shadow.in_flight >= MOST_COPIES or not shadow.process.ready.is_set():
        # What the shadow cannot take is lost to it alone, and counted as its error.
        metrics.record(running.name, shadow.name, 503, 0.0, 0.0)
        return
    # Held against draining while the production request still is.
    shadow.in_flight += 1
    task = asyncio.get_running_loop().create_task(_copy(running, shadow, headers, body))
    _copies.add(task)
    task.add_done_callback(_copies.discard)


async def _copy(running: Live, shadow: Variant, headers: dict[str, str], body: bytes) -> None:
    try:
        await _call(running, shadow, headers, body, time.perf_counter())
    except ModelError:
        pass  # counted by _call
    except Refused:
        metrics.record(running.name, shadow.name, 503, 0.0, 0.0)
    except Exception:
        log.exception("A copy of a request to shadow variant %s of %s failed", shadow.name, running.name)
    finally:
        shadow.in_flight -= 1


async def _exchange(variant: Variant, headers: list[tuple[str, str]], body: bytes) -> Answer:
    try:
        async with asyncio.timeout(TIMEOUT):
            return await variant.process.connections.post("/invocations", headers, body)
    except TimeoutError:
        raise ModelError(
            0,
            "Your invocation timed out while waiting for a response from container primary. Review the latency metrics "
            "for each container in Amazon CloudWatch, resolve the issue, and try again.",
        ) from None
    except Refused:
        raise
    except Unreachable as error:
        raise ModelError(0, f"The container closed the connection: {error}") from error


def _running(name: str) -> Live:
    record, running = STORE.find("Endpoint", name), live(name)
    if record is None or running is None or record["EndpointStatus"] in ("Creating", "Failed", "Deleting"):
        raise ValidationError(f"Endpoint {name} of account {hooks.account_id()} not found.")
    return running


def _forwarded(headers: dict[str, str]) -> list[tuple[str, str]]:
    kept = [(name, headers[name]) for name in ("content-type", "accept") if headers.get(name)]
    # botocore sends "Accept: */*"-less requests when none was given; the container's own default then applies.
    return kept + [(name, value) for name, value in headers.items() if name.startswith(_PREFIX)]


def _model_error(name: str, error: ModelError) -> Response:
    side = "client" if 400 <= error.status < 500 else "server"
    group = f"/aws/sagemaker/Endpoints/{name}"
    message = (
        f'Received {side} error ({error.status}) from primary with message "{error}". '
        f"See CloudWatch log group {group} in account {hooks.account_id()} for more information."
    )
    arn = f"arn:aws:logs:{hooks.region()}:{hooks.account_id()}:log-group:{group}"
    detail: dict[str, Any] = {"Message": message, "OriginalMessage": str(error), "LogStreamArn": arn}
    return _error(424, "ModelError", {**detail, "OriginalStatusCode": error.status})


def _error(status: int, code: str, body: dict[str, Any]) -> Response:
    return status, {"Content-Type": "application/json", "x-amzn-errortype": code}, json.dumps(body).encode()
