"""Grants with which SageMaker and Lambda put network interfaces into the network, on behalf of a role."""

from __future__ import annotations

from stacks.constructs.scoped_role import Grant
from stacks.names import Names
from stacks.network.placement import Placement

SAGEMAKER = "sagemaker.amazonaws.com"
DESCRIBE = ("ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs")
ANY_INTERFACE = "EC2 chooses the id of a network interface; it is made in these subnets alone."


def containers(names: Names, placement: Placement) -> list[Grant]:
    """What SageMaker does under a job's role: interfaces in the subnets, which it alone may use."""
    interface = names.ec2_arn("network-interface/*")
    here = {"ArnEquals": {"ec2:Subnet": _subnets(names, placement)}}
    return [
        _create(names, placement),
        Grant(
            ["ec2:CreateNetworkInterfacePermission"],
            [interface],
            conditions={**here, "StringEquals": {"ec2:AuthorizedService": SAGEMAKER}},
            reason=ANY_INTERFACE,
        ),
        Grant(
            ["ec2:DeleteNetworkInterface", "ec2:DeleteNetworkInterfacePermission"],
            [interface],
            conditions=here,
            reason=ANY_INTERFACE,
        ),
        Grant([*DESCRIBE, "ec2:DescribeDhcpOptions"], ["*"], reason="EC2's Describe actions know no resources."),
    ]


def functions(names: Names, placement: Placement) -> list[Grant]:
    """What Lambda does under a function's role, and the function's own code may not do."""
    interface = names.ec2_arn("network-interface/*")
    # Lambda asks for the deletion of any resource whatever before it takes a role; it documents this ARN.
    every = names.ec2_arn("*/*")
    move = ("ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses")
    return [
        _create(names, placement),
        Grant(move, [interface], reason=ANY_INTERFACE),
        Grant(["ec2:DeleteNetworkInterface"], [every], reason="Lambda takes no role that may delete less."),
        Grant(DESCRIBE, ["*"], reason="EC2's Describe actions know no resources."),
        Grant(
            ["ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", *move, *DESCRIBE],
            ["*"],
            conditions={"ArnLike": {"lambda:SourceFunctionArn": [names.function_arn(f"{names.prefix}-*")]}},
            reason="EC2's Describe actions know no resources.",
            effect="Deny",
        ),
    ]


def _create(names: Names, placement: Placement) -> Grant:
    groups = [names.ec2_arn(f"security-group/{group}") for group in placement.groups()]
    return Grant(
        ["ec2:CreateNetworkInterface"],
        [names.ec2_arn("network-interface/*"), *_subnets(names, placement), *groups],
        reason=ANY_INTERFACE,
    )


def _subnets(names: Names, placement: Placement) -> list[str]:
    return [names.ec2_arn(f"subnet/{subnet}") for subnet in placement.subnets]


def flow_logs(names: Names) -> list[Grant]:
    """Write the VPC's flow log."""
    group = names.logs_arn(f"log-group:/aws/vpc/{names.prefix}")
    return [
        Grant(["logs:DescribeLogStreams"], [group]),
        Grant(
            ["logs:CreateLogStream", "logs:PutLogEvents"],
            [f"{group}:log-stream:*"],
            reason="A flow log has a stream for each network interface.",
        ),
    ]


def close_default_group(names: Names, function: str, group: str) -> list[Grant]:
    """Take rules from one security group (given by ARN), and log."""
    streams = names.logs_arn(f"log-group:/aws/lambda/{function}:log-stream:*")
    return [
        Grant(["ec2:RevokeSecurityGroupEgress", "ec2:RevokeSecurityGroupIngress"], [group]),
        Grant(
            ["logs:CreateLogStream", "logs:PutLogEvents"],
            [streams],
            reason="Lambda names a log stream after each of its environments.",
        ),
    ]
