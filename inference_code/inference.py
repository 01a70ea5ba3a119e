"""Script-mode handlers of the endpoint: rows of features in, calibrated fraud probabilities out.

Accepts text/csv without a header and application/json {"instances": [[…], …]}; answers text/csv, one probability
a row, or application/json {"predictions": [{"score": 0.01}, …]}. A missing value is an empty CSV field or a JSON
null. Needs numpy and the model's own library only.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from fraud.models.package import ModelPackage

CSV = "text/csv"
JSON = "application/json"
_MISSING = {"", "nan", "null", "none"}


def model_fn(model_dir: str) -> ModelPackage:
    """Load the model package from the unpacked model.tar.gz."""
    return ModelPackage.load(Path(model_dir))


def input_fn(request_body: bytes | str, content_type: str) -> np.ndarray:
    """Return float32 features of shape (rows, columns); raise ValueError naming row and column at fault."""
    kind = _media_type(content_type)
    text = request_body.decode("utf-8") if isinstance(request_body, (bytes, bytearray)) else request_body
    if kind == CSV:
        rows = [line.split(",") for line in text.splitlines() if line.strip()]
    elif kind == JSON:
        rows = _instances(text)
    else:
        raise ValueError(f"content type {content_type!r} is not supported: send {CSV} or {JSON}")
    if not rows:
        raise ValueError("the request holds no rows")
    widths = {len(row) for row in rows}
    if len(widths) > 1:
        odd = next(number for number, row in enumerate(rows, 1) if len(row) != len(rows[0]))
        raise ValueError(
            f"row {odd} has {len(rows[odd - 1])} values where row 1 has {len(rows[0])}: all rows need the same number"
        )
    return _numbers(rows)


def predict_fn(features: np.ndarray, model: ModelPackage) -> np.ndarray:
    """Return probabilities of shape (rows,); raise ValueError if the columns do not fit the schema."""
    names = model.schema.feature_names
    if features.shape[1] != len(names):
        raise ValueError(
            f"{features.shape[1]} values a row where the model needs {len(names)}, in this order: {', '.join(names)}"
        )
    infinite = np.argwhere(np.isinf(features))
    if len(infinite):
        row, column = infinite[0]
        raise ValueError(
            f"row {row + 1}, column {column + 1} ({names[column]}) is not finite: send a number, or leave the "
            "value empty if it is unknown"
        )
    return model.fraud_probability(features)


def output_fn(prediction: np.ndarray, accept: str | None) -> tuple[str, str]:
    """Return the answer's body and content type; CSV unless JSON is asked for."""
    kinds = [_media_type(part) for part in (accept or "*/*").split(",")]
    for kind in kinds:
        if kind == JSON:
            return json.dumps({"predictions": [{"score": float(value)} for value in prediction]}), JSON
        if kind in (CSV, "*/*", "text/*"):
            return "".join(f"{float(value)!r}\n" for value in prediction), CSV
    raise ValueError(f"answers are {CSV} or {JSON}, not {accept!r}")


def _media_type(header: str | None) -> str:
    return (header or "").split(";")[0].strip().lower()


def _instances(text: str) -> list[list]:
    try:
        body = json.loads(text)
    except ValueError as error:
        raise ValueError(f"the request is not valid JSON: {error}") from None
    rows = body.get("instances") if isinstance(body, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise ValueError('JSON requests look like {"instances": [[1.5, 0, null], …]}: a list of rows')
    return rows


def _numbers(rows: list[list]) -> np.ndarray:
    try:
        # The common case, all fields filled, in one pass.
        features = np.array(rows, dtype=np.float64)
    except (TypeError, ValueError):
        features = np.array([[_number(value, r, c) for c, value in enumerate(row, 1)] for r, row in enumerate(rows, 1)])
    if features.ndim != 2:
        raise ValueError("a row holds a list where a number is expected")
    # Beyond float32's range is as good as infinite: `predict_fn` names the column.
    with np.errstate(over="ignore"):
        return features.astype(np.float32)


def _number(value: object, row: int, column: int) -> float:
    if value is None or (isinstance(value, str) and value.strip().lower() in _MISSING):
        return float("nan")
    try:
        return float(value)
    except (TypeError, ValueError):
        # The value itself is not repeated: it could be personal data.
        raise ValueError(f"row {row}, column {column}: a number or an empty value is expected") from None
