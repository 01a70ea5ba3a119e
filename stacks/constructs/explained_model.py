"""The model that SageMaker Clarify asks for feature attributions, on an endpoint that lives as long as a job."""

from __future__ import annotations

from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from stacks.network.placement import Placement


class ExplainedModel(sagemaker.CfnModel):
    """The deployed package once more, by a name.

    Clarify's analysis_config.json names the model, and is written when the package is registered: long before
    CloudFormation could generate a name. The package's version in the name keeps versions from colliding.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        model_package_arn: str,
        role_arn: str,
        placement: Placement,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            model_name=name,
            execution_role_arn=role_arn,
            enable_network_isolation=True,
            vpc_config=placement.model(),
            containers=[sagemaker.CfnModel.ContainerDefinitionProperty(model_package_name=model_package_arn)],
        )
