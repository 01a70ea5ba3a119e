"""IAM enforcement (``AUTH=true``): the actions of the services that this package adds, and the roles they act as."""

import contextlib
import contextvars
import functools
import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from local_cloud import hooks

_SESSION_SECONDS = 3600
_SESSION_NAME = "local-cloud"
# The request that is being decided: action, body, parameters
Request = tuple[str, bytes, Mapping[str, Any]]
_request: contextvars.ContextVar[Request | None] = contextvars.ContextVar("request", default=None)
_access_key: contextvars.ContextVar[str] = contextvars.ContextVar("access_key", default="")
_UPLOADS_KEYS = ("aws-kms-key-id", "customer-algorithm")


@dataclass(frozen=True)
class Session:
    """Temporary credentials of a role."""

    access_key: str
    secret: str
    token: str
    expires: float

    def expires_soon(self) -> bool:
        return time.time() > self.expires - 300


def enforced() -> bool:
    """Whether policies decide."""
    from ministack import app

    return app.AUTH


def register(service: str, namespace: str, rest_models: tuple[str, ...] = ()) -> None:
    """Let policies decide on a service's actions.

    Args:
        service: name under which the service was added.
        namespace: prefix of its actions in policies.
        rest_models: botocore models whose paths name the action where no X-Amz-Target header does.
    """
    from ministack.core import iam_actions

    iam_actions.SERVICE_TO_IAM_NAMESPACE[service] = namespace
    iam_actions._SERVICE_PROTOCOL[service] = "json"
    if rest_models:
        iam_actions._BOTOCORE_SERVICE_MAP[service] = list(rest_models)


# ---- principals


def new_session(role_arn: str) -> Session:
    """Credentials as sts:AssumeRole gives them, for a service that acts as the role."""
    from ministack.services import sts

    session = Session(
        f"ASIA{secrets.token_hex(8).upper()}",
        secrets.token_hex(20),
        secrets.token_hex(32),
        time.time() + _SESSION_SECONDS,
    )
    sts.register_session(
        session.access_key,
        {
            "Arn": _assumed(role_arn),
            "UserId": f"{_name(role_arn)}:{_SESSION_NAME}",
            "SecretAccessKey": session.secret,
            "SessionToken": session.token,
            "Expiration": session.expires,
            "AccountId": role_arn.split(":")[4],
            "PrincipalType": "AssumedRole",
        },
    )
    return session


def trusts(role_arn: str, service: str) -> bool:
    """Whether the role exists and its trust policy lets the service assume it on behalf of its account."""
    from ministack.core import iam_evaluator

    role = _role(role_arn)
    if role is None:
        return False
    account = role_arn.split(":")[4]
    context = iam_evaluator.EvalContext(
        principal_arn=service,
        principal_type="Service",
        principal_account=account,
        action="sts:AssumeRole",
        resource_arn=role_arn,
        region=hooks.region(),
        service_context={"aws:sourceaccount": account},
    )
    document = role.get("AssumeRolePolicyDocument") or {}
    statements = (json.loads(document) if isinstance(document, str) else document).get("Statement", [])
    for statement in [statements] if isinstance(statements, dict) else statements:
        services = (statement.get("Principal") or {}).get("Service", []) if statement["Effect"] == "Allow" else []
        if service in ([services] if isinstance(services, str) else services) and iam_evaluator._conditions_met(
            statement.get("Condition", {}), context
        ):
            return True
    return False


def role_principal(role_arn: str) -> Any:
    """The role's session with its policies and boundary."""
    from ministack.core import iam_evaluator
    from ministack.services import iam

    account, name = role_arn.split(":")[4], _name(role_arn)
    return iam_evaluator.PrincipalInfo(
        arn=_assumed(role_arn),
        type="AssumedRole",
        account=account,
        policies=iam_evaluator._gather_role_policies(name, account),
        limits=iam_evaluator._permissions_boundary(iam._roles, name, account),
    )


def caller() -> Any:
    """Who sent the request that is being answered; None for the account's root, who may do everything."""
    from ministack.core import iam_evaluator

    if not _access_key.get():
        return None
    found = iam_evaluator.resolve_principal(_access_key.get(), hooks.account_id())
    return None if isinstance(found, iam_evaluator.AuthError) or found.policies is None else found


