"""The role that the current work is done as, its credentials, and what its policies say."""

import contextlib
import contextvars
import logging
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from local_cloud import hooks
from local_cloud.authorization import record
from local_cloud.hooks import iam

log = logging.getLogger("local_cloud.authorization")

_acting: contextvars.ContextVar[str | None] = contextvars.ContextVar("acting", default=None)
_sessions: dict[tuple[str, str], iam.Session] = {}
_lock = threading.Lock()


class Refused(Exception):
    """A role may not do what is asked of it; the text is AWS's."""


@contextlib.contextmanager
def acting_as(role_arn: str | None, service: str) -> Iterator[None]:
    """Do what follows as the role, which the service (``sagemaker.amazonaws.com``) must be trusted to assume.

    Nothing changes while policies are not enforced, or without a role.

    Raises:
        Refused: there is no such role, or it does not trust the service.
    """
    if not role_arn or not iam.enforced():
        yield
        return
    if not iam.trusts(role_arn, service):
        raise Refused(
            f"Could not assume role {role_arn}. Please ensure that the role exists and allows principal "
            f"'{service}' to assume the role."
        )
    token = _acting.set(role_arn)
    try:
        yield
    finally:
        _acting.reset(token)


@contextlib.contextmanager
def acting_as_server() -> Iterator[None]:
    """Do what follows as the service itself: bookkeeping that no role pays for."""
    token = _acting.set(None)
    try:
        yield
    finally:
        _acting.reset(token)


def acting_role() -> str | None:
    """ARN of the role that the current work is done as; None for the server itself."""
    return _acting.get()


def session() -> iam.Session | None:
    """Credentials of the acting role for clients of this server; None for the server itself."""
    role = _acting.get()
    if role is None:
        return None
    key = hooks.account_id(), role
    with _lock:
        if key not in _sessions or _sessions[key].expires_soon():
            _sessions[key] = iam.new_session(role)
        return _sessions[key]


def credentials() -> dict[str, str]:
    """boto3's credential arguments: the acting role's, or the account's (ministack takes a 12-digit key as one)."""
    own = session()
    if own is None:
        return {"aws_access_key_id": hooks.account_id(), "aws_secret_access_key": "local"}
    return {
        "aws_access_key_id": own.access_key,
        "aws_secret_access_key": own.secret,
        "aws_session_token": own.token,
    }


def demand(action: str, *resources: str, **context: Any) -> None:
    """Ask the acting role's policies, or those of the request's caller, for an action on each of the resources.

    Args:
        action: ``sagemaker:CreateModel``.
        resources: ARNs; none stands for ``*``.
        context: condition keys with ``__`` for the colon, e.g. ``iam__PassedToService``.

    Raises:
        Refused: with AWS's message.
    """
    if not iam.enforced():
        return
    keys = {**iam.account_keys(), **{name.replace("__", ":"): value for name, value in context.items()}}
    for resource in resources or ("*",):
        _demand_one(action, resource, keys)


def _demand_one(action: str, resource: str, keys: Mapping[str, Any]) -> None:
    principal = iam.role_principal(_acting.get()) if _acting.get() else iam.caller()
    if principal is None:
        return
    allowed = iam.allows(principal, action, resource, keys)
    record.note(principal.arn, action, resource, keys, allowed)
    if not allowed:
        log.warning("%s may not %s on %s", principal.arn, action, resource)
        raise Refused(
            f"User: {principal.arn} is not authorized to perform: {action} on resource: {resource} because no "
            f"identity-based policy allows the {action} action"
        )
    if action.startswith("kms:") and not iam.usable(resource):
        raise Refused(f"{resource} is disabled or pending deletion")
