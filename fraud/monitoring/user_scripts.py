"""Users' scripts under Model Monitor's contract: a record preprocessor and a post-analytics processor.

A preprocessor has `preprocess_handler(inference_record)` or `preprocess_handler(inference_record, logger)`. It is
called for each captured record with an object that has endpoint_input, endpoint_output and event_metadata, for each
line of CSV with the line, for each line of JSON with its object; it returns a flat dictionary, or a list of them. A
post-analytics processor has `postprocess_handler()`, called when the reports are written.
"""

from __future__ import annotations

import importlib.util
import inspect
import logging
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from fraud.monitoring.errors import DataError

PREPROCESSOR_FAILED = (
    "There is an exception raised in preprocessor script. Please double check the preprocessor script."
)
_CAMEL = re.compile(r"(?<!^)(?=[A-Z])")

Preprocess = Callable[[Any], list[dict[str, Any]]]


def load_preprocessor(script: Path) -> Preprocess:
    """Return a function from what the script takes to its rows.

    Raises DataError, also later when the script raises: Model Monitor's job fails then too.
    """
    handler = _handler(script, "preprocess_handler")
    takes_logger = "logger" in inspect.signature(handler).parameters
    logger = logging.getLogger("Preprocessing")

    def preprocess(record: Any) -> list[dict[str, Any]]:
        try:
            made = handler(record, logger) if takes_logger else handler(record)
        except Exception as error:
            raise DataError(f"{PREPROCESSOR_FAILED} ({script.name}: {type(error).__name__}: {error})") from error
        rows = made if isinstance(made, list) else [made]
        if not all(isinstance(row, dict) for row in rows):
            raise ValueError("a dictionary or a list of dictionaries is expected of preprocess_handler")
        return rows

    return preprocess


def load_postprocessor(script: Path) -> Callable[[], Any]:
    """Return the script's postprocess_handler. Raises DataError where it has none."""
    return _handler(script, "postprocess_handler")


def captured_record(record: dict[str, Any]) -> SimpleNamespace:
    """Return a captured record as a preprocessor sees it; members by their names and in snake case.

    Raises ValueError where it has no captured data.
    """
    data = record["captureData"]
    if not isinstance(data, dict):
        raise ValueError("captureData: an object is expected")
    parts = {name: _members(data[name]) if name in data else None for name in ("endpointInput", "endpointOutput")}
    return SimpleNamespace(
        endpoint_input=parts["endpointInput"],
        endpoint_output=parts["endpointOutput"],
        event_metadata=_members(record.get("eventMetadata") or {}),
        event_version=record.get("eventVersion"),
    )


def _members(body: dict[str, Any]) -> SimpleNamespace:
    return SimpleNamespace(
        **body, **{_CAMEL.sub("_", name).lower(): value for name, value in body.items() if not name.islower()}
    )


def _handler(script: Path, name: str) -> Callable[..., Any]:
    try:
        spec = importlib.util.spec_from_file_location(script.stem, script)
        if spec is None or spec.loader is None:
            raise ImportError("not a Python file")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    except Exception as error:
        raise DataError(f"{script}: the script cannot be loaded ({type(error).__name__}: {error})") from error
    handler = getattr(module, name, None)
    if not callable(handler):
        raise DataError(f"{script}: a function {name} is expected")
    return handler
