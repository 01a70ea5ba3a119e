"""Container images, and what runs in their place: AWS's framework images are known, others are configured."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import tomllib

from local_cloud import config
from local_cloud.sagemaker.errors import ValidationError

Command = tuple[str, ...]


@dataclass(frozen=True)
class Image:
    """How an image's processes are run in this environment.

    Attributes:
        uri: the image's URI in the request.
        training: "toolkit" (script mode by sagemaker-training), a command, or None where it cannot train.
        serving: "script-mode" (model_fn, input_fn, predict_fn, output_fn), a command, or None.
        processing: the command of a processing job that gives no ContainerEntrypoint, or None.
        environment: variables that every process of the image gets; the folder of ``local_cloud.toml`` is on the
            PYTHONPATH of images configured there, so that a rule can name the project's own modules.
    """

    uri: str
    training: str | Command | None = None
    serving: str | Command | None = None
    processing: Command | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Rule:
    pattern: re.Pattern[str]
    training: str | Command | None
    serving: str | Command | None
    processing: Command | None
    environment: Mapping[str, str] = field(default_factory=dict)


# Repository names of AWS's framework images; accounts and regions differ and do not matter here.
_BUILT_IN = (
    "sagemaker-xgboost",
    "sagemaker-scikit-learn",
    "pytorch-(training|inference)",
    "tensorflow-(training|inference)",
)


def resolve(uri: str) -> Image:
    """What the image's processes are here.

    Raises:
        ValidationError: no rule matches; the message shows the stanza to write.
    """
    for rule in (*_configured(config.current().images), *_built_in()):
        if rule.pattern.search(uri):
            return Image(uri, rule.training, rule.serving, rule.processing, rule.environment)
    repository = uri.rpartition("/")[2].split(":")[0].split("@")[0]
    raise ValidationError(
        f"The local cloud does not know how to run the image {uri}. Say so in {config.current().images}, for example:\n"
        f"[[image]]\nmatch = '{re.escape(repository)}'\n"
        'training = "toolkit"\nserving = "script-mode"\n'
        'processing = ["python3", "-m", "your.module"]'
    )


@lru_cache(1)
def _built_in() -> tuple[_Rule, ...]:
    return tuple(
        _Rule(re.compile(rf"\.amazonaws\.com(\.cn)?/{name}(:|@|$)"), "toolkit", "script-mode", None)
        for name in _BUILT_IN
    )


def _configured(path: Path) -> tuple[_Rule, ...]:
    return _read(path, path.stat().st_mtime_ns) if path.exists() else ()


@lru_cache(4)
def _read(path: Path, _modified: int) -> tuple[_Rule, ...]:
    try:
        document = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise ValidationError(f"{path} is not TOML: {error}") from error
    return tuple(_rule(path, number, entry) for number, entry in enumerate(document.get("image", []), 1))


def _rule(path: Path, number: int, entry: dict[str, Any]) -> _Rule:
    where = f"{path}, image {number}"
    if unknown := set(entry) - {"match", "training", "serving", "processing", "environment"}:
        raise ValidationError(
            f"{where}: unknown key {sorted(unknown)[0]}; match, training, serving, processing, environment exist."
        )
    environment = entry.get("environment", {})
    if not isinstance(environment, dict) or not all(isinstance(value, str) for value in environment.values()):
        raise ValidationError(f"{where}: environment must be a table of texts, not {environment!r}.")
    try:
        pattern = re.compile(entry["match"])
    except KeyError:
        raise ValidationError(f"{where}: match (a regular expression on the image's URI) is missing.") from None
    except re.error as error:
        raise ValidationError(f"{where}: match is not a regular expression: {error}") from error
    return _Rule(
        pattern,
        _command(where, entry, "training", "toolkit"),
        _command(where, entry, "serving", "script-mode"),
        _command(where, entry, "processing", None),  # type: ignore[arg-type]
        {"PYTHONPATH": str(path.parent), **environment},
    )


def _command(where: str, entry: dict[str, Any], key: str, keyword: str | None) -> str | Command | None:
    value = entry.get(key)
    if value is None or value == keyword:
        return value
    if isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(item, str) for item in value):
        return tuple(value)
    allowed = f'"{keyword}" or a list of words' if keyword else "a list of words"
    raise ValidationError(f"{where}: {key} must be {allowed}, not {value!r}.")
