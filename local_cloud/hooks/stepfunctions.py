"""Step Functions' engine: integrations registered, and where its JSONata semantics differ from AWS's, corrected."""

import contextlib
import contextvars
import json
import threading
from collections.abc import Callable
from typing import Any

# Handler of ``sagemaker:<action>[.sync]``: (action, sync, arguments, cancelled) -> answer
Optimised = Callable[[str, bool, Any, Callable[[], bool]], Any]
# Handler of ``aws-sdk:<service>:<action>``: (service, action, arguments) -> answer
Sdk = Callable[[str, str, Any], Any]
# (the machine's role) -> context manager in which its tasks run
Acting = Callable[[str], contextlib.AbstractContextManager[None]]

# ministack's own dispatcher stays for services whose wire formats it renames with care; the rest goes through botocore.
_MINISTACKS_OWN = {"dynamodb", "lambda", "ec2", "rds", "sqs", "secretsmanager"}
_JSONATA_TIMEOUT_FACTOR = 10

_execution: contextvars.ContextVar[dict[str, Any] | None] = contextvars.ContextVar("execution", default=None)
_timed_out: contextvars.ContextVar[threading.Event | None] = contextvars.ContextVar("timed_out", default=None)


def install(
    optimised: Optimised,
    sdk: Sdk,
    error_class: type[Exception],
    wait_scale: float,
    acting: Acting,
    authorize: Callable[[str, Any], None],
    encrypt: Callable[[str, str], None],
) -> None:
    """Hook everything in.

    Args:
        error_class: what the handlers raise; it has ``error`` and ``cause``.
        acting: tasks run within it.
        authorize: (resource, arguments), called before each task; raises ``error_class`` for what the role may not do.
        encrypt: (role, machine), called before an execution starts; raises ``error_class`` where the role may not
            use the machine's key.
    """
    from ministack.services import stepfunctions as engine

    engine._SFN_WAIT_SCALE = wait_scale
    _integrations(engine, optimised, sdk, error_class)
    _cancellation(engine)
    _roles(engine, acting, authorize, error_class)
    _timeouts(engine)
    _variables(engine)
    _outputs(engine)
    _starts(engine, encrypt, error_class)
    engine._error_matches = _error_matches


def _integrations(engine: Any, optimised: Optimised, sdk: Sdk, error_class: type[Exception]) -> None:
    def translated(call: Callable[[], Any]) -> Any:
        try:
            return call()
        except error_class as error:
            raise engine._ExecutionError(error.error, error.cause) from None

    def sagemaker(resource: str, arguments: Any) -> Any:
        action, _, mode = resource.rpartition(":")[2].partition(".")
        return translated(lambda: optimised(action, mode == "sync", arguments, _cancelled))

    engine._SERVICE_DISPATCH["arn:aws:states:::sagemaker:"] = sagemaker
    before = engine._invoke_aws_sdk_integration

    def aws_sdk(resource: str, arguments: Any) -> Any:
        parts = resource.split(":")
        service = parts[6].lower() if len(parts) == 8 else ""
        if not service or service in _MINISTACKS_OWN:
            return before(resource, arguments)
        return translated(lambda: sdk(service, parts[7], arguments))

    engine._invoke_aws_sdk_integration = aws_sdk


# ---- roles


def _roles(engine: Any, acting: Acting, authorize: Callable[[str, Any], None], error_class: type[Exception]) -> None:
    execute, invoke = engine._execute_task, engine._invoke_resource

    def execute_task(state: dict, raw_input: Any, execution: dict, context: dict) -> Any:
        machine = engine._state_machines.get(execution["stateMachineArn"]) if execution else None
        try:
            with acting((machine or {}).get("roleArn", "")):
                return execute(state, raw_input, execution, context)
        except error_class as error:
            raise engine._ExecutionError(error.error, error.cause) from None

    def invoke_resource(resource: str, arguments: Any) -> Any:
        try:
            authorize(resource, arguments)
        except error_class as error:
            raise engine._ExecutionError(error.error, error.cause) from None
        return invoke(resource, arguments)

    engine._execute_task = execute_task
    engine._invoke_resource = invoke_resource


# ---- executions that end while a task runs


def _cancelled() -> bool:
    execution, timed_out = _execution.get(), _timed_out.get()
    ended = execution is not None and execution["status"] != "RUNNING"
    return ended or (timed_out is not None and timed_out.is_set())


