"""Lambda: functions in Python go to this package's processes instead of ministack's workers."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

from local_cloud import hooks
from local_cloud.functions.function import Function, Invocation, Result

Call = Callable[[Function, Invocation], tuple[Result, list[str]]]
# (account or None, region or None, name, version or None)
Forget = Callable[[str | None, str | None, str | None, str | None], None]

# Marks results whose log lines are written already.
_LOGGED = "local_cloud"


def install(call: Call, forget: Forget, throttled: Callable[[str], None]) -> None:
    """Send invocations to ``call``; ``forget`` hears of changed functions, ``throttled`` of refused calls by name."""
    from ministack.core import lambda_runtime
    from ministack.services import lambda_svc

    warm, emit, invalidate, reset = (
        lambda_svc._execute_function_warm,
        lambda_svc._emit_lambda_logs,
        lambda_svc.invalidate_worker,
        lambda_runtime.reset,
    )

    def execute(func: dict[str, Any], event: Any, request_id: str) -> dict[str, Any]:
        config = func.get("config") or func
        if not func.get("code_zip") or not config.get("Runtime", "").startswith("python"):
            return warm(func, event, request_id)
        result, lines = call(_function(func, config), _invocation(config, event, request_id))
        answer = {"body": result.value, "log": "\n".join(lines), "log_source": _LOGGED}
        return {**answer, "error": True} if result.failed else answer

    def emit_logs(*arguments: Any, log_source: str | None = None) -> None:
        if log_source != _LOGGED:
            emit(*arguments, log_source=log_source)

    def invalidate_worker(
        name: str, qualifier: str | None = None, account: str | None = None, region: str | None = None
    ) -> None:
        invalidate(name, qualifier, account, region)
        forget(account, region, name, qualifier)

    def reset_all() -> None:
        reset()
        forget(None, None, None, None)

    lambda_svc._execute_function_warm = execute
    lambda_svc._emit_lambda_logs = emit_logs
    lambda_svc.invalidate_worker = invalidate_worker
    lambda_runtime.reset = reset_all
    _counts(lambda_svc, throttled)
    _called_names(lambda_svc)
    _reservations(lambda_svc)


def _counts(lambda_svc: Any, throttled: Callable[[str], None]) -> None:
    """ministack counts the calls of Invoke alone, and refused ones twice; ``call`` counts every call."""
    emit = lambda_svc._emit_lambda_metrics

    def emit_metrics(name: str, duration_ms: float, error: bool, throttle: bool) -> None:
        record = lambda_svc._functions.get(name) or {}
        if not record.get("config", {}).get("Runtime", "").startswith("python"):
            emit(name, duration_ms, error, throttle)
        elif throttle and not duration_ms:
            throttled(name)

    lambda_svc._emit_lambda_metrics = emit_metrics


def _called_names(lambda_svc: Any) -> None:
    """``context.invoked_function_arn`` ends in the alias where an alias was called."""
    record_of = lambda_svc._get_func_record_for_ref

    def get_func_record_for_ref(reference: str) -> tuple[dict | None, dict | None, str]:
        record, config, name = record_of(reference)
        qualifier = str(reference).split(":function:")[-1].partition(":")[2]
        if record and config and qualifier and qualifier != config.get("Version"):
            arn = config["FunctionArn"].split(":")
            config = {**config, "FunctionArn": ":".join([*arn[:7], qualifier])}
        return record, config, name

    lambda_svc._get_func_record_for_ref = get_func_record_for_ref


def _reservations(lambda_svc: Any) -> None:
    """Reserved concurrency is the function's and holds for calls of its versions and aliases too."""
    reserved_of = lambda_svc._reserved_concurrency

    def reserved_concurrency(func: dict[str, Any], config: dict[str, Any]) -> int | None:
        return reserved_of(lambda_svc._functions.get(config.get("FunctionName", "")) or func, config)

    lambda_svc._reserved_concurrency = reserved_concurrency


def _function(func: dict[str, Any], config: dict[str, Any]) -> Function:
    from ministack.core import lambda_runtime
    from ministack.services import lambda_svc

    started_with = {
        name: config.get(name)
        for name in ("CodeSha256", "Environment", "Handler", "Layers", "LoggingConfig", "MemorySize", "Role", "Timeout")
    }
    layers = config.get("Layers") or []
    logging = config.get("LoggingConfig") or {}
    text = json.dumps(started_with, sort_keys=True, default=str)
    return Function(
        account=hooks.account_id(),
        region=hooks.region(),
        name=config["FunctionName"],
        version=config.get("Version") or "$LATEST",
        revision=text,
        handler=config.get("Handler") or "index.handler",
        runtime=config["Runtime"],
        timeout=float(config.get("Timeout") or 3),
        memory=int(config.get("MemorySize") or 128),
        variables=(config.get("Environment") or {}).get("Variables") or {},
        credentials=lambda: lambda_runtime.execution_credentials(config),
        code=lambda: func["code_zip"],
        code_key=_code_key(config.get("CodeSha256"), func, layers),
        layers=tuple(lambda layer=layer: lambda_svc._resolve_layer_zip(layer) for layer in layers),
        log_group=logging.get("LogGroup") or f"/aws/lambda/{config['FunctionName']}",
        log_format=logging.get("LogFormat") or "Text",
        role=config.get("Role") or "",
    )


def _code_key(sha: str | None, func: dict[str, Any], layers: list[Any]) -> str:
    code = sha or hashlib.sha256(func["code_zip"]).hexdigest()
    return hashlib.sha256(json.dumps([code, layers], default=str).encode()).hexdigest()


def _invocation(config: dict[str, Any], event: Any, request_id: str) -> Invocation:
    from ministack.services import lambda_svc

    variables = dict(lambda_svc._durable_env_overlay())
    if trace := lambda_svc._xray_trace_id_for_invocation(config):
        variables["_X_AMZN_TRACE_ID"] = trace
    if depth := lambda_svc._invoke_depth.get():
        variables[lambda_svc.INVOKE_DEPTH_ENV] = str(depth)
    return Invocation(request_id, config.get("FunctionArn", ""), json.dumps(event).encode(), variables)
