"""AWS WAF: what ministack drops of a web ACL, logging configurations, and rate-based rules that count."""

import json
import re
import time
from collections import defaultdict, deque
from typing import Any

from local_cloud import hooks

# Members of a web ACL that ministack's record leaves out.
_MEMBERS = (
    *("AssociationConfig", "CaptchaConfig", "ChallengeConfig", "CustomResponseBodies", "DataProtectionConfig"),
    *("OnSourceDDoSProtectionConfig", "TokenDomains"),
)
_LOGGING = "LoggingConfiguration"
_LOG_GROUP = re.compile(r":log-group:aws-waf-logs-")
# Times of the requests of each (web ACL, rule, client), the latest last.
_seen: dict[tuple[str, str, str], deque[float]] = defaultdict(deque)

Response = tuple[int, dict[str, str], bytes]


def install() -> None:
    from ministack.services import waf

    _members(waf)
    handle = waf.handle_request

    async def handle_request(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        action = headers.get("x-amz-target", "").rpartition(".")[2]
        if action in _OPERATIONS:
            return _OPERATIONS[action](waf, json.loads(body or b"{}"))
        return await handle(method, path, headers, body, query)

    waf.handle_request = handle_request


def refusal(api_id: str, stage: str, client: str) -> Response | None:
    """The answer of the stage's web ACL to one more request of a client, where a rate-based rule refuses it.

    Rules that count by the client's address and narrow nothing down are executed; no other rule is.
    """
    from ministack.services import waf

    arn = waf._associations.get(f"arn:aws:apigateway:{hooks.region()}::/restapis/{api_id}/stages/{stage}")
    acl, _ = waf._resolve_local_web_acl(arn) if arn else (None, None)
    for rule in sorted((acl or {}).get("Rules", []), key=lambda rule: int(rule.get("Priority", 0))):
        rate = rule.get("Statement", {}).get("RateBasedStatement")
        if rate and rate.get("AggregateKeyType") == "IP" and "ScopeDownStatement" not in rate:
            times, now = _seen[acl["ARN"], rule["Name"], client], time.monotonic()
            while times and times[0] < now - int(rate.get("EvaluationWindowSec", 300)):
                times.popleft()
            times.append(now)
            if len(times) > int(rate["Limit"]) and "Block" in rule.get("Action", {}):
                return _blocked(acl, rule["Action"]["Block"] or {})
    return None


def _blocked(acl: dict[str, Any], block: dict[str, Any]) -> Response:
    custom = block.get("CustomResponse") or {}
    body = acl.get("CustomResponseBodies", {}).get(custom.get("CustomResponseBodyKey", ""), {})
    kind = {"APPLICATION_JSON": "application/json", "TEXT_HTML": "text/html"}.get(body.get("ContentType"), "text/plain")
    if not body:
        return int(custom.get("ResponseCode", 403)), {"Content-Type": "application/json"}, b'{"message":"Forbidden"}'
    return int(custom["ResponseCode"]), {"Content-Type": kind}, body["Content"].encode()


def _members(waf: Any) -> None:
    create, update = waf.create_web_acl_record, waf.update_web_acl_record

    def create_record(name: str, scope: str, properties: dict[str, Any]) -> Any:
        uid, arn, record = create(name, scope, properties)
        record.update({member: properties[member] for member in _MEMBERS if member in properties})
        return uid, arn, record

    def update_record(acl: dict[str, Any], properties: dict[str, Any]) -> Any:
        for member in _MEMBERS:
            acl.pop(member, None)
        acl.update({member: properties[member] for member in _MEMBERS if member in properties})
        return update(acl, properties)

    waf.create_web_acl_record, waf.update_web_acl_record = create_record, update_record


# ---- logging configurations, which are kept in the web ACL's record and so live as long


def _put(waf: Any, request: dict[str, Any]) -> Any:
    configuration = request["LoggingConfiguration"]
    acl, error = waf._resolve_local_web_acl(configuration["ResourceArn"])
    if error:
        return error
    for destination in configuration["LogDestinationConfigs"]:
        if ":logs:" in destination and not _LOG_GROUP.search(destination):
            return waf._waf_err(
                "WAFLogDestinationPermissionIssueException", "A log group's name must begin with aws-waf-logs-."
            )
    acl[_LOGGING] = configuration
    return waf.json_response({"LoggingConfiguration": configuration})


def _get(waf: Any, request: dict[str, Any]) -> Any:
    acl, error = waf._resolve_local_web_acl(request["ResourceArn"])
    if error:
        return error
    if _LOGGING not in acl:
        return waf._waf_err("WAFNonexistentItemException", "The web ACL has no logging configuration.")
    return waf.json_response({"LoggingConfiguration": acl[_LOGGING]})


def _delete(waf: Any, request: dict[str, Any]) -> Any:
    acl, error = waf._resolve_local_web_acl(request["ResourceArn"])
    if error:
        return error
    acl.pop(_LOGGING, None)
    return waf.json_response({})


def _list(waf: Any, request: dict[str, Any]) -> Any:
    acls = waf._values_for_scope(waf._web_acls, request.get("Scope", "REGIONAL"))
    return waf.json_response({"LoggingConfigurations": [acl[_LOGGING] for acl in acls if _LOGGING in acl]})


_OPERATIONS = {
    "PutLoggingConfiguration": _put,
    "GetLoggingConfiguration": _get,
    "DeleteLoggingConfiguration": _delete,
    "ListLoggingConfigurations": _list,
}
