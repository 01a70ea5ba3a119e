"""API Gateway's data plane (REST APIs), where ministack's differs from AWS's: addresses, signatures, failures."""

import re
import time
from collections.abc import Callable
from typing import Any

from local_cloud import hooks
from local_cloud.hooks import request_validation, waf

# Documented by AWS Lambda: a refused invocation is 500, a failed one or a malformed answer is 502.
_REFUSED, _FAILED = 500, 502
_MESSAGE = "Internal server error"
_ANSWER_KEYS = {"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"}


# (name of the API, stage, status, seconds)
Observe = Callable[[str, str, int, float], None]


def install(observe: Observe) -> None:
    """Hook everything in; ``observe`` hears of each answer, in the account and region of the API's owner."""
    from ministack import app
    from ministack.services import apigateway_v1

    _addresses(app, apigateway_v1)
    _signatures(apigateway_v1)
    _failures(apigateway_v1)
    _events(apigateway_v1)
    request_validation.install()
    _observations(apigateway_v1, observe)


def _observations(apigateway_v1: Any, observe: Observe) -> None:
    handle = apigateway_v1._handle_execute_in_scope

    async def handle_execute(api_id: str, stage: str, *arguments: Any) -> Any:
        began = time.perf_counter()
        # Everyone calls from this machine; the header, which AWS does not heed, lets tests be several clients.
        client = (arguments[2] or {}).get("x-forwarded-for", "127.0.0.1")
        answer = waf.refusal(api_id, stage, client) or await handle(api_id, stage, *arguments)
        if stage in apigateway_v1.stages_for_api(api_id):
            name = apigateway_v1._rest_apis[api_id].get("name", api_id)
            observe(name, stage, answer[0], time.perf_counter() - began)
        return answer

    apigateway_v1._handle_execute_in_scope = handle_execute


def _addresses(app: Any, apigateway_v1: Any) -> None:
    host = re.escape(app._MINISTACK_HOST)
    app._EXECUTE_API_RE = re.compile(rf"^([a-z0-9]+)\.execute-api\.(?:{host}|[a-z0-9-]+\.amazonaws\.com)(?::\d+)?$")
    handle = app._handle_execute_api_request

    async def handle_request(host: str, path: str, *arguments: Any, raw_path: str | None = None, **options: Any) -> Any:
        parsed = app._parse_execute_api_url(host, path)
        if parsed and raw_path and apigateway_v1.find_api_scope(parsed[0]) is not None:
            # REST APIs route by the path as it was sent, and hand it on so: %2F separates nothing.
            path = raw_path
        return await handle(host, path, *arguments, raw_path=raw_path, **options)

    app._handle_execute_api_request = handle_request


def _signatures(apigateway_v1: Any) -> None:
    """Methods with AWS_IAM demand a signature, in the header or in the query; whose it is decides the identity."""
    from ministack.core import router, sigv4

    authorize, identify = apigateway_v1._authorize_request_v1, apigateway_v1._iam_caller_identity

    async def authorize_request(*arguments: Any) -> tuple[Any, Any]:
        method, headers, query = arguments[2], arguments[6], arguments[8] or {}
        if (method.get("authorizationType") or "").upper() != "AWS_IAM":
            return await authorize(*arguments)
        if "X-Amz-Signature" in query and router.extract_access_key_id({}, query):
            return None, None
        header = headers.get("authorization", "")
        foreign = header and not header.startswith("AWS4-HMAC-SHA256")
        if foreign and (refused := sigv4.foreign_authorization_failure(headers)):
            return apigateway_v1._GatewayError("DEFAULT_4XX", refused[1], "IncompleteSignatureException"), None
        return await authorize(*arguments)

    def caller_identity(headers: dict[str, str], query: dict[str, list[str]]) -> dict[str, Any] | None:
        known = identify(headers, query)
        key = router.extract_access_key_id(headers, query)
        if known or not key:
            return known
        # Any key is good for the account, as its root user.
        account = hooks.account_id()
        names = {"accountId": account, "caller": account, "user": account, "userArn": f"arn:aws:iam::{account}:root"}
        return {"accessKey": key, **names}

    apigateway_v1._authorize_request_v1 = authorize_request
    apigateway_v1._iam_caller_identity = caller_identity


def _failures(apigateway_v1: Any) -> None:
    """What went wrong in a function is not told to callers."""
    interpret, invoke, render = (
        apigateway_v1._lambda_proxy_response,
        apigateway_v1._invoke_lambda_proxy_v1,
        apigateway_v1._gateway_error_response,
    )

    def proxy_response(result: dict[str, Any]) -> tuple[dict[str, Any] | None, str | None]:
        if result.get("throttle"):
            return {"statusCode": _REFUSED, "body": _MARK}, None
        if result.get("error") or malformed(result.get("body")):
            return {"statusCode": _FAILED, "body": _MARK}, None
        return interpret(result)

    async def invoke_proxy(*arguments: Any, **options: Any) -> Any:
        answer = await invoke(*arguments, **options)
        if isinstance(answer, tuple) and answer[2] == _MARK.encode():
            error = apigateway_v1._GatewayError("DEFAULT_5XX", _MESSAGE, "InternalServerErrorException")
            error.status = answer[0]
            return error
        return answer

    def gateway_error_response(error: Any, request: dict[str, Any]) -> tuple[int, dict[str, Any], bytes]:
        status, headers, body = render(error, request)
        # 500 is what a response without a status of its own has; it keeps the error's.
        return (getattr(error, "status", status) if status == 500 else status), headers, body

    apigateway_v1._lambda_proxy_response = proxy_response
    apigateway_v1._invoke_lambda_proxy_v1 = invoke_proxy
    apigateway_v1._gateway_error_response = gateway_error_response


# A body that no function answers.
_MARK = "\x00failed"


def malformed(answer: Any) -> bool:
    """Whether API Gateway refuses what a function returned to a proxy integration."""
    if not isinstance(answer, dict) or not isinstance(answer.get("body"), str | None):
        return True
    return "statusCode" not in answer and bool(answer.keys() - _ANSWER_KEYS)


def _events(apigateway_v1: Any) -> None:
    build = apigateway_v1._build_lambda_event_v1

    def build_event(api_id: str, *arguments: Any, **options: Any) -> dict[str, Any]:
        event = build(api_id, *arguments, **options)
        context = event["requestContext"]
        context.setdefault("domainPrefix", api_id)
        context.setdefault("domainName", f"{api_id}.execute-api.{hooks.region()}.amazonaws.com")
        return event

    apigateway_v1._build_lambda_event_v1 = build_event
