"""From a request to an answer's body: CSV, JSON and JSON lines, with probability, score and reasons.

One `Service` answers in AWS's prebuilt container and in this project's own server, with the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from fraud.models.package import ModelPackage
from fraud.models.scoring import score
from fraud.serving.requests import CSV, JSON, JSON_LINES, Request, RequestError, media_type, parse

RowScore = Callable[[Sequence[float]], float]
"""A model's score, before calibration, of one row of numbers: equal to what the model itself answers."""
_FEW_ROWS = 16
_PLAIN_TEXT = "text/plain"


class Answer(NamedTuple):
    """What goes back to the caller."""

    status: int
    body: str
    media_type: str


class Service:
    """A model package that answers requests; `row_score` is a faster way to score a few rows, where there is one."""

    def __init__(self, package: ModelPackage, row_score: RowScore | None = None) -> None:
        self.package = package
        self._names = tuple(package.schema.feature_names)
        self._row_score = row_score
        self._end_of_document = f'], "model": {json.dumps(model_of(package))}}}'

    def answer(self, body: bytes | str, content_type: str | None, accept: str | None) -> Answer:
        """Return the answer; a request that is wrong is answered with its status and a message."""
        try:
            kind = _acceptable(accept)
            request = parse(body, content_type, self._names)
            return Answer(200, self._written(request, kind), kind)
        except RequestError as error:
            return Answer(error.status_code, f"{error}\n", _PLAIN_TEXT)

    def warm_up(self) -> None:
        """Answer once in each way, because the first call of a library sets it up: not at a caller's expense."""
        row = [0.0] * len(self._names)
        self.answer(",".join(map(str, row)), CSV, CSV)
        self.answer(json.dumps({"instances": [row], "reasons": 1}), JSON, JSON)

    def probabilities(self, request: Request) -> list[float]:
        """Return each row's calibrated probability."""
        row_score, rows = self._row_score, request.rows
        if row_score is None or len(rows) > _FEW_ROWS or type(rows) is not list:
            return self.package.fraud_probability(request.features).tolist()
        return [self.package.calibration.one(row_score(row)) for row in rows]

    def reasons(self, request: Request) -> list[list[dict[str, Any]]]:
        """Return each row's features that raise the score most, with contributions in log-odds, largest first."""
        answers = []
        for contributions in self.package.model.contributions(request.features):
            order = np.argsort(-contributions, kind="stable")[: request.reasons].tolist()
            answers.append(
                [
                    {"feature": self._names[at], "contribution": round(float(contributions[at]), 6)}
                    for at in order
                    if contributions[at] > 0
                ]
            )
        return answers

    def _written(self, request: Request, kind: str) -> str:
        probabilities = self.probabilities(request)
        if kind == CSV:
            return "".join([f"{value!r}\n" for value in probabilities])
        # Written by hand as json.dumps would: that takes 10 µs more.
        predictions = [f'{{"probability": {value!r}, "score": {score(value)}' for value in probabilities]
        if request.reasons:
            reasons = self.reasons(request)
            predictions = [f'{p}, "reasons": {json.dumps(r)}' for p, r in zip(predictions, reasons, strict=True)]
        if kind == JSON:
            return f'{{"predictions": [{"}, ".join(predictions)}}}{self._end_of_document}'
        return "".join([f"{prediction}}}\n" for prediction in predictions])


def model_of(package: ModelPackage) -> dict[str, str]:
    """Return what an answer says of the model: its algorithm and the digest of its files."""
    return {"algorithm": package.model.algorithm, "version": package.version}


@lru_cache(256)
def _acceptable(accept: str | None) -> str:
    """Return the media type of the answer that an Accept header prefers; CSV where it does not care."""
    wishes = sorted(enumerate((accept or "*/*").split(",")), key=lambda wish: (-_quality(wish[1]), wish[0]))
    for _, wish in wishes:
        kind = media_type(wish)
        if _quality(wish) <= 0:
            continue
        if kind in (JSON, "application/*"):
            return JSON
        if kind in JSON_LINES:
            return kind
        if kind in (CSV, "*/*", "text/*"):
            return CSV
    raise RequestError(f"answers are {CSV}, {JSON} or {JSON_LINES[0]}, not {(accept or '')[:100]!r}", 406)


def _quality(wish: str) -> float:
    for parameter in wish.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