def _cancellation(engine: Any) -> None:
    execute, timeout_of, fail = engine._execute_task, engine._invoke_resource_with_timeout, engine._fail_execution

    def execute_task(state: dict, raw_input: Any, execution: dict, context: dict) -> Any:
        if execution is not None and execution["status"] != "RUNNING":
            # Branches and iterations do not look at it.
            raise engine._ExecutionError("States.Runtime", "The execution has ended.")
        token = _execution.set(execution)
        try:
            if isinstance(state.get("TimeoutSeconds"), str):
                seconds = engine._jsonata_state_field(state, "TimeoutSeconds", "number", raw_input, context)
                state = {**state, "TimeoutSeconds": seconds}
            return execute(state, raw_input, execution, context)
        finally:
            _execution.reset(token)

    def with_timeout(resource: str, arguments: Any, seconds: float) -> Any:
        # The task's thread goes on by itself; it is told that nobody waits for it any more.
        event = threading.Event()
        token = _timed_out.set(event)
        try:
            return timeout_of(resource, arguments, seconds)
        except engine._ExecutionError as error:
            if error.error == "States.Timeout":
                event.set()
            raise
        finally:
            _timed_out.reset(token)

    def fail_execution(execution: dict, error: str, cause: str) -> None:
        # What was stopped or timed out keeps that status when its last task then fails.
        if execution["status"] == "RUNNING":
            fail(execution, error, cause)

    engine._execute_task = execute_task
    engine._invoke_resource_with_timeout = with_timeout
    engine._fail_execution = fail_execution


def _timeouts(engine: Any) -> None:
    run = engine._run_execution

    def run_execution(arn: str) -> None:
        execution = engine._executions.get(arn)
        seconds = _machine_timeout(engine, execution)
        if seconds is None:
            return run(arn)
        context = contextvars.copy_context()
        timer = threading.Timer(seconds, lambda: context.run(_time_out, engine, execution))
        timer.daemon = True
        timer.start()
        try:
            return run(arn)
        finally:
            timer.cancel()

    engine._run_execution = run_execution

    # JSONata's limit of a second is meant for AWS's machines, not for a busy laptop.
    parse = engine.jsonata.Jsonata.jsonata

    def patient(expression: str, *arguments: Any, timeout: int | None = None, **options: Any) -> Any:
        return parse(expression, *arguments, timeout=timeout and timeout * _JSONATA_TIMEOUT_FACTOR, **options)

    engine.jsonata.Jsonata.jsonata = staticmethod(patient)


def _machine_timeout(engine: Any, execution: dict | None) -> float | None:
    machine = engine._state_machines.get(execution["stateMachineArn"]) if execution else None
    with contextlib.suppress(ValueError, TypeError):
        return json.loads(machine["definition"]).get("TimeoutSeconds")
    return None


def _time_out(engine: Any, execution: dict) -> None:
    if execution["status"] != "RUNNING":
        return
    execution.update(status="TIMED_OUT", stopDate=engine.now_iso(), error="States.Timeout")
    engine._add_event(execution, "ExecutionTimedOut", {"executionTimedOutEventDetails": {"error": "States.Timeout"}})
    engine._emit_execution_status_event(execution)


# ---- variables and outputs


def _variables(engine: Any) -> None:
    run_inner = engine._run_sub_machine

    def run_sub_machine(states: dict, start: str, data: Any, execution: dict, context: dict) -> Any:
        # Branches read the outer variables; what they assign ends with them.
        inner = {**context, "variables": dict(context.get("variables", {}))}
        return run_inner(states, start, data, execution, inner)

    def apply_assign(state: dict, raw_input: Any, context: dict, result: Any = None, error_output: Any = None) -> None:
        if context is None or engine._state_query_language(state, context) != "JSONata":
            return
        # All expressions see the values from before the state.
        values = {
            name: engine._apply_jsonata_template(template, raw_input, context, result=result, error_output=error_output)
            for name, template in (state.get("Assign") or {}).items()
        }
        context.setdefault("variables", {}).update(values)

    engine._run_sub_machine = run_sub_machine
    engine._apply_state_assign = apply_assign


