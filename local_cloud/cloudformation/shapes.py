"""Template properties turned into API requests by botocore's model.

Templates are laxer than the API (numbers and booleans may be strings) and stricter (a property that is not there is
an error, never dropped).
"""

import json
from typing import Any


def to_request(value: Any, shape: Any, path: str = "#") -> Any:
    """A template value in the types of a botocore shape.

    Raises:
        ValueError: a property the shape does not have, or a value that cannot be of its type, with its path.
    """
    kind = shape.type_name
    if kind == "structure":
        # `Parquet: true` in templates is an empty structure in the API.
        if not shape.members and value in (True, "true"):
            return {}
        return _structure(_expect(value, dict, path), shape, path)
    if kind == "list":
        items = _expect(value, list, path)
        return [to_request(item, shape.member, f"{path}/{index}") for index, item in enumerate(items)]
    if kind == "map":
        return {key: to_request(item, shape.value, f"{path}/{key}") for key, item in _map(value, path).items()}
    if kind in ("integer", "long"):
        return _number(int, value, path)
    if kind in ("float", "double"):
        return _number(float, value, path)
    if kind == "boolean":
        return _boolean(value, path)
    if kind == "string":
        return _string(value, path)
    return value


def _structure(value: dict[str, Any], shape: Any, path: str) -> dict[str, Any]:
    unknown = sorted(set(value) - set(shape.members))
    if unknown:
        raise ValueError(
            f"Properties validation failed: {path}: extraneous key [{unknown[0]}] is not permitted; "
            f"permitted are {', '.join(shape.members)}"
        )
    return {
        key: to_request(item, shape.members[key], f"{path}/{key}") for key, item in value.items() if item is not None
    }


def _map(value: Any, path: str) -> dict[str, Any]:
    if isinstance(value, str):
        value = json.loads(value)
    return _expect(value, dict, path)


def _expect(value: Any, kind: type, path: str) -> Any:
    if not isinstance(value, kind):
        expected = {dict: "an object", list: "a list"}[kind]
        raise ValueError(f"Properties validation failed: {path}: expected {expected}, found {value!r}")
    return value


def _number(kind: type, value: Any, path: str) -> Any:
    try:
        if isinstance(value, bool):
            raise ValueError
        number = float(value)
        if kind is int and number != int(number):
            raise ValueError
        return kind(number)
    except (TypeError, ValueError):
        raise ValueError(f"Properties validation failed: {path}: expected a number, found {value!r}") from None


def _boolean(value: Any, path: str) -> bool:
    if str(value).lower() not in ("true", "false"):
        raise ValueError(f"Properties validation failed: {path}: expected a boolean, found {value!r}")
    return str(value).lower() == "true"


def _string(value: Any, path: str) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, (dict, list)):
        raise ValueError(f"Properties validation failed: {path}: expected a string, found {value!r}")
    return value
