"""The server's settings, from the variables that SageMaker and AWS's own containers use."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

MEBIBYTE = 1 << 20
LARGEST_BODY = 100 * MEBIBYTE
"""What SageMaker's batch transform sends at most."""
PROGRAM = "inference.py"


class SettingsError(ValueError):
    """A setting is wrong; the message names the variable and what is allowed."""


@dataclass(frozen=True)
class Settings:
    """How one server runs.

    Attributes:
        model_dir: folder of the unpacked model package.
        host, port: where it listens; port 0 is any free one.
        workers: processes, each with the model.
        max_body: largest request in bytes.
        default_accept: media type for callers who do not care.
        request_seconds: how long a request may take to arrive.
        drain_seconds: how long requests in flight may take after SIGTERM. SageMaker kills after 30 seconds.
    """

    model_dir: Path
    host: str = "0.0.0.0"
    port: int = 8080
    workers: int = 1
    max_body: int = 6 * MEBIBYTE
    default_accept: str = "application/json"
    request_seconds: int = 60
    drain_seconds: float = 25.0

    @property
    def execution_parameters(self) -> dict[str, object]:
        """What batch transform asks for before it starts."""
        return {
            "MaxConcurrentTransforms": self.workers,
            "BatchStrategy": "MULTI_RECORD",
            "MaxPayloadInMB": max(1, self.max_body // MEBIBYTE),
        }


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Read the settings; raises SettingsError."""
    program = environment.get("SAGEMAKER_PROGRAM") or PROGRAM
    if program != PROGRAM:
        raise SettingsError(
            f"SAGEMAKER_PROGRAM={program}: this server has handlers of its own, for model packages of this project; "
            "serve other programs with AWS's prebuilt container (serving.image: prebuilt)"
        )
    base = environment.get("SAGEMAKER_BASE_DIR") or "/opt/ml"
    megabytes = _whole(environment, "SAGEMAKER_MAX_PAYLOAD_IN_MB", 0, 0, 100)
    content = _whole(environment, "MAX_CONTENT_LENGTH", 6 * MEBIBYTE, 1, LARGEST_BODY)
    # 0 stands for streams without end in batch transform, where a whole request must still fit into memory.
    unlimited = environment.get("SAGEMAKER_MAX_PAYLOAD_IN_MB", "").strip() == "0"
    return Settings(
        model_dir=Path(environment.get("SM_MODEL_DIR") or f"{base}/model"),
        port=_whole(environment, "SAGEMAKER_BIND_TO_PORT", 8080, 0, 65535),
        workers=_whole(environment, "SAGEMAKER_MODEL_SERVER_WORKERS", _cores(), 1, 256),
        max_body=LARGEST_BODY if unlimited else max(content, megabytes * MEBIBYTE),
        default_accept=environment.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT") or "application/json",
        request_seconds=_whole(environment, "SAGEMAKER_MODEL_SERVER_TIMEOUT", 60, 1, 3600),
    )


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _whole(environment: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = environment.get(name, "").strip()
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
        raise SettingsError(f"{name}={text[:40]}: a whole number from {low} to {high} is expected")
    return int(text)
