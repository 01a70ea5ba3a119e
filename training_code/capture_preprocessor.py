"""Model Monitor's record preprocessor: flattens what an endpoint captured into rows that its container can read.

AWS's analyzer calls `preprocess_handler` once for each captured record and reads flat rows only. It runs this file by
itself, without anything else of the project: the standard library is all there is. This project's own analyzer
(training_code.analyze) reads captures directly and gives the same rows.
"""

from __future__ import annotations

import base64
import csv
import io
import json
from typing import Any

PROBABILITY = "probability"


def preprocess_handler(inference_record: Any) -> list[dict[str, Any]]:
    """Return a row for each instance of a record: the probability of fraud, then the features in their order.

    `inference_record.endpoint_input` and `.endpoint_output` have `data` (text) and `encoding` (CSV, JSON or BASE64).
    The keys are positions with leading zeros: the analyzer sorts a row's keys, and takes the columns' names from the
    baseline by position. A record that cannot be understood, or whose answers do not match its instances, has no rows.
    """
    try:
        answers = _answers(inference_record.endpoint_output)
        instances = _instances(inference_record.endpoint_input)
    except (ValueError, TypeError, KeyError, AttributeError, IndexError):
        return []
    if len(answers) != len(instances):
        return []
    return [_row([answer, *instance]) for answer, instance in zip(answers, instances)]  # noqa: B905 - Python 3.8 there


def _row(values: list[Any]) -> dict[str, Any]:
    return {str(position).zfill(20): value for position, value in enumerate(values)}


def _answers(part: Any) -> list[Any]:
    """The probability of each prediction, whichever form the answer has."""
    if _is_csv(part):
        return [row[0] for row in _csv_rows(_text(part))]
    predictions = [item for document in _documents(_text(part)) for item in _listed(document, "predictions")]
    return [item[PROBABILITY] if isinstance(item, dict) else item for item in predictions]


def _instances(part: Any) -> list[list[Any]]:
    """The features of each instance."""
    if _is_csv(part):
        return _csv_rows(_text(part))
    instances = [item for document in _documents(_text(part)) for item in _listed(document, "instances")]
    return [list(item["features"] if isinstance(item, dict) else item) for item in instances]


def _listed(document: Any, member: str) -> list[Any]:
    """{"instances": […]} holds many; a line of JSON lines is one itself."""
    if isinstance(document, dict) and member in document:
        return document[member]
    return [document]


def _documents(text: str) -> list[Any]:
    """One JSON document, or one a line."""
    try:
        return [json.loads(text)]
    except ValueError:
        return [json.loads(line) for line in text.splitlines() if line.strip()]


def _csv_rows(text: str) -> list[list[str]]:
    return [row for row in csv.reader(io.StringIO(text)) if row]


def _is_csv(part: Any) -> bool:
    if part.encoding == "BASE64":
        return "json" not in (getattr(part, "observedContentType", None) or "")
    return part.encoding == "CSV"


def _text(part: Any) -> str:
    return base64.b64decode(part.data).decode("utf-8") if part.encoding == "BASE64" else part.data
