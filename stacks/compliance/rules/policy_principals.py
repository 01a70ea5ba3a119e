"""Policies of resources let nobody in whom they do not name; a service only on behalf of this account."""

from __future__ import annotations

from stacks.compliance.rule import Context, rule
from stacks.compliance.template import Resource, many, text

KINDS = {
    "AWS::KMS::Key": "KeyPolicy",
    "AWS::S3::BucketPolicy": "PolicyDocument",
    "AWS::SNS::TopicPolicy": "PolicyDocument",
    "AWS::SQS::QueuePolicy": "PolicyDocument",
}


@rule("PolicyPrincipals", *KINDS, remedy="name principals, and give services a condition on whom they act for")
def RULE(resource: Resource, context: Context) -> bool:
    for statement in resource.statements(KINDS[resource.kind]):
        if statement["Effect"] == "Allow":
            principal = statement.get("Principal", "*")
            if principal == "*" or "*" in [text(one) for one in many(principal.get("AWS", []))]:
                return False
            if "Service" in principal and not statement.get("Condition"):
                return False
    return True