def _outputs(engine: Any) -> None:
    output_path, parallel, choice = engine._apply_output_path, engine._run_parallel_branches, engine._execute_choice

    def apply_output_path(state: dict, data: Any, context: dict | None = None) -> Any:
        if state.get("Type") == "Succeed" and engine._state_query_language(state, context) == "JSONata":
            return engine._apply_jsonata_output(state, data, context, default=data)
        return output_path(state, data, context)

    def run_parallel(state: dict, raw_input: Any, execution: dict, context: dict) -> Any:
        if engine._state_query_language(state, context) != "JSONata":
            return parallel(state, raw_input, execution, context)
        arguments = engine._apply_jsonata_arguments(state, raw_input, context)
        results, following = parallel(state, arguments, execution, context)
        output = engine._apply_jsonata_output(state, raw_input, context, result=results, default=results)
        engine._apply_state_assign(state, raw_input, context, result=results)
        return output, following

    def execute_choice(state: dict, raw_input: Any, context: dict | None = None) -> Any:
        if engine._state_query_language(state, context) != "JSONata" or "Default" not in state:
            return choice(state, raw_input, context)
        rules = {key: value for key, value in state.items() if key != "Default"}
        try:
            return choice(rules, raw_input, context)
        except engine._ExecutionError as error:
            if error.error != "States.NoChoiceMatched":
                raise
        output = engine._apply_jsonata_output(state, raw_input, context, default=raw_input)
        engine._apply_state_assign(state, raw_input, context)
        return output, state["Default"]

    engine._apply_output_path = apply_output_path
    engine._run_parallel_branches = run_parallel
    engine._execute_choice = execute_choice


def _error_matches(error_equals: list[str], error: str) -> bool:
    """Whether a Retry or Catch covers an error; States.ALL leaves out what AWS calls a defect of the machine."""
    if error in error_equals:
        return True
    if error in ("States.Runtime", "States.DataLimitExceeded"):
        return False
    return "States.ALL" in error_equals or ("States.TaskFailed" in error_equals and error != "States.Timeout")


# ---- starts and restarts


def _starts(engine: Any, encrypt: Callable[[str, str], None], error_class: type[Exception]) -> None:
    start, restore = engine._start_execution, engine._restore_state

    def start_execution(data: dict) -> Any:
        arn = data.get("stateMachineArn", "").replace(":stateMachine:", ":execution:") + f":{data.get('name')}"
        running = engine._executions.get(arn) if data.get("name") else None
        if running and running["status"] == "RUNNING" and running["input"] == data.get("input", "{}"):
            # The same name with the same input is the same request sent twice.
            return engine.json_response({"executionArn": arn, "startDate": running["startDate"]})
        machine = engine._state_machines.get(data.get("stateMachineArn", "")) or {}
        if (machine.get("encryptionConfiguration") or {}).get("kmsKeyId"):
            try:
                encrypt(machine["roleArn"], machine["stateMachineArn"])
            except error_class as error:
                return engine.error_response_json(error.error, error.cause, 400)
        return start(data)

    def restore_state(data: dict) -> None:
        restore(data)
        cause = "The local cloud was restarted while this execution ran. Start it again."
        for execution in engine._executions.all_values():
            if execution.get("error") == "States.ServiceRestart" and execution.get("cause") != cause:
                execution["cause"] = cause
                details = {"error": execution["error"], "cause": cause}
                engine._add_event(execution, "ExecutionFailed", {"executionFailedEventDetails": details})

    delete = engine._delete_state_machine

    def delete_state_machine(data: dict) -> Any:
        end_executions(data.get("stateMachineArn", ""))
        return delete(data)

    engine._start_execution = start_execution
    engine._restore_state = restore_state
    engine._delete_state_machine = delete_state_machine


def end_executions(state_machine: str) -> None:
    """Abort what runs of a state machine that is deleted; a job that is waited for is stopped.

    AWS ends executions at their next transition; here their jobs, too, are gone with the machine.
    """
    from ministack.services import stepfunctions as engine

    for arn, execution in list(engine._executions.items()):
        if execution.get("stateMachineArn") == state_machine and execution["status"] == "RUNNING":
            engine._stop_execution({"executionArn": arn, "cause": "The state machine was deleted."})


def configure(arn: str, members: dict[str, Any]) -> None:
    """Set members of a state machine's description that its CloudFormation type drops or misspells."""
    from ministack.services import stepfunctions as engine

    engine._state_machines[arn].update(members)
