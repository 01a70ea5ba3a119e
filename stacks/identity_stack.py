"""Identities: a role for each kind of job, and nothing in it that the job does not need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aws_cdk import Stack
from constructs import Construct

from stacks.config import PlatformConfig
from stacks.constructs.code_assets import CodeAssets
from stacks.constructs.scoped_role import Grant, ScopedPolicy, ScopedRole
from stacks.identity import jobs, promotion, retraining
from stacks.identity.common import run_containers
from stacks.images import image_uri
from stacks.names import Names
from stacks.properties import stack_properties

SAGEMAKER = "sagemaker.amazonaws.com"


class IdentityStack(Stack):
    """Roles by name, so that other stacks (and `iam:PassRole`) refer to them without exports."""

    def __init__(self, scope: Construct, *, config: PlatformConfig, names: Names, assets: CodeAssets) -> None:
        super().__init__(scope, names.stack("identity"), **stack_properties(config, names, "identity"))
        self._names = names
        self._containers = ScopedPolicy(
            self,
            "ContainersPolicy",
            description="What every SageMaker container needs: AWS's images and its own metrics",
            grants=run_containers(*_images(config)),
        )
        self._job("processing", "Prepares data and evaluates models", jobs.processing(names, assets))
        self._job("training", "Trains models", jobs.training(names, assets))
        self._job("model", "Serves the model", jobs.model(names))
        self._job("monitoring", "Watches the endpoint's data", jobs.monitoring(names))
        self._role(
            "retraining",
            "Runs the retraining state machine",
            "states.amazonaws.com",
            {
                "Jobs": retraining.jobs(names),
                "Data": [*retraining.data(names), *retraining.registry(names)],
                "Promotion": retraining.promotion(names, config),
                "Reporting": retraining.reporting(names),
            },
        )
        self._role(
            "promotion",
            "Replaces the deployed model through CloudFormation",
            "cloudformation.amazonaws.com",
            {
                "Serving": promotion.serving(names, config),
                "Scaling": promotion.scaling(names),
                "Monitoring": promotion.monitoring(names),
            },
        )
        if config.training.approval == "manual":
            start = Grant(["states:StartExecution"], [names.state_machine_arn])
            self._role(
                "approval", "Starts the promotion of an approved model", "events.amazonaws.com", {"Start": [start]}
            )

    def _job(self, job: str, description: str, grants: Sequence[Grant]) -> None:
        self._role(job, description, SAGEMAKER, {"": grants}, containers=True)

    def _role(
        self,
        job: str,
        description: str,
        service: str,
        policies: Mapping[str, Sequence[Grant]],
        *,
        containers: bool = False,
    ) -> None:
        ScopedRole(
            self,
            f"{job.capitalize()}Role",
            role_name=self._names.role(job),
            description=description,
            service=service,
            policies=policies,
            shared=[self._containers] if containers else [],
        )


def _images(config: PlatformConfig) -> list[str]:
    images = [image_uri("xgboost", config.region)]
    if config.training.trial_image:
        images.append(config.training.trial_image)
    if config.monitoring.engine == "model-monitor":
        images.append(image_uri("model-monitor-analyzer", config.region))
    return images