def allows(principal: Any, action: str, resource: str, context: Mapping[str, Any]) -> bool:
    """What the principal's policies and boundary, and the resource's own policy, say."""
    from ministack.core import iam_evaluator

    keys = {key.lower(): value for key, value in {**account_keys(), **context}.items()}
    keys.setdefault("aws:tagkeys", None)
    request = iam_evaluator.EvalContext(
        principal_arn=principal.arn,
        principal_type=principal.type,
        principal_account=principal.account,
        action=action,
        resource_arn=resource,
        region=hooks.region(),
        secure_transport=True,
        service_context=keys,
        principal_keys=principal.keys,
    )
    result = iam_evaluator.evaluate(request, principal.policies, *principal.limits)
    service = action.partition(":")[0]
    found = iam_evaluator._resource_policy(service, resource)
    if found is not None:
        required = service in iam_evaluator._POLICY_REQUIRED
        result = iam_evaluator.combine_resource_policy(
            result, request, *found, required=required, limits=principal.limits
        )
    return result.decision == "Allow"


def account_keys() -> dict[str, str]:
    """Callers and resources are of the account that is asked: CDK's roles and key policies want to hear it."""
    return {"aws:ResourceAccount": hooks.account_id(), "kms:CallerAccount": hooks.account_id()}


def _role(role_arn: str) -> dict[str, Any] | None:
    from ministack.services import iam

    return iam._roles.get_scoped(role_arn.split(":")[4], None, _name(role_arn))


def _name(role_arn: str) -> str:
    return role_arn.rpartition("/")[2]


def _assumed(role_arn: str) -> str:
    return f"arn:aws:sts::{role_arn.split(':')[4]}:assumed-role/{_name(role_arn)}/{_SESSION_NAME}"


# ---- requests over HTTP

# (service, headers and path, body, parameters) -> the resource of a request, or None where ministack names it
Resource = Callable[[str, Mapping[str, str], bytes, Mapping[str, Any]], str | None]
# (action, resource, context, body, parameters) -> whether what else the request demands is allowed
Further = Callable[[str, str, Mapping[str, Any], bytes, Mapping[str, Any]], bool]
Note = Callable[[str, str, str, Mapping[str, Any], bool], None]


def decide(resource_of: Resource, context_of: Callable[..., Mapping[str, Any]], further: Further, note: Note) -> None:
    """Complete ministack's decisions.

    Args:
        resource_of: names the resource of requests where ministack does not know it, or not exactly.
        context_of: (service, action, body, parameters) -> further condition keys.
        further: what else a request that may be made demands, such as the use of a key.
        note: hears of every decision.
    """
    from ministack import app
    from ministack.core import iam_actions, iam_evaluator

    pin = app.pin_request_origin

    def pin_request_origin(source_ip: str, secure: bool) -> None:
        # What policies mean by TLS is that nobody listens; on the loopback nobody does.
        pin(source_ip, secure or source_ip in ("127.0.0.1", "::1"))

    app.pin_request_origin = pin_request_origin
    _parse_once(iam_evaluator)
    extract, tags, enforce = iam_actions.extract_resource_arn, iam_actions.request_tag_context, iam_evaluator.enforce

    def extract_resource_arn(
        service: str, method: str, path: str, headers: dict, body: bytes, params: dict, region: str, account: str
    ) -> str:
        found = resource_of(service, {"path": path, **headers}, body, params)
        return found or extract(service, method, path, headers, body, params, region, account)

    def request_tag_context(service: str, action: str, body: bytes, params: dict) -> dict:
        _request.set((action, body, params))
        return {**tags(service, action, body, params), **context_of(service, action, body, params)}

    def enforce_all(
        access_key: str,
        action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: dict[str, Any] | None = None,
    ) -> Any:
        _access_key.set(access_key or "")
        service_context = {**account_keys(), **(service_context or {})}
        denied = enforce(access_key, action, service, region, resource_arn, service_context)
        if isinstance(denied, iam_evaluator.AuthError):
            return denied
        principal = caller()
        if principal is None:
            return denied
        note(principal.arn, action, resource_arn, service_context, denied is None)
        if denied is None:
            asked = _request.get()
            body, params = asked[1:] if asked and asked[0] == action else (b"", {})
            if not further(action, resource_arn, service_context, body, params):
                return iam_evaluator.EvalResult("ImplicitDeny", principal.arn, "", "No matching Allow statement")
        return denied

    tables = iam_actions.dynamodb_resource_arns

    def dynamodb_resource_arns(body: bytes, region: str, account: str) -> list[str]:
        # ministack looks for tables by name alone; exports are asked for by ARN.
        with contextlib.suppress(ValueError, AttributeError):
            asked = json.loads(body or b"{}")
            for member in ("ExportArn", "TableArn"):
                if asked.get(member):
                    return [asked[member]]
        return tables(body, region, account)

    objects = iam_actions._s3_object_context

    def s3_object_context(action: str, params: dict, path: str, headers: dict) -> dict:
        found = objects(action, params, path, headers)
        # ministack tells policies whether an upload asks for encryption, but not by whose key.
        if action == "s3:PutObject":
            asked = {name: headers.get(f"x-amz-server-side-encryption-{name}") for name in _UPLOADS_KEYS}
            found |= {f"s3:x-amz-server-side-encryption-{name}": value for name, value in asked.items() if value}
        return found

    iam_actions._s3_object_context = s3_object_context
    iam_actions.dynamodb_resource_arns = dynamodb_resource_arns
    iam_actions.extract_resource_arn = extract_resource_arn
    iam_actions.request_tag_context = request_tag_context
    iam_evaluator.enforce = enforce_all


