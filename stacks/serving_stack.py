"""Serving: the endpoint of the model version that the stack's parameter names."""

from __future__ import annotations

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_sns as sns
from constructs import Construct

from stacks.config import PlatformConfig
from stacks.constructs.endpoint_alarms import EndpointAlarms
from stacks.constructs.endpoint_scaling import EndpointScaling
from stacks.constructs.model_endpoint import ModelEndpoint
from stacks.constructs.model_parameter import ModelParameter
from stacks.names import VARIANT, Names
from stacks.properties import stack_properties


class ServingStack(Stack):
    """Without a model package only the alarms exist; a promotion changes the parameter and nothing else."""

    def __init__(self, scope: Construct, *, config: PlatformConfig, names: Names) -> None:
        super().__init__(scope, names.stack("serving"), **stack_properties(config, names, "serving"))
        model = ModelParameter(self, model_package_group=names.model_package_group)
        alarms = EndpointAlarms(
            self,
            "Alarms",
            endpoint=names.endpoint,
            variant=VARIANT,
            settings=config.serving.alarms,
            topic=sns.Topic.from_topic_arn(self, "Notifications", names.topic_arn),
        )
        serving = ModelEndpoint(
            self,
            "Serving",
            endpoint_name=names.endpoint,
            variant=VARIANT,
            model_package_arn=model.value_as_string,
            role_arn=names.role_arn("model"),
            capture_uri=f"s3://{names.bucket('captures')}/data-capture",
            key_arn=names.key_arn("data"),
            settings=config.serving,
            rollback_alarms=alarms.rollback,
            logical_prefix=names.compact,
        )
        scaling = EndpointScaling(
            self,
            "Scaling",
            endpoint=serving.endpoint,
            endpoint_name=names.endpoint,
            variant=VARIANT,
            settings=config.serving,
        )
        model.require(serving, scaling)
        CfnOutput(self, "EndpointName", value=names.endpoint)
        CfnOutput(self, "DeployedModel", value=model.or_none).override_logical_id("ModelPackageArn")
        CfnOutput(
            self,
            "EndpointConfigName",
            value=serving.configuration.attr_endpoint_config_name,
            condition=model.exists,
        )
