"""Everything that turns ministack into this local cloud, in one place."""

from local_cloud import autoscaling, hooks
from local_cloud.cloudformation import install as cloudformation
from local_cloud.sagemaker import operations_modules, service


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
    cloudformation.install()
