"""Buckets, topics and queues have a policy that refuses what does not come over TLS."""

from __future__ import annotations

from stacks.compliance.rule import Context, rule
from stacks.compliance.template import Resource, many

POLICIES = {
    "AWS::S3::Bucket": ("AWS::S3::BucketPolicy", "Bucket"),
    "AWS::SNS::Topic": ("AWS::SNS::TopicPolicy", "Topics"),
    "AWS::SQS::Queue": ("AWS::SQS::QueuePolicy", "Queues"),
}


@rule("TlsOnly", *POLICIES, remedy="deny requests whose aws:SecureTransport is false, in the resource's policy")
def RULE(resource: Resource, context: Context) -> bool:
    kind, subject = POLICIES[resource.kind]
    return any(
        _refuses_plain(statement)
        for policy in resource.template.resources(kind)
        if any(resource.refers_to(reference) for reference in many(policy.get(subject)))
        for statement in policy.statements()
    )


def _refuses_plain(statement: dict) -> bool:
    secure = statement.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport")
    return statement["Effect"] == "Deny" and secure in ("false", False)
