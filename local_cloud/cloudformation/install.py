"""Registers everything of this package with CloudFormation's engine."""

from local_cloud.cloudformation import autoscaling_types, other_types, overlays, sagemaker_types
from local_cloud.hooks import cloudformation as hook
from local_cloud.hooks import cloudformation_stacks
from local_cloud.sagemaker import lifecycle


def install() -> None:
    hook.install()
    cloudformation_stacks.install()
    for module in (sagemaker_types, autoscaling_types, other_types, overlays):
        module.install()


@lifecycle.on_ready
def _recover() -> None:
    cloudformation_stacks.recover(sagemaker_types.remove_unrecorded)
