"""Policies name each action that they allow."""

from __future__ import annotations

from stacks.compliance.rule import Context, rule
from stacks.compliance.template import Resource, many

KINDS = {
    "AWS::IAM::ManagedPolicy": "PolicyDocument",
    "AWS::IAM::Policy": "PolicyDocument",
    "AWS::KMS::Key": "KeyPolicy",
    "AWS::S3::BucketPolicy": "PolicyDocument",
    "AWS::SNS::TopicPolicy": "PolicyDocument",
    "AWS::SQS::QueuePolicy": "PolicyDocument",
}


@rule("PolicyActions", *KINDS, remedy="name each action, without NotAction and wildcards")
def RULE(resource: Resource, context: Context) -> bool:
    for statement in resource.statements(KINDS[resource.kind]):
        if statement["Effect"] == "Allow":
            actions = many(statement.get("Action", ["*"]))
            if any("*" in action for action in actions):
                return False
    return True
