"""Everything that turns ministack into this local cloud, in one place."""

from local_cloud import alarms, autoscaling, config, exports, hooks, metrics, stepfunctions
from local_cloud.authorization import acting_as, demand
from local_cloud.authorization import requests as authorization
from local_cloud.cloudformation import install as cloudformation
from local_cloud.functions import pool
from local_cloud.functions import service as functions
from local_cloud.hooks import apigateway as apigateway_hook
from local_cloud.hooks import disk as disk_hook
from local_cloud.hooks import ec2 as ec2_hook
from local_cloud.hooks import ecr as ecr_hook
from local_cloud.hooks import events as events_hook
from local_cloud.hooks import execute_api as execute_api_hook
from local_cloud.hooks import functions as functions_hook
from local_cloud.hooks import iam as iam_hook
from local_cloud.hooks import s3 as s3_hook
from local_cloud.hooks import stepfunctions as stepfunctions_hook
from local_cloud.hooks import sts as sts_hook
from local_cloud.hooks import threads as threads_hook
from local_cloud.hooks import waf as waf_hook
from local_cloud.sagemaker import operations_modules, service
from local_cloud.stepfunctions import jobs, sdk


def install() -> None:
    """Register services and hooks; once in a process, before the server starts."""
    operations_modules.load()
    hooks.add_service(
        "sagemaker",
        service,
        target_prefixes=["SageMaker."],
        host_patterns=[r"sagemaker\."],
        path_patterns=[r"^/endpoints/[^/]+/(invocations|invocations-response-stream|async-invocations)$"],
    )
    hooks.add_service("application-autoscaling", autoscaling, target_prefixes=["AnyScaleFrontendService"])
    iam_hook.register("sagemaker", "sagemaker", rest_models=("sagemaker-runtime",))
    iam_hook.register("application-autoscaling", "application-autoscaling")
    authorization.install()
    alarms.install()
    exports.install()
    ec2_hook.install()
    waf_hook.install()
    sts_hook.install()
    ecr_hook.install()
    events_hook.act_as_targets_roles(
        lambda role: acting_as(role, "events.amazonaws.com"), lambda arn: demand("states:StartExecution", arn)
    )
    events_hook.name_executions()
    s3_hook.install()
    disk_hook.install()
    cloudformation.install()
    stepfunctions_hook.install(
        jobs.invoke,
        sdk.invoke,
        stepfunctions.IntegrationError,
        config.current().wait_scale,
        stepfunctions.acting,
        stepfunctions.authorize,
        stepfunctions.encrypt,
    )
    threads_hook.install()
    functions_hook.install(functions.call, pool.forget, functions.throttled)
    apigateway_hook.install(_invoke_endpoint)
    execute_api_hook.install(_answered)


async def _invoke_endpoint(name: str, headers: dict[str, str], body: bytes) -> apigateway_hook.Response:
    return await service.handle_request("POST", f"/endpoints/{name}/invocations", headers, body, {})


def _answered(api: str, stage: str, status: int, seconds: float) -> None:
    counts = {"Count": 1, "4XXError": int(400 <= status < 500), "5XXError": int(status >= 500)}
    for dimensions in ((("ApiName", api),), (("ApiName", api), ("Stage", stage))):
        metrics.add("AWS/ApiGateway", dimensions, counts)
        metrics.add("AWS/ApiGateway", dimensions, {"Latency": metrics.milliseconds(seconds)}, "Milliseconds")
