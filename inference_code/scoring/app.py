"""The function's entry: routes requests, answers JSON or problems, logs and counts without any value of an event."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import cache
from typing import Any
from urllib.parse import unquote

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.metrics import MetricUnit
from botocore.config import Config

from inference_code.scoring import problems
from inference_code.scoring.active_rules import ActiveRules
from inference_code.scoring.endpoint import Endpoint
from inference_code.scoring.labels import Labels
from inference_code.scoring.problems import Problem
from inference_code.scoring.reading import Reading
from inference_code.scoring.settings import Settings, packed_event_type
from inference_code.scoring.store import Store
from inference_code.scoring.transactions import Transactions

LARGEST_BODY = 64 * 1024
DEEPEST_BODY = 16
JSON = "application/json"
app = APIGatewayRestResolver()
logger = Logger()
metrics = Metrics()


class Service:
    """What the routes use, made once for each instance of the function."""

    def __init__(self) -> None:
        settings, event_type = Settings.of(os.environ), packed_event_type(os.environ)
        retries = Config(retries={"mode": "adaptive", "total_max_attempts": 4}, connect_timeout=1, read_timeout=2)
        tables = boto3.client("dynamodb", config=retries)
        timeout = settings.endpoint_timeout_seconds
        # One attempt: a second one would come too late for the payment.
        hasty = Config(retries={"total_max_attempts": 1}, connect_timeout=min(timeout, 0.5), read_timeout=timeout)
        store = Store(tables, settings.decisions_table, settings.profiles_table)
        rules = ActiveRules(tables, settings.rules_table, event_type, self.warn)
        endpoint = Endpoint(boto3.client("sagemaker-runtime", config=hasty), settings.endpoint_name)
        self.transactions = Transactions(event_type, settings, store, endpoint, rules.get, self)
        s3 = boto3.client("s3", config=retries)
        self.labels = Labels(self.transactions.engine, store, s3, settings.captures_bucket, settings.max_future_seconds)
        self.reading = Reading(store, [entity.name for entity in event_type.entities])

    def count(self, metric: str) -> None:
        metrics.add_metric(name=metric, unit=MetricUnit.Count, value=1)

    def warn(self, message: str) -> None:
        logger.warning(message)


@cache
def service() -> Service:
    """The instance's service; made by its first request."""
    return Service()


@app.post("/transactions")
def post_transaction() -> Response:
    return _answered(lambda: service().transactions.score(_body()))


@app.post("/labels")
def post_label() -> Response:
    return _answered(lambda: service().labels.record(_body()))


@app.get("/decisions/<identifier>")
def get_decision(identifier: str) -> Response:
    return _answered(lambda: service().reading.one(unquote(identifier)))


@app.get("/decisions")
def get_decisions() -> Response:
    return _answered(lambda: service().reading.of_entity(app.current_event.query_string_parameters or {}))


@app.not_found
def not_found(_: NotFoundError) -> Response:
    return _problem(problems.unknown("such route"))


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer one request of API Gateway; anything else is refused without a word of it in the log."""
    try:
        return app.resolve(event, context)
    except Exception as error:
        logger.error("the event is not a request of API Gateway", extra={"error": type(error).__name__})
        problem = problems.malformed("The event is not a request of API Gateway.")
        return {
            "statusCode": problem.status,
            "headers": {"Content-Type": problems.MEDIA_TYPE},
            "body": json.dumps(problem.body()),
            "isBase64Encoded": False,
        }
    finally:
        if metrics.provider.metric_set:
            metrics.flush_metrics()


if "AWS_LAMBDA_INITIALIZATION_TYPE" in os.environ:
    # While a function starts it has more processor than its first request.
    service()


def _body() -> Any:
    """The parsed body; raises Problem 400, 413 or 415."""
    media_type = app.current_event.headers.get("content-type", JSON)
    if media_type.partition(";")[0].strip().lower() != JSON:
        raise Problem(415, "media-type", "The body's type is not supported", f"Send {JSON}.")
    if app.current_event.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise Problem(415, "encoding", "The body's encoding is not supported", "Send it without Content-Encoding.")
    try:
        text = app.current_event.decoded_body or ""
    except ValueError:
        raise problems.malformed("The body is not UTF-8.") from None
    if not isinstance(text, str):
        raise problems.malformed("The body is not a text.")
    if len(text) > LARGEST_BODY:
        raise Problem(413, "too-large", "The request is too large", f"At most {LARGEST_BODY} characters are read.")
    try:
        parsed = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_once)
    except _Twice:
        raise problems.malformed("A field is there twice.") from None
    except RecursionError:
        raise problems.malformed(_TOO_DEEP) from None
    except ValueError:
        raise problems.malformed("The body is not valid JSON.") from None
    if _is_deep(parsed):
        raise problems.malformed(_TOO_DEEP)
    return parsed


_TOO_DEEP = f"Objects and lists are nested more than {DEEPEST_BODY} deep; no field needs any."


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST_BODY + 1):
        level = [item for item in level if isinstance(item, dict | list)]
        if not level:
            return False
        level = [item for parent in level for item in (parent.values() if isinstance(parent, dict) else parent)]
    return True


class _Twice(ValueError):
    """A member of an object is there twice, and only one of its values would be looked at."""


def _once(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) < len(members):
        raise _Twice
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _answered(work: Callable[[], dict[str, Any]]) -> Response:
    try:
        return Response(200, JSON, json.dumps(work()))
    except Problem as problem:
        return _problem(problem)
    except Exception as error:
        # The error's own text could repeat values of the event: its kind and place are logged alone.
        logger.error("the request failed", extra={"error": type(error).__name__, "at": _place(error)})
        detail = "Nothing is lost: send the same request again."
        return _problem(Problem(500, "internal", "The request could not be answered", detail))


def _place(error: BaseException) -> str:
    """File and line in this project's code where an error arose, and the code AWS gave."""
    trace, place = error.__traceback__, ""
    while trace is not None:
        path = trace.tb_frame.f_code.co_filename
        if "fraud" in path or "inference_code" in path:
            place = f"{path.rsplit('/', 1)[-1]}:{trace.tb_lineno}"
        trace = trace.tb_next
    # botocore's errors of the network have a response as well, which is None.
    response = getattr(error, "response", None)
    code = response.get("Error", {}).get("Code", "") if isinstance(response, dict) else ""
    return f"{place} {code}".strip()


def _problem(problem: Problem) -> Response:
    return Response(problem.status, problems.MEDIA_TYPE, json.dumps(problem.body()))
