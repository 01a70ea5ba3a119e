"""What training and processing jobs have in common: configuration files, failure texts, channels of data."""

import json
import re
from pathlib import Path, PurePosixPath
from typing import Any

from local_cloud.sagemaker import s3
from local_cloud.sagemaker.containers import OPT_ML, Container, has_namespaces
from local_cloud.sagemaker.errors import ValidationError

HOST = "algo-1"
_REASON_LIMIT = 1024
_SAID = re.compile(r"\S")


def inside(root: Path, path: str, member: str) -> Path:
    """The real location of a container's path below /opt/ml.

    Raises:
        ValidationError: naming the member, when the path is elsewhere.
    """
    pure = PurePosixPath(path)
    if pure.parts[:3] != ("/", "opt", "ml") or ".." in pure.parts:
        raise ValidationError(f"{member} must be below {OPT_ML} in the local cloud, and is {path}.")
    return root.joinpath(*pure.parts[1:])


def write_json(root: Path, path: Path, value: Any) -> None:
    """Write a configuration file; where /opt/ml cannot be mounted, its paths are those of the job's folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = json.dumps(value)
    path.write_text(content if has_namespaces() else content.replace(OPT_ML, str(root / "opt" / "ml")))


def read_message(path: Path, limit: int = _REASON_LIMIT) -> str | None:
    """The first characters of a file that the job may have written, or None."""
    try:
        return path.read_text(errors="replace")[:limit].strip() or None
    except (OSError, ValueError):
        return None


def algorithm_error(container: Container, code: int, message: str | None) -> str:
    """AWS's FailureReason of a process that failed; without the job's own message, the end of its output."""
    suffix = f", exit code: {code}"
    room = _REASON_LIMIT - len("AlgorithmError: ") - len(suffix)
    said = message[:room] if message else _last_words(container.tail)[-room:]
    return f"AlgorithmError: {said}{suffix}"


def _last_words(lines: list[str]) -> str:
    said = [line.strip() for line in lines if _SAID.search(line)]
    return "\n".join(said[-8:])


def fetch_s3(source: dict[str, Any], folder: Path, *, compressed: bool = False) -> None:
    """Download an S3DataSource or S3Input; an empty result is an error as on AWS.

    Raises:
        s3.TransferError: with the text for the FailureReason.
    """
    s3.download(source["S3Uri"], folder, data_type=source.get("S3DataType", "S3Prefix"), gunzip=compressed)
