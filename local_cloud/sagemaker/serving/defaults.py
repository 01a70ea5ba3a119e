"""Handlers for models whose code leaves some out, as the prebuilt framework containers have them."""

import io
import json
from pathlib import Path
from typing import Any

CSV, JSON, NPY = "text/csv", "application/json", "application/x-npy"
_XGBOOST_SUFFIXES = (".json", ".ubj", ".xgb")


class UnsupportedType(Exception):
    """A content type (415) or an accepted type (406) that the default handlers cannot serve."""

    def __init__(self, status_code: int, message: str):
        super().__init__(message)
        self.status_code = status_code


def model_fn(model_dir: str) -> Any:
    """An XGBoost booster (``xgboost-model`` or one .json/.ubj/.xgb file) or what one .joblib file holds."""
    files = sorted(path for path in Path(model_dir).iterdir() if path.is_file())
    boosters = [p for p in files if p.name == "xgboost-model"] or [p for p in files if p.suffix in _XGBOOST_SUFFIXES]
    if len(boosters) == 1:
        import xgboost

        return xgboost.Booster(model_file=str(boosters[0]))
    joblibs = [path for path in files if path.suffix == ".joblib"]
    if len(joblibs) == 1 and not boosters:
        import joblib

        return joblib.load(joblibs[0])
    found = ", ".join(path.name for path in files) or "no file"
    raise FileNotFoundError(
        f"No default way to load the model: {model_dir} holds {found}. Give code/inference.py with a model_fn, or one "
        "file named xgboost-model, *.json, *.ubj, *.xgb or *.joblib."
    )


def input_fn(data: str | bytes, content_type: str) -> Any:
    """A 2-D array of the request's rows, from CSV without header, JSON (rows, or {"instances": rows}) or npy."""
    import numpy

    if content_type == CSV:
        return numpy.genfromtxt(io.StringIO(data), delimiter=",", ndmin=2)
    if content_type == JSON:
        decoded = json.loads(data)
        return numpy.atleast_2d(numpy.array(decoded["instances"] if isinstance(decoded, dict) else decoded))
    if content_type == NPY:
        return numpy.load(io.BytesIO(data), allow_pickle=False)
    raise UnsupportedType(415, f"Content type {content_type} is not supported; send {CSV}, {JSON} or {NPY}.")


def predict_fn(data: Any, model: Any) -> Any:
    if type(model).__module__.partition(".")[0] == "xgboost" and type(model).__name__ == "Booster":
        return model.inplace_predict(data)
    return model.predict(data)


def output_fn(prediction: Any, accept: str) -> tuple[str | bytes, str]:
    import numpy

    values = numpy.asarray(prediction)
    for kind in (part.partition(";")[0].strip() for part in accept.split(",")):
        if kind in (JSON, "*/*"):
            return json.dumps(values.tolist()), JSON
        if kind == CSV:
            rows = values.reshape(len(values), -1) if values.ndim else values.reshape(1, 1)
            return "".join(",".join(map(str, row)) + "\n" for row in rows.tolist()), CSV
        if kind == NPY:
            buffer = io.BytesIO()
            numpy.save(buffer, values)
            return buffer.getvalue(), NPY
    raise UnsupportedType(406, f"Accept {accept} cannot be served; ask for {CSV}, {JSON} or {NPY}.")
