"""API Gateway (REST APIs): AWS integrations whose URI is an endpoint of SageMaker's runtime."""

import asyncio
import contextvars
import copy
import re
from collections.abc import Awaitable, Callable
from typing import Any

Response = tuple[int, dict[str, str], bytes]
# (endpoint name, headers with lower-case names, body) -> response
Invoke = Callable[[str, dict[str, str], bytes], Awaitable[Response]]

_URI = re.compile(r":runtime\.sagemaker:path/+endpoints/([^/]+)/invocations$")


def install(invoke: Invoke) -> None:
    """Send such integrations to ``invoke``, in the account and region of the API's owner."""
    from ministack.core import responses
    from ministack.services import apigateway_v1

    before = apigateway_v1._invoke_lambda_custom_v1

    async def custom(integration: dict[str, Any], *arguments: Any, **options: Any) -> Response:
        match = _URI.search(integration.get("uri", ""))
        if match is None:
            return await before(integration, *arguments, **options)
        headers, body = arguments[6], arguments[7]
        context = contextvars.copy_context()
        if owner := options.get("owner_account_id"):
            context.run(responses._request_account_id.set, owner)
        if region := options.get("owner_region"):
            context.run(responses.set_request_region, region)
        call = invoke(match[1], _headers(integration, headers), body or b"")
        return await asyncio.get_running_loop().create_task(call, context=context)

    apigateway_v1._invoke_lambda_custom_v1 = custom


def configure_endpoint(api_id: str, configuration: dict[str, Any]) -> None:
    """Set a REST API's endpoint configuration from its template's: ministack keeps that very object, names and all."""
    from ministack.services import apigateway_v1

    members = {"Types": "types", "VpcEndpointIds": "vpcEndpointIds", "IpAddressType": "ipAddressType"}
    found = {member: copy.deepcopy(configuration[name]) for name, member in members.items() if name in configuration}
    apigateway_v1._rest_apis[api_id]["endpointConfiguration"] = {"types": ["EDGE"], **found}


def _headers(integration: dict[str, Any], given: dict[str, str]) -> dict[str, str]:
    """Content-Type and Accept of the caller, and what the integration's request parameters set literally."""
    lower = {name.lower(): value for name, value in given.items()}
    headers = {name: lower[name] for name in ("content-type", "accept") if name in lower}
    for name, value in (integration.get("requestParameters") or {}).items():
        target = name.removeprefix("integration.request.header.").lower()
        if target == name.lower():
            continue
        if value.startswith("'"):
            headers[target] = value.strip("'")
        elif (source := value.removeprefix("method.request.header.").lower()) in lower:
            headers[target] = lower[source]
    return headers
