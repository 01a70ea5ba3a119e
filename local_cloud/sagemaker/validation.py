"""Requests against botocore's service model: required members, types, ranges, lengths, patterns and enumerations.

botocore's own validator leaves patterns, maxima and enumerations to the service; SageMaker refuses them, so must we.
"""

from functools import cache
from typing import Any

import regex
from botocore.validate import ParamValidator

from local_cloud.sagemaker.errors import ValidationError


def validate(request: dict[str, Any], shape: Any) -> None:
    """Raise one ValidationError that names every wrong member."""
    if shape is None:
        return
    report = ParamValidator().validate(request, shape)
    if report.has_errors():
        raise ValidationError(report.generate_report())
    errors: list[str] = []
    _walk(request, shape, "", errors)
    if errors:
        plural = "error" if len(errors) == 1 else "errors"
        raise ValidationError(f"{len(errors)} validation {plural} detected: " + "; ".join(errors))


def _walk(value: Any, shape: Any, path: str, errors: list[str]) -> None:
    kind = shape.type_name
    if kind == "structure":
        for name, member in value.items():
            _walk(member, shape.members[name], f"{path}.{name}" if path else name, errors)
    elif kind == "list":
        _check_size(len(value), shape, path, errors, "length")
        for index, item in enumerate(value):
            _walk(item, shape.member, f"{path}[{index}]", errors)
    elif kind == "map":
        _check_size(len(value), shape, path, errors, "size")
        for key, item in value.items():
            _walk(key, shape.key, f"{path}.{key} (key)", errors)
            _walk(item, shape.value, f"{path}.{key}", errors)
    elif kind == "string":
        _check_string(value, shape, path, errors)
    elif kind in ("integer", "long", "float", "double"):
        _check_size(value, shape, path, errors, "value")


def _check_string(value: str, shape: Any, path: str, errors: list[str]) -> None:
    allowed = shape.metadata.get("enum")
    if allowed and value not in allowed:
        errors.append(
            f"Value '{value}' at '{path}' failed to satisfy constraint: Member must satisfy enum value set: {allowed}"
        )
        return
    _check_size(len(value), shape, path, errors, "length")
    pattern = shape.metadata.get("pattern")
    if pattern and not _compiled(pattern).fullmatch(value):
        errors.append(
            f"Value '{value}' at '{path}' failed to satisfy constraint: "
            f"Member must satisfy regular expression pattern: {pattern}"
        )


def _check_size(size: float, shape: Any, path: str, errors: list[str], what: str) -> None:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and size < low:
        errors.append(f"'{path}' failed to satisfy constraint: Member must have {what} greater than or equal to {low}")
    if high is not None and size > high:
        errors.append(f"'{path}' failed to satisfy constraint: Member must have {what} less than or equal to {high}")


@cache
def _compiled(pattern: str) -> regex.Pattern[str]:
    # The patterns are Java's: only `regex` knows \p{L}; two in the model are broken even there and accept all.
    try:
        return regex.compile(pattern, regex.DOTALL | regex.V0)
    except regex.error:
        return regex.compile(".*", regex.DOTALL)
