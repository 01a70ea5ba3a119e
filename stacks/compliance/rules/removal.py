"""What holds data outlives its stack where the environment retains, and goes with it where it destroys."""

from __future__ import annotations

from stacks.compliance.rule import Context, rule
from stacks.compliance.template import Resource

STATEFUL = (
    *("AWS::DynamoDB::Table", "AWS::KMS::Key", "AWS::Logs::LogGroup", "AWS::S3::Bucket"),
    *("AWS::SageMaker::FeatureGroup", "AWS::SageMaker::ModelPackageGroup", "AWS::SQS::Queue"),
)


@rule("Removal", *STATEFUL, remedy="apply the removal policy of storage.removal")
def RULE(resource: Resource, context: Context) -> bool:
    wanted = {"destroy": ("Delete",), "retain": ("Retain", "RetainExceptOnCreate")}[context.removal]
    given = {resource.body.get("DeletionPolicy", "Delete"), resource.body.get("UpdateReplacePolicy", "Delete")}
    return given <= set(wanted)
