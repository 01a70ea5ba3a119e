"""Stacks: the role of an operation is kept, a short operation is over when it is answered, and one that a restart
interrupted is rolled back."""

import asyncio
import contextlib
import contextvars
import copy
import logging
import re
import threading
from collections.abc import Callable, Coroutine
from typing import Any
from xml.sax.saxutils import escape

from local_cloud import hooks
from local_cloud.hooks import iam

log = logging.getLogger("local_cloud.cloudformation")

_ROLE = "RoleARN"
# What the stack was before the running operation, in the stack's own record so that it is saved with it.
_BEFORE = "_before_operation"
_REASON = "The local cloud was restarted during the operation."
# Clients look after an operation every 5 (CDK) to 30 seconds (boto3), and most take less than one here: an answer that
# waits this long, in seconds, for the operation's end spares them that.
_PATIENCE = 2.0
_started: contextvars.ContextVar[list[asyncio.Task[None]] | None] = contextvars.ContextVar("started", default=None)


# (the stack's role) -> context manager in which its resources are made
Acting = Callable[[str | None], contextlib.AbstractContextManager[None]]


def install(acting: Acting) -> None:
    """Hook everything in; operations on resources run within ``acting``."""
    from ministack.services.cloudformation import changesets, handlers, stacks

    _keep_roles(handlers, changesets)
    _answer_at_the_end(handlers, changesets, stacks)
    deploy, delete = stacks._deploy_stack_async, stacks._delete_stack_async

    async def deploy_stack(stack_name: str, stack_id: str, *arguments: Any, **options: Any) -> None:
        stack = stacks_by_name()[stack_name]
        stack[_BEFORE] = copy.deepcopy(options.get("previous_stack")) or {}
        try:
            with acting(stack.get(_ROLE)):
                await deploy(stack_name, stack_id, *arguments, **options)
        finally:
            stack.pop(_BEFORE, None)

    async def delete_stack(stack_name: str, stack_id: str, *arguments: Any, **options: Any) -> None:
        with acting((stacks_by_name().get(stack_name) or {}).get(_ROLE)):
            await delete(stack_name, stack_id, *arguments, **options)

    # Both others imported the name.
    stacks._deploy_stack_async = handlers._deploy_stack_async = changesets._deploy_stack_async = deploy_stack
    stacks._delete_stack_async = handlers._delete_stack_async = delete_stack


def stacks_by_name() -> Any:
    from ministack.services import cloudformation

    return cloudformation._stacks


# ---- answers


def _answer_at_the_end(handlers: Any, changesets: Any, stacks: Any) -> None:
    """Let requests that start an operation wait a little for its end."""
    from ministack.services import cloudformation

    def create_task(operation: Coroutine[Any, Any, None], stack: Any, stack_id: str | None = None) -> None:
        with stacks._stack_region_context(stack, stack_id):
            task = asyncio.get_running_loop().create_task(operation)
        if (started := _started.get()) is not None:
            started.append(task)

    # Both others imported the name.
    for module in (stacks, handlers, changesets):
        module._create_stack_task_in_region = create_task
    handle = cloudformation.handle_request

    async def handle_request(*request: Any) -> Any:
        started: list[asyncio.Task[None]] = []
        token = _started.set(started)
        try:
            answer = await handle(*request)
        finally:
            _started.reset(token)
        if started:
            await asyncio.wait(started, timeout=_PATIENCE)
        return answer

    cloudformation.handle_request = handle_request


# ---- roles


def _keep_roles(handlers: Any, changesets: Any) -> None:
    actions = handlers._ACTION_HANDLERS

    def remembering(action: str) -> None:
        before = actions[action]

        def handler(params: dict[str, Any]) -> Any:
            role = (params.get(_ROLE) or [""])[0]
            if role and iam.enforced() and not iam.trusts(role, "cloudformation.amazonaws.com"):
                return handlers._error("ValidationError", f"Role {role} is invalid or cannot be assumed")
            answer = before(params)
            stack = handlers._resolve_stack(params["StackName"][0]) if answer[0] == 200 and role else None
            if stack is not None:
                stack[_ROLE] = role
            return answer

        actions[action] = handler

    # A change set is executed with the role it was created with; the CLI executes each it creates.
    for action in ("CreateStack", "UpdateStack", "CreateChangeSet", "DeleteStack"):
        remembering(action)
    describe = actions["DescribeStacks"]

    def describe_stacks(params: dict[str, Any]) -> Any:
        status, headers, body = describe(params)
        roles = {stack["StackId"]: stack[_ROLE] for stack in stacks_by_name().values() if _ROLE in stack}
        text = body.decode() if isinstance(body, bytes) else body

        def with_role(match: re.Match[str]) -> str:
            role = roles.get(match[1])
            return match[0] + (f"<{_ROLE}>{escape(role)}</{_ROLE}>" if role else "")

        text = re.sub(r"<StackId>([^<]+)</StackId>", with_role, text)
        return status, headers, text.encode() if isinstance(body, bytes) else text

    actions["DescribeStacks"] = describe_stacks


# ---- interrupted operations


def recover(remove_unrecorded: Callable[[str, set[str]], None]) -> None:
    """Roll back every operation that an earlier run of the server did not end; returns at once.

    Nothing else can be done about them: a stack that is for ever in progress could be neither updated nor deleted.

    Args:
        remove_unrecorded: called with a stack's id and the physical ids it knows; deletes resources that were made
            for the stack but not yet recorded in it.
    """
    for (account, region, _), stack in list(stacks_by_name()._data.items()):
        status = stack.get("StackStatus", "")
        if status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS":
            log.warning("Stack %s was %s when the server ended", stack["StackName"], status)
            action = hooks.scope(account, region, _recover_one)
            threading.Thread(target=action, args=(stack, remove_unrecorded), daemon=True).start()


def _recover_one(stack: dict[str, Any], remove_unrecorded: Callable[[str, set[str]], None]) -> None:
    from ministack.services.cloudformation import stacks

    name, stack_id, status = stack["StackName"], stack["StackId"], stack["StackStatus"]
    if status == "DELETE_IN_PROGRESS":
        _schedule(stacks._delete_stack_async(name, stack_id))
        return
    if _BEFORE not in stack:
        # A rollback started by hand: its operator can continue it.
        stack["StackStatus"] = "UPDATE_ROLLBACK_FAILED" if status.startswith("UPDATE") else "ROLLBACK_FAILED"
        stack["StackStatusReason"] = _REASON
        return
    before = stack.pop(_BEFORE) or None
    now, old = stack.get("_resources", {}), (before or {}).get("_resources", {})
    known = {record["PhysicalResourceId"] for record in (*now.values(), *old.values())}
    remove_unrecorded(stack_id, known)
    changed = [key for key, record in now.items() if old.get(key) != record]
    replaced = [
        key for key in changed if key in old and old[key]["PhysicalResourceId"] != now[key]["PhysicalResourceId"]
    ]
    operation = stacks._failed_operation(
        is_update=before is not None,
        previous_stack=before,
        created=changed,
        failed_update=None,
        failed_logical_id=None,
        replaced_ids=replaced,
        cancelled=False,
        template=stack.get("_template") or {},
        param_values=stack.get("_resolved_params") or {},
        retain_except_on_create=False,
        stack_tags=stack.get("Tags"),
        previous_tags=(before or {}).get("Tags"),
    )
    _schedule(stacks._roll_back_operation(name, stack_id, stack, operation, reason_override=_REASON))


def _schedule(operation: Coroutine[Any, Any, None]) -> None:
    from ministack import app

    asyncio.run_coroutine_threadsafe(operation, app._MAIN_LOOP)
