"""Custom resource: takes the two rules that every VPC's default security group is born with.

EC2 makes the group with the VPC, and no resource type of CloudFormation can empty it. Runs on Lambda's own Python and
boto3; the template carries this file's text.
"""

import json
import urllib.request

import boto3

EVERYTHING = {"IpProtocol": "-1"}


def handler(event, context):
    """Revoke both rules on a create or an update, and tell CloudFormation how it went."""
    group = event["ResourceProperties"]["GroupId"]
    try:
        if event["RequestType"] != "Delete":
            close(boto3.client("ec2"), group)
        answer(event, "SUCCESS", group)
    except Exception as error:
        # CloudFormation waits an hour for an answer that does not come.
        answer(event, "FAILED", group, f"{type(error).__name__}: {error}")


def close(ec2, group):
    """Revoke both rules of `group`; rules that are gone already are no error."""
    inward = {**EVERYTHING, "UserIdGroupPairs": [{"GroupId": group}]}
    outward = {**EVERYTHING, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    for revoke, rule in (
        (ec2.revoke_security_group_ingress, inward),
        (ec2.revoke_security_group_egress, outward),
    ):
        try:
            revoke(GroupId=group, IpPermissions=[rule])
        except ec2.exceptions.ClientError as error:
            if error.response["Error"]["Code"] != "InvalidPermission.NotFound":
                raise


def answer(event, status, physical_id, reason=""):
    """Put the outcome where CloudFormation waits for it."""
    body = {key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")}
    body.update(Status=status, PhysicalResourceId=f"{physical_id}-closed", Reason=reason)
    request = urllib.request.Request(
        event["ResponseURL"], data=json.dumps(body).encode(), method="PUT", headers={"Content-Type": ""}
    )
    urllib.request.urlopen(request, timeout=10).close()
