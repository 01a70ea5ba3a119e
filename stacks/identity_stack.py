"""Identities: a role for each kind of job, and nothing in it that the job does not need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aws_cdk import Aws, Stack
from constructs import Construct

from stacks.config import PlatformConfig
from stacks.constructs.code_assets import CodeAssets
from stacks.constructs.persona_roles import PersonaRoles
from stacks.constructs.scoped_role import Grant, ObjectGrant, ScopedPolicy, ScopedRole
from stacks.identity import guard, jobs, monitoring, network, promotion, retraining, scoring
from stacks.identity.common import look_up_models, run_containers, write_job_logs, write_vended_logs
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
        self._jobs: list[str] = []
        placement = Placement.of(config, names)
        self._interfaces = (
            [self._policy("Interfaces", "Make interfaces in the network", [network.interfaces(names, placement)])]
            if placement.subnets
            else []
        )
        self._containers = self._policy(
            "Containers",
            "What every SageMaker container needs: AWS's images, its own metrics and a place in the network",
            [
                *run_containers(*_repositories(config, assets)),
                *(network.containers(names, placement) if placement.subnets else []),
            ],
        )
        self._job_logs = self._policy("JobLogs", "Write the logs of this deployment's jobs", write_job_logs(names))
        self._telemetry = self._policy(
            "Telemetry", "Deliver the logs and traces of state machines", [write_vended_logs()]
        )
        # Whoever withdraws a challenger: the retraining run, as it promotes, and people.
        release = (
            [self._policy("Release", "Take a challenger out of scaling", [retraining.release_challenger(names)])]
            if config.serving.challenger.scaled
            else []
        )
        self._registry = self._policy("Registry", "See registered models", [look_up_models(names)])
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
            shared=[self._telemetry, *release],
        )
        self._role(
            "promotion",
            "Replaces the deployed model through CloudFormation",
            "cloudformation.amazonaws.com",
            {
                "Models": [*promotion.serving(names, config), *(promotion.monitoring(names) if watched else [])],
                "Scaling": promotion.scaling(names),
            },
            shared=[self._registry],
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
        if config.identity.personas.enabled:
            self._job("lab", "Runs the jobs of data scientists", jobs.lab(names), logs=True)
            people = PersonaRoles(
                self,
                "People",
                config=config,
                names=names,
                jobs=self._jobs,
                registry=self._registry,
                release=release,
            )
            self.objects |= people.objects

    def _monitoring(self, config: PlatformConfig, assets: CodeAssets) -> None:
        names = self._names
        processing = config.monitoring.engine == "processing"
        # The names of SageMaker's own executions do not begin with the deployment's.
        self._job("monitoring", "Watches the endpoint", monitoring.jobs(names, assets, config), logs=processing)
        self._role(
            "analysis",
            "Runs the monitors' state machine",
            "states.amazonaws.com",
            {"": monitoring.machine(names, config)},
            shared=[self._telemetry, *([self._registry] if processing else [])],
        )
        self._role("schedule", "Starts the monitors", "events.amazonaws.com", {"Start": monitoring.schedule(names)})

    def _scoring(self, config: PlatformConfig) -> None:
        # Lambda and API Gateway take roles of their own account alone, and document no condition on who sends them.
        joins = network.functions(self._names) if self._interfaces else []
        grants = {
            "Tables": scoring.tables(self._names, config),
            "Function": [*scoring.function(self._names, config), *joins],
        }
        self._role("scoring", "Scores transactions", LAMBDA, grants, shared=self._interfaces, source_condition=False)
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
        shared = [self._telemetry, self._registry]
        self._role("guard", "Decides whether to retrain", "states.amazonaws.com", policies, shared=shared)
        start = Grant(["states:StartExecution"], [self._names.guard_arn])
        self._role("trigger", "Asks the retraining guard", "events.amazonaws.com", {"Start": [start]})

    def _policy(self, name: str, description: str, grants: Sequence[Grant]) -> ScopedPolicy:
        """A policy that several roles share."""
        return ScopedPolicy(self, f"{name}Policy", description=description, grants=grants, path=self._names.path)

    def _job(self, job: str, description: str, grants: Sequence[Grant | ObjectGrant], *, logs: bool = False) -> None:
        shared = [self._containers, *self._interfaces, *([self._job_logs] if logs else [])]
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
        self._jobs.append(job)
        grants = [grant for several in policies.values() for grant in several]
        objects = [grant for grant in grants if isinstance(grant, ObjectGrant)]
        if objects:
            self.objects[self._names.role_arn(job)] = objects
        ScopedRole(
            self,
            f"{job.capitalize()}Role",
            role_name=self._names.role(job),
            description=description,
            service=service,
            policies={name: [g for g in several if isinstance(g, Grant)] for name, several in policies.items()},
            shared=shared,
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
