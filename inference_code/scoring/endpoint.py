"""The model's answer for one event, or that there is none in time."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

REASONS = 4
_INFERENCE_ID = re.compile(r"^[\x21-\x7e]{1,64}$")


class Unavailable(Exception):
    """The endpoint failed or was slow; the text says how, without any value of the event."""


@dataclass(frozen=True)
class Answer:
    """Calibrated probability, score of 0 to 1000, reasons, and what the model says of itself."""

    probability: float
    score: int
    reasons: list[dict[str, Any]]
    model: dict[str, Any]


class Endpoint:
    """A SageMaker endpoint; the client is made with the timeouts that a payment can bear."""

    def __init__(self, client: Any, name: str) -> None:
        self._client, self._name = client, name

    def ask(self, identifier: str, features: list[float]) -> Answer:
        """Return the model's answer; raises Unavailable."""
        # NaN is no JSON: a missing value is null.
        row = [None if value != value else value for value in features]
        try:
            response = self._client.invoke_endpoint(
                EndpointName=self._name,
                ContentType="application/json",
                Accept="application/json",
                InferenceId=inference_id(identifier),
                Body=json.dumps({"instances": [row], "reasons": REASONS}),
            )
            body = json.loads(response["Body"].read())
            prediction = body["predictions"][0]
            answer = Answer(
                float(prediction["probability"]), int(prediction["score"]), prediction["reasons"], body.get("model", {})
            )
            _check(answer)
        except ClientError as error:
            raise Unavailable(error.response["Error"]["Code"]) from None
        except (BotoCoreError, OSError) as error:
            raise Unavailable(type(error).__name__) from None
        except (ValueError, LookupError, TypeError, ArithmeticError, RecursionError) as error:
            raise Unavailable(f"its answer cannot be read ({type(error).__name__})") from None
        return answer


def _check(answer: Answer) -> None:
    """Raise ValueError for what no model of ours says: rules would decide by it, and NaN is no JSON to answer."""
    told = isinstance(answer.reasons, list) and isinstance(answer.model, dict)
    if not (0 <= answer.probability <= 1 and 0 <= answer.score <= 1000 and told):
        raise ValueError("out of range")


def inference_id(identifier: str) -> str:
    """Return the id that ground truth is joined by: the event's own where SageMaker allows it, else its digest."""
    if _INFERENCE_ID.match(identifier):
        return identifier
    return hashlib.sha256(identifier.encode()).hexdigest()
