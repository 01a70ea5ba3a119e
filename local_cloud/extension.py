"""Everything that turns ministack into this local cloud, in one place."""

from local_cloud import alarms, autoscaling, config, hooks, stepfunctions
from local_cloud.cloudformation import install as cloudformation
from local_cloud.hooks import apigateway as apigateway_hook
from local_cloud.hooks import iam as iam_hook
from local_cloud.hooks import s3 as s3_hook
from local_cloud.hooks import stepfunctions as stepfunctions_hook
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
    alarms.install()
    s3_hook.install()
    cloudformation.install()
    stepfunctions_hook.install(
        jobs.invoke, sdk.invoke, stepfunctions.IntegrationError, wait_scale=config.current().wait_scale
    )
    apigateway_hook.install(_invoke_endpoint)


async def _invoke_endpoint(name: str, headers: dict[str, str], body: bytes) -> apigateway_hook.Response:
    return await service.handle_request("POST", f"/endpoints/{name}/invocations", headers, body, {})
