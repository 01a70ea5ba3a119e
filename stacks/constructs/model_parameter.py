"""The model version as a stack parameter, and the condition that there is one."""

from __future__ import annotations

from aws_cdk import CfnCondition, CfnParameter, CfnResource, Fn, Stack
from constructs import IConstruct

PARAMETER = "ModelPackageArn"


class ModelParameter(CfnParameter):
    """`ModelPackageArn`: empty until a first model is promoted; a deploy without it keeps the deployed value."""

    def __init__(
        self,
        stack: Stack,
        *,
        model_package_group: str,
        name: str = PARAMETER,
        condition: str = "HasModel",
        description: str = "Model package to serve; empty leaves out the endpoint and its monitor",
    ) -> None:
        super().__init__(
            stack,
            name,
            type="String",
            default="",
            description=description,
            allowed_pattern=(
                rf"^$|^arn:aws[a-z-]*:sagemaker:[a-z0-9-]+:\d{{12}}:model-package/{model_package_group}/\d+$"
            ),
            constraint_description=f"must be empty or the ARN of a version in the group {model_package_group}",
        )
        self.exists = CfnCondition(stack, condition, expression=Fn.condition_not(Fn.condition_equals(self, "")))

    def require(self, *constructs: IConstruct) -> None:
        """Leave out every resource of `constructs` as long as there is no model."""
        for construct in constructs:
            for child in construct.node.find_all():
                if isinstance(child, CfnResource):
                    child.cfn_options.condition = self.exists

    @property
    def version(self) -> str:
        """The version's number: the last part of arn:…:model-package/<group>/<version>."""
        return Fn.select(2, Fn.split("/", self.value_as_string))

    @property
    def or_none(self) -> str:
        """The ARN, or `none`."""
        return Fn.condition_if(self.exists.logical_id, self.value_as_string, "none").to_string()
