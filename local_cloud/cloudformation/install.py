"""Registers everything of this package with CloudFormation's engine."""

from local_cloud.authorization import acting_as
from local_cloud.cloudformation import autoscaling_types, other_types, overlays, sagemaker_types, serverless_types
from local_cloud.hooks import cloudformation as hook
from local_cloud.hooks import cloudformation_conditions, cloudformation_stacks
from local_cloud.sagemaker import lifecycle


def install() -> None:
    hook.install()
    cloudformation_conditions.install()
    cloudformation_stacks.install(lambda role: acting_as(role, "cloudformation.amazonaws.com"))
    for module in (sagemaker_types, autoscaling_types, other_types, overlays, serverless_types):
        module.install()


@lifecycle.on_ready
def _recover() -> None:
    cloudformation_stacks.recover(sagemaker_types.remove_unrecorded)
