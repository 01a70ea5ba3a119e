"""What API Gateway answers by itself, as RFC 9457 problem bodies like the function's own."""

from __future__ import annotations

import json
from typing import Any

from aws_cdk import aws_apigateway as apigateway
from constructs import Construct

MEDIA_TYPE = "application/problem+json"
# (response type, status, title); the two defaults keep the status of whatever they stand for.
PROBLEMS = (
    ("BAD_REQUEST_BODY", 400, "Bad Request"),
    ("BAD_REQUEST_PARAMETERS", 400, "Bad Request"),
    ("ACCESS_DENIED", 403, "Forbidden"),
    ("EXPIRED_TOKEN", 403, "Forbidden"),
    ("INVALID_API_KEY", 403, "Forbidden"),
    ("INVALID_SIGNATURE", 403, "Forbidden"),
    # API Gateway says this of unsigned requests and of paths that do not exist.
    ("MISSING_AUTHENTICATION_TOKEN", 403, "Forbidden"),
    ("REQUEST_TOO_LARGE", 413, "Content Too Large"),
    ("UNSUPPORTED_MEDIA_TYPE", 415, "Unsupported Media Type"),
    ("WAF_FILTERED", 403, "Forbidden"),
    ("THROTTLED", 429, "Too Many Requests"),
    ("QUOTA_EXCEEDED", 429, "Too Many Requests"),
    ("INTEGRATION_FAILURE", 504, "Gateway Timeout"),
    ("INTEGRATION_TIMEOUT", 504, "Gateway Timeout"),
    ("DEFAULT_4XX", None, "Request refused"),
    ("DEFAULT_5XX", None, "Request failed"),
)


class ProblemResponses(Construct):
    """A gateway response for each of PROBLEMS."""

    def __init__(self, scope: Construct, construct_id: str, *, api: apigateway.RestApi) -> None:
        super().__init__(scope, construct_id)
        for kind, status, title in PROBLEMS:
            response = apigateway.CfnGatewayResponse(
                self,
                kind.title().replace("_", ""),
                rest_api_id=api.rest_api_id,
                response_type=kind,
                status_code=str(status) if status else None,
                response_parameters={"gatewayresponse.header.Content-Type": f"'{MEDIA_TYPE}'"},
                response_templates={"application/json": _template(kind, status, title)},
            )
            # A deployment is a snapshot: it is made after them, and again when they change.
            api.latest_deployment.node.add_dependency(response)
        api.latest_deployment.add_to_logical_id({"problems": [list(problem) for problem in PROBLEMS]})


def _template(kind: str, status: int | None, title: str) -> str:
    known: dict[str, Any] = {"type": "about:blank", "title": title}
    if status:
        known["status"] = status
    if kind == "BAD_REQUEST_BODY":
        # What the model refused, in API Gateway's words; the function itself names each field.
        known["errors"] = [{"field": "", "message": "$context.error.validationErrorString"}]
    # messageString comes with its quotes, as JSON; the templates know nothing but such substitutions.
    return json.dumps(known)[:-1] + ', "detail": $context.error.messageString}'