def _parse_once(evaluator: Any) -> None:
    """Keep what policies were parsed into: each request asks for all policies of its role, and more than once."""
    parse = evaluator.parse_policy_document
    parse_text = functools.lru_cache(maxsize=4096)(parse)

    def parse_policy_document(document: str | dict[str, Any]) -> Any:
        return list(parse_text(document)) if isinstance(document, str) else parse(document)

    evaluator.parse_policy_document = parse_policy_document


def key_of_object(bucket: str, key: str) -> str | None:
    """ARN of the customer's key that an object is encrypted with, or that the bucket gives new ones (empty ``key``)."""
    from ministack.services import s3

    headers: Mapping[str, Any] = s3._bucket_default_sse_headers(bucket)
    if key:
        found = (s3._buckets.get(bucket) or {}).get("objects", {}).get(key)
        headers = s3._stored_sse_headers(found) if found else {}
    return key_arn(headers.get("x-amz-server-side-encryption-aws-kms-key-id", ""))


def key_arn(reference: str) -> str | None:
    """ARN of a customer's key named by id, ARN or alias."""
    from ministack.services import kms

    found = kms._resolve_key(reference) if reference and "alias/aws/" not in reference else None
    return found["Arn"] if found else None


def usable(key: str) -> bool:
    """Whether a key, given by its ARN, is neither disabled nor about to be deleted."""
    from ministack.services import kms

    found = kms._resolve_key(key)
    return found is None or found.get("KeyState", "Enabled") == "Enabled"


def key_of_state_machine(machine_arn: str) -> str | None:
    """ARN of the customer's key of a state machine."""
    from ministack.services import stepfunctions

    machine = stepfunctions._state_machines.get(machine_arn) or {}
    return key_arn((machine.get("encryptionConfiguration") or {}).get("kmsKeyId", ""))


def key_of_topic(topic_arn: str) -> str | None:
    """ARN of the customer's key of an SNS topic."""
    from ministack.services import sns

    attributes = (sns._topics.get(topic_arn) or {}).get("attributes", {})
    return key_arn(attributes.get("KmsMasterKeyId", ""))


def key_of_table(table_arn: str) -> str | None:
    """ARN of the customer's key of a DynamoDB table, given by the table's ARN or an index's."""
    from ministack.services import dynamodb

    table = dynamodb._tables.get(table_arn.partition(":table/")[2].partition("/")[0]) or {}
    return key_arn((table.get("SSEDescription") or {}).get("KMSMasterKeyArn", ""))
