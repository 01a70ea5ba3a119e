"""Grants with which SageMaker and Lambda put network interfaces into the network, on behalf of a role."""

from __future__ import annotations

from stacks.constructs.scoped_role import Grant
from stacks.identity.common import write_group
from stacks.names import Names
from stacks.network.placement import Placement

IN_SUBNETS = "A condition limits what is done with interfaces, whose ids EC2 chooses, to these subnets."
SAGEMAKER = "sagemaker.amazonaws.com"
DESCRIBE = ("ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs")
DESCRIBED = "EC2's Describe actions know no resources."


def containers(names: Names, placement: Placement) -> list[Grant]:
    """What SageMaker does under a job's role with interfaces in the subnets, which it alone may use."""
    here = {"ArnEquals": {"ec2:Subnet": _subnets(names, placement)}}
    return [
        Grant(
            ["ec2:CreateNetworkInterfacePermission"],
            ["*"],
            conditions={**here, "StringEquals": {"ec2:AuthorizedService": SAGEMAKER}},
            reason=IN_SUBNETS,
        ),
        Grant(
            ["ec2:DeleteNetworkInterface", "ec2:DeleteNetworkInterfacePermission"],
            ["*"],
            conditions=here,
            reason=IN_SUBNETS,
        ),
        Grant([*DESCRIBE, "ec2:DescribeDhcpOptions"], ["*"], reason=DESCRIBED),
    ]


def functions(names: Names) -> list[Grant]:
    """What Lambda does under a function's role, and the function's own code may not do."""
    move = ("ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses")
    return [
        Grant(
            [*DESCRIBE, "ec2:DeleteNetworkInterface", *move],
            ["*"],
            reason=f"{DESCRIBED} Lambda takes no role that may delete less than any interface whatever; it alone may.",
        ),
        Grant(
            ["ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", *move, *DESCRIBE],
            ["*"],
            conditions={"ArnLike": {"lambda:SourceFunctionArn": [names.function_arn(f"{names.prefix}-*")]}},
            reason=DESCRIBED,
            effect="Deny",
        ),
    ]


def interfaces(names: Names, placement: Placement) -> Grant:
    """Make interfaces in these subnets and groups alone."""
    groups = [names.ec2_arn(f"security-group/{group}") for group in placement.groups()]
    return Grant(
        ["ec2:CreateNetworkInterface"],
        [names.ec2_arn("network-interface/*"), *_subnets(names, placement), *groups],
        reason="EC2 chooses the id of a network interface; it is made in these subnets alone.",
    )


def _subnets(names: Names, placement: Placement) -> list[str]:
    return [names.ec2_arn(f"subnet/{subnet}") for subnet in placement.subnets]


def flow_logs(group_arn: str) -> list[Grant]:
    """Write the VPC's flow log."""
    return [write_group(group_arn, "logs:DescribeLogStreams")]


def close_default_group(group: str) -> list[Grant]:
    """Take rules from one security group, given by its ARN."""
    return [Grant(["ec2:RevokeSecurityGroupEgress", "ec2:RevokeSecurityGroupIngress"], [group])]
