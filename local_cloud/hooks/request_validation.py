"""What API Gateway says of a body that it refuses: what the model wants (`validationErrorString`), or its size."""

import json
from collections.abc import Callable, Iterator
from typing import Any

# Documented for REST APIs; what is longer never reaches an integration.
LARGEST_BODY = 10 * 1024 * 1024
_PLACE = b"$context.error.validationErrorString"


def install() -> None:
    from ministack.services import apigateway_v1

    check, render, execute = (
        apigateway_v1._check_request_validation,
        apigateway_v1._gateway_error_response,
        apigateway_v1._execute_in_scope,
    )

    def check_request(
        method: dict[str, Any], api: str, request: Any, headers: dict[str, str], body: bytes, query: Any
    ) -> Any:
        error = check(method, api, request, headers, body, query)
        if error is not None and error.response_type == "BAD_REQUEST_BODY":
            # The model that was found wanting is the type's, or else JSON's.
            models = method.get("requestModels") or {}
            kind = apigateway_v1._header_ci(headers, "content-type") or "application/json"
            model = models.get(kind.partition(";")[0].strip()) or models.get("application/json")
            error.explanation = _explanation(apigateway_v1, apigateway_v1._model_schema(api, model), body)
        return error

    def gateway_error_response(error: Any, request: dict[str, Any]) -> tuple[int, dict[str, Any], bytes]:
        status, headers, body = render(error, request)
        text = json.dumps(getattr(error, "explanation", ""))[1:-1]
        return status, headers, body.replace(_PLACE, text.encode())

    async def execute_in_scope(request: dict[str, Any], api: str, stage: str, *arguments: Any) -> Any:
        body, stages = arguments[3], apigateway_v1.stages_for_api(api)
        if body and len(body) > LARGEST_BODY and stage in stages:
            request["stage"] = stages[stage]
            return apigateway_v1._GatewayError("REQUEST_TOO_LARGE", "Request Too Long", "RequestTooLargeException")
        return await execute(request, api, stage, *arguments)

    apigateway_v1._check_request_validation = check_request
    apigateway_v1._gateway_error_response = gateway_error_response
    apigateway_v1._execute_in_scope = execute_in_scope


def _explanation(apigateway_v1: Any, schema: dict[str, Any], body: bytes) -> str:
    try:
        document = json.loads(body)
    except (ValueError, TypeError, RecursionError):
        return "Invalid JSON"

    def valid(part: dict[str, Any], value: Any) -> bool:
        return apigateway_v1._json_schema_valid(part, value, schema)

    try:
        return f"[{', '.join(_faults(schema, document, valid))}]"
    except RecursionError:
        return "[the value is nested too deeply]"


def _faults(schema: dict[str, Any], value: Any, valid: Callable[[dict[str, Any], Any], bool]) -> Iterator[str]:
    """The keywords that refuse the value; like API Gateway, without the place of the value.

    Of missing and unknown fields and of types it speaks in API Gateway's words, of others in its own.
    """
    fields = {name: schema[name] for name in ("properties", "patternProperties") if name in schema}
    for keyword, rule in schema.items():
        if keyword == "properties" and isinstance(value, dict):
            for name in rule.keys() & value.keys():
                yield from _faults(rule[name], value[name], valid)
        elif keyword == "additionalProperties":
            known = {name: {key: {} for key in names} for name, names in fields.items()}
            if not valid({**known, keyword: rule}, value):
                unknown = sorted(value.keys() - schema.get("properties", {}).keys())
                yield f"object instance has properties which are not allowed by the schema: {_list(unknown)}"
        elif keyword not in ("properties", "patternProperties") and not valid({keyword: rule}, value):
            yield _words(keyword, rule, value)


def _words(keyword: str, rule: Any, value: Any) -> str:
    if keyword == "required":
        return f"object has missing required properties ({_list(sorted(set(rule) - value.keys()))})"
    if keyword == "type":
        allowed = _list(rule if isinstance(rule, list) else [rule])
        return f"instance type ({_type(value)}) does not match any allowed primitive type (allowed: {allowed})"
    return f"instance does not satisfy {keyword}"


def _list(values: list[Any]) -> str:
    return json.dumps(values, separators=(",", ":"))


def _type(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return "null" if value is None else "boolean"
    names = {dict: "object", list: "array", str: "string", int: "integer", float: "number"}
    return names[type(value)]
