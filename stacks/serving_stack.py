"""Serving: the endpoint of the model version that the stack's parameter names, and of its challenger."""

from __future__ import annotations

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from constructs import Construct

from stacks.config import PlatformConfig
from stacks.constructs.challenger_parameters import ChallengerParameters
from stacks.constructs.encrypted_log_group import EncryptedLogGroup
from stacks.constructs.endpoint_alarms import EndpointAlarms
from stacks.constructs.endpoint_scaling import EndpointScaling
from stacks.constructs.model_endpoint import ModelEndpoint
from stacks.constructs.model_parameter import ModelParameter
from stacks.constructs.scoped_role import ScopedPolicy
from stacks.constructs.stack_access import StackAccess
from stacks.identity.jobs import endpoint_logs
from stacks.names import CHALLENGER_VARIANT, VARIANT, Names
from stacks.network.placement import Placement
from stacks.properties import removal_policy, stack_properties


class ServingStack(Stack):
    """Without a model package only the alarms exist; a promotion changes the parameter and nothing else."""

    def __init__(self, scope: Construct, *, config: PlatformConfig, names: Names) -> None:
        super().__init__(scope, names.stack("serving"), **stack_properties(config, names, "serving"))
        self._config, self._names = config, names
        self._topic = sns.Topic.from_topic_arn(self, "Notifications", names.topic_arn)
        model = ModelParameter(self, model_package_group=names.model_package_group)
        alarms = self._alarms("Alarms", VARIANT)
        challenger = self._challenger_parameters(model)
        serving = ModelEndpoint(
            self,
            "Serving",
            endpoint_name=names.endpoint,
            variant=VARIANT,
            model_package_arn=model.value_as_string,
            challenger=challenger,
            role_arn=names.role_arn("model"),
            capture_uri=f"s3://{names.bucket('captures')}/data-capture",
            key_arn=names.key_arn("data"),
            settings=config.serving,
            rollback_alarms=alarms.rollback,
            logical_prefix=names.compact,
            placement=Placement.of(config, names),
        )
        StackAccess(
            self,
            "Access",
            names=names,
            lookers=["guard"] if config.retrains_itself else [],
            promoters=["platform-engineer"] if config.identity.personas.enabled else [],
        )
        serving.endpoint.node.add_dependency(self._logs())
        least, most = config.serving.instance_count, config.serving.scaling.max_instances
        model.require(serving, self._scaling("Scaling", serving, VARIANT, least=least, most=most))
        CfnOutput(self, "EndpointName", value=names.endpoint)
        CfnOutput(self, "DeployedModel", value=model.or_none).override_logical_id("ModelPackageArn")
        CfnOutput(
            self,
            "EndpointConfigName",
            value=serving.configuration.attr_endpoint_config_name,
            condition=model.exists,
        )
        CfnOutput(self, "PromotionRoleArn", value=names.role_arn("promotion"))
        CfnOutput(self, "TransformRoleArn", value=names.role_arn("transform"))
        self._place()
        CfnOutput(self, "ChallengerMode", value=config.serving.challenger.mode)
        if challenger:
            self._challenge(challenger, serving)

    def _alarms(self, construct_id: str, variant: str, whose: str = "") -> EndpointAlarms:
        return EndpointAlarms(
            self,
            construct_id,
            endpoint=self._names.endpoint,
            variant=variant,
            settings=self._config.serving.alarms,
            topic=self._topic,
            whose=whose,
        )

    def _scaling(
        self, construct_id: str, serving: ModelEndpoint, variant: str, *, least: int, most: int
    ) -> EndpointScaling:
        return EndpointScaling(
            self,
            construct_id,
            endpoint=serving.endpoint,
            endpoint_name=self._names.endpoint,
            variant=variant,
            settings=self._config.serving.scaling,
            least=least,
            most=most,
        )

    def _place(self) -> None:
        """Say where models run, for batches: in a network made here, in a given one, or in none."""
        network = self._config.network
        made = network.enabled and network.creates
        CfnOutput(self, "NetworkStack", value=self._names.stack("network") if made else "none")
        if network.enabled and not made:
            CfnOutput(self, "Subnets", value=",".join(network.existing.subnet_ids))
            CfnOutput(self, "SecurityGroups", value=",".join(network.existing.security_group_ids))

    def _logs(self) -> EncryptedLogGroup:
        """The endpoint's log: SageMaker would make it without a key and keep it for ever."""
        config, names = self._config, self._names
        logs = EncryptedLogGroup(
            self,
            "EndpointLogs",
            name=f"/aws/sagemaker/Endpoints/{names.endpoint}",
            key=kms.Key.from_key_arn(self, "OperationsKey", names.key_arn("operations")),
            days=config.storage.log_days,
            removal_policy=removal_policy(config),
        )
        ScopedPolicy(
            self,
            "EndpointLogsPolicy",
            description="Writes the endpoint's log",
            grants=endpoint_logs(logs.log_group_arn),
            path=names.path,
            roles=[names.role("model")],
        )
        return logs

    def _challenger_parameters(self, champion: ModelParameter) -> ChallengerParameters | None:
        settings = self._config.serving.challenger
        if settings.mode == "none":
            return None
        group = self._names.model_package_group
        return ChallengerParameters(self, champion=champion, model_package_group=group, settings=settings)

    def _challenge(self, challenger: ChallengerParameters, serving: ModelEndpoint) -> None:
        """Scaling of the challenger and alarms of its own, which undo no deployment of the champion."""
        settings = self._config.serving.challenger
        self._alarms("ChallengerAlarms", CHALLENGER_VARIANT, whose=f"{CHALLENGER_VARIANT}-")
        challenger.require(serving.challenger_model)
        if settings.scaled:
            least, most = settings.instance_count, settings.max_instances
            challenger.require(self._scaling("ChallengerScaling", serving, CHALLENGER_VARIANT, least=least, most=most))
        target = self._names.challenger_target if settings.scaled else "none"
        CfnOutput(self, "ChallengerTarget", value=target)
        CfnOutput(self, "Challenger", value=challenger.or_none).override_logical_id("ChallengerModelPackageArn")
