"""Script-mode handlers of the endpoint in AWS's prebuilt containers: rows of features in, fraud probabilities out.

Accepts text/csv without a header, application/json {"instances": [[…], …], "reasons": 3}, application/jsonlines and
parquet; answers text/csv (one calibrated probability a row), application/json {"predictions": [{"probability": 0.01,
"score": 250, "reasons": […]}, …], "model": {…}} or application/jsonlines. A missing value is an empty CSV field or a
JSON null. Needs numpy and the model's own library only. This project's own server gives the same answers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fraud.models.package import ModelPackage
from fraud.serving.answers import Service


def model_fn(model_dir: str) -> Service:
    """Load the model package from the unpacked model.tar.gz."""
    return Service(ModelPackage.load(Path(model_dir)))


def transform_fn(model: Service, request_body: bytes | str, content_type: str, accept: str | None) -> Any:
    """Return the answer's body and media type, or a response with its own status where the request is wrong.

    With input_fn, predict_fn and output_fn instead, AWS's toolkit answers most wrong requests with status 500, which
    is the alarm for a broken endpoint.
    """
    status, body, media_type = model.answer(request_body, content_type, accept)
    if status == 200:
        return body, media_type
    # What the container's own server, Flask, is built on.
    from werkzeug.wrappers import Response

    return Response(body, status, mimetype=media_type)
