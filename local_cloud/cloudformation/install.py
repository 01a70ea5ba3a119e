"""Registers everything of this package with CloudFormation's engine."""

from local_cloud.cloudformation import autoscaling_types, other_types, sagemaker_types
from local_cloud.hooks import cloudformation as hook


def install() -> None:
    hook.install()
    for module in (sagemaker_types, autoscaling_types, other_types):
        module.install()
