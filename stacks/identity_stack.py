"""Identities: a role for each kind of job, and nothing in it that the job does not need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aws_cdk import Aws, Stack
from constructs import Construct

from stacks.config import PlatformConfig
from stacks.constructs.code_assets import CodeAssets
from stacks.constructs.scoped_role import Grant, ObjectGrant, ScopedPolicy, ScopedRole
from stacks.identity import guard, jobs, monitoring, network, promotion, retraining, scoring
from stacks.identity.common import run_containers, write_job_logs
from stacks.images import image_uri, repository_arn
from stacks.names import Names
from stacks.network.placement import Placement
from stacks.properties import stack_properties

SAGEMAKER = "sagemaker.amazonaws.com"
LAMBDA = "lambda.amazonaws.com"


class IdentityStack(Stack):
    """Roles by name, so that other stacks (and `iam:PassRole`) refer to them without exports."""

    def __init__(self, scope: Construct, *, config: PlatformConfig, names: Names, assets: CodeAssets) -> None:
        super().__init__(scope, names.stack("identity"), **stack_properties(config, names, "identity"))
        self._names = names
        # What roles may do with objects, by the role's ARN: the buckets' policies say it.
        self.objects: dict[str, list[ObjectGrant]] = {}
        self._containers = ScopedPolicy(
            self,
            "ContainersPolicy",
            description="What every SageMaker container needs: AWS's images and its own metrics",
            grants=run_containers(*_repositories(config, assets)),
            path=names.path,
        )
        placement = Placement.of(config, names)
        joins = {SAGEMAKER: network.containers, LAMBDA: network.functions} if placement.subnets else {}
        self._joins = {
            service: ScopedPolicy(
                self,
                f"{service.split('.')[0].capitalize()}NetworkPolicy",
                description=f"Puts network interfaces of {service} into the network",
                grants=grants(names, placement),
                path=names.path,
            )
            for service, grants in joins.items()
        }
        self._job_logs = ScopedPolicy(
            self,
            "JobLogsPolicy",
            description="Write the logs of this deployment's jobs",
            grants=write_job_logs(names),
            path=names.path,
        )
        self._job("processing", "Prepares data and evaluates models", jobs.processing(names, assets), logs=True)
        self._job("training", "Trains models", jobs.training(names, assets), logs=True)
        self._job("model", "Serves the model", jobs.model(names))
        self._job("transform", "Scores batches", jobs.transform(names), logs=True)
        watched = config.monitoring.engine == "model-monitor"
        if config.monitoring.engine != "none":
            self._monitoring(config, assets)
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
                **({"Monitoring": promotion.monitoring(names)} if watched else {}),
            },
        )
        if config.training.approval == "manual":
            start = Grant(["states:StartExecution"], [names.state_machine_arn])
            self._role(
                "approval", "Starts the promotion of an approved model", "events.amazonaws.com", {"Start": [start]}
            )

        if config.scoring.enabled:
            self._scoring(config)
        if config.retrains_itself:
            self._loop(config, assets)

    def _monitoring(self, config: PlatformConfig, assets: CodeAssets) -> None:
        names = self._names
        self._job("monitoring", "Watches the endpoint", monitoring.jobs(names, assets, config))
        self._role(
            "analysis",
            "Runs the monitors' state machine",
            "states.amazonaws.com",
            {"": monitoring.machine(names, config)},
        )
        self._role("schedule", "Starts the monitors", "events.amazonaws.com", {"Start": monitoring.schedule(names)})

    def _scoring(self, config: PlatformConfig) -> None:
        # Lambda and API Gateway take roles of their own account alone, and document no condition on who sends them.
        grants = {"Tables": scoring.tables(self._names, config), "Function": scoring.function(self._names, config)}
        self._role("scoring", "Scores transactions", LAMBDA, grants, source_condition=False)
        if config.scoring.gateway_log_role == "create":
            self._role(
                "gateway",
                "Writes API Gateway's logs",
                "apigateway.amazonaws.com",
                {"Logs": scoring.gateway_logs()},
                source_condition=False,
            )

    def _loop(self, config: PlatformConfig, assets: CodeAssets) -> None:
        grants = guard.collection(self._names, assets)
        self._job("collection", "Makes the next training set", grants, logs=True)
        policies = {
            "Look": guard.look(self._names, config),
            "Collect": guard.collect(self._names),
            "Reporting": retraining.reporting(self._names),
        }
        self._role("guard", "Decides whether to retrain", "states.amazonaws.com", policies)
        start = Grant(["states:StartExecution"], [self._names.guard_arn])
        self._role("trigger", "Asks the retraining guard", "events.amazonaws.com", {"Start": [start]})

    def _job(self, job: str, description: str, grants: Sequence[Grant | ObjectGrant], *, logs: bool = False) -> None:
        shared = [self._containers, self._job_logs] if logs else [self._containers]
        self._role(job, description, SAGEMAKER, {"": grants}, shared=shared)

    def _role(
        self,
        job: str,
        description: str,
        service: str,
        policies: Mapping[str, Sequence[Grant | ObjectGrant]],
        *,
        shared: Sequence[ScopedPolicy] = (),
        source_condition: bool = True,
    ) -> None:
        grants = [grant for several in policies.values() for grant in several]
        objects = [grant for grant in grants if isinstance(grant, ObjectGrant)]
        if objects:
            self.objects[self._names.role_arn(job)] = objects
        joins = [self._joins[service]] if service in self._joins else []
        ScopedRole(
            self,
            f"{job.capitalize()}Role",
            role_name=self._names.role(job),
            description=description,
            service=service,
            policies={name: [g for g in several if isinstance(g, Grant)] for name, several in policies.items()},
            shared=[*shared, *joins],
            source_condition=source_condition,
            path=self._names.path,
            boundary_arn=self._names.boundary_arn,
        )


def _repositories(config: PlatformConfig, assets: CodeAssets) -> list[str]:
    images = [image_uri("xgboost", config.region)]
    if config.training.trial_image:
        images.append(config.training.trial_image)
    if config.monitoring.engine == "model-monitor":
        analyzer = image_uri("model-monitor-analyzer", config.region)
        # Labels are merged by a job of its own, whose image lies beside the analyzer's.
        merger = analyzer.replace("analyzer", "groundtruth-merger")
        images += [analyzer, merger, image_uri("clarify-processing", config.region)]
    own = [assets.server_image.repository_arn] if assets.server_image else []
    return [*(repository_arn(image, Aws.PARTITION) for image in images), *own]
