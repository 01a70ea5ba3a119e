"""Data capture: requests and answers of endpoints as JSON lines in S3, in the key layout Model Monitor reads."""

import base64
import binascii
import json
import logging
import random
import threading
import time
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, NamedTuple

from local_cloud import hooks
from local_cloud.authorization import acting_as
from local_cloud.periodic import Periodic
from local_cloud.sagemaker import s3

Record = dict[str, Any]
log = logging.getLogger("local_cloud.capture")

_FLUSH_SECONDS = 5.0
_FLUSH_BYTES = 4 << 20


class Payload(NamedTuple):
    content_type: str
    body: bytes


class _Target(NamedTuple):
    account: str
    region: str
    prefix: str
    kms_key: str | None
    hour: str
    role: str | None


@dataclass
class _Buffer:
    first: float
    lines: list[str] = field(default_factory=list)
    size: int = 0


_lock = threading.Lock()
# Held while files are written, so that flush() returns only when everything captured before it is in S3.
_writing = threading.Lock()
_buffers: dict[_Target, _Buffer] = {}


def record(
    config: Record | None,
    endpoint: str,
    variant: str,
    request: Payload,
    response: Payload,
    *,
    inference_id: str | None,
    now: float | None = None,
    role: str | None = None,
) -> None:
    """Keep one invocation if the configuration samples it; the file is written within seconds.

    Args:
        config: the endpoint's DataCaptureConfig, or None.
        now: epoch seconds of the inference; it decides the hour's folder.
        role: of the variant's model, under which the file is written.
    """
    if not config or not config.get("EnableCapture") or not sampled(config["InitialSamplingPercentage"]):
        return
    now = time.time() if now is None else now
    text = json.dumps(line(config, request, response, inference_id=inference_id, now=now)) + "\n"
    prefix = s3.join(config["DestinationS3Uri"], endpoint, variant)
    hour = _utc(now).strftime("%Y/%m/%d/%H")
    target = _Target(hooks.account_id(), hooks.region(), prefix, config.get("KmsKeyId"), hour, role)
    with _lock:
        buffer = _buffers.get(target) or _buffers.setdefault(target, _Buffer(now))
        buffer.lines.append(text)
        buffer.size += len(text)
    _writer.begin()


def sampled(percentage: int) -> bool:
    return percentage >= 100 or random.uniform(0, 100) < percentage


def line(config: Record, request: Payload, response: Payload, *, inference_id: str | None, now: float) -> Record:
    """One captured invocation in SageMaker's format, version "0"."""
    modes = {option["CaptureMode"] for option in config["CaptureOptions"]}
    data: Record = {}
    if modes & {"Input", "InputAndOutput"}:
        data["endpointInput"] = _side(config, request, "INPUT")
    if modes & {"Output", "InputAndOutput"}:
        data["endpointOutput"] = _side(config, response, "OUTPUT")
    metadata = {"eventId": str(uuid.uuid4())}
    if inference_id is not None:
        metadata["inferenceId"] = inference_id
    metadata["inferenceTime"] = _utc(now).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"captureData": data, "eventMetadata": metadata, "eventVersion": "0"}


def decode(side: Record) -> bytes:
    """The body of an endpointInput or endpointOutput.

    Raises:
        ValueError: base64 that is none.
    """
    if side["encoding"] != "BASE64":
        return side["data"].encode()
    try:
        return base64.b64decode(side["data"], validate=True)
    except binascii.Error as error:
        raise ValueError(f"captured data is not base64: {error}") from error


def _side(config: Record, payload: Payload, mode: str) -> Record:
    encoding = _encoding(config.get("CaptureContentTypeHeader", {}), payload.content_type)
    try:
        text = None if encoding == "BASE64" else payload.body.decode()
    except UnicodeDecodeError:
        text = None
    if text is None:
        encoding, text = "BASE64", base64.b64encode(payload.body).decode()
    return {"observedContentType": payload.content_type, "mode": mode, "data": text, "encoding": encoding}


def _encoding(header: Record, content_type: str) -> str:
    """CSV or JSON for the types the configuration lists; all else is base64, as on AWS."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind in (name.lower() for name in header.get("CsvContentTypes", [])):
        return "CSV"
    if kind in (name.lower() for name in header.get("JsonContentTypes", [])):
        return "JSON"
    return "BASE64"


def flush() -> None:
    """Write everything captured so far."""
    _flush(lambda _: True)


def discard() -> None:
    """Forget what is not written yet."""
    with _lock:
        _buffers.clear()


def _flush(due: Any) -> None:
    with _writing:
        with _lock:
            ripe = {target: _buffers.pop(target) for target, buffer in list(_buffers.items()) if due(buffer)}
        for target, buffer in ripe.items():
            hooks.scope(target.account, target.region, _write)(target, buffer)


def _write(target: _Target, buffer: _Buffer) -> None:
    moment = _utc(buffer.first)
    name = f"{moment:%M-%S}-{moment.microsecond // 1000:03d}-{uuid.uuid4()}.jsonl"
    uri = s3.join(target.prefix, target.hour, name)
    try:
        with acting_as(target.role, "sagemaker.amazonaws.com"):
            s3.put_bytes(uri, "".join(buffer.lines).encode(), kms_key=target.kms_key)
    except Exception as error:
        log.error("%d captured invocations could not be written to %s: %s", len(buffer.lines), uri, error)


def _flush_due() -> None:
    _flush(lambda buffer: time.time() - buffer.first >= _FLUSH_SECONDS or buffer.size >= _FLUSH_BYTES)


def _utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.utc)


_writer = Periodic("data capture", 0.5, _flush_due)
