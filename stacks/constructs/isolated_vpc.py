"""A VPC without a way out, whose traffic is logged."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network

from aws_cdk import Aws, CfnMapping, Stack, Tags
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.constructs.acknowledgement import acknowledge

SUBNET_BITS = 24


class IsolatedVpc(Construct):
    """A subnet in each zone, one route table without routes, and a flow log of all traffic.

    Zones are named, never looked up. Each takes the next block of addresses, so that one added at the end moves none.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        cidr: str,
        zones: Sequence[str],
        flow_logs: logs.ILogGroup,
        flow_log_role: iam.IRole,
    ) -> None:
        super().__init__(scope, construct_id)
        self.resource = ec2.CfnVPC(self, "Vpc", cidr_block=cidr, enable_dns_hostnames=True, enable_dns_support=True)
        closed = "ClosedDefaultGroup takes the rules of the default group as the VPC is made; templates cannot show it."
        acknowledge(self.resource, "VPCDefaultSecurityGroupClosed", closed, packs="nist pci hipaa")
        Tags.of(self.resource).add("Name", name)
        self.routes = ec2.CfnRouteTable(self, "Routes", vpc_id=self.resource.attr_vpc_id)
        blocks = IPv4Network(cidr).subnets(new_prefix=SUBNET_BITS)
        self.subnets = [
            self._subnet(number, zone, str(block))
            for number, (zone, block) in enumerate(zip(self._references(zones), blocks, strict=False), 1)
        ]
        self.vpc = ec2.Vpc.from_vpc_attributes(
            self, "Reference", vpc_id=self.resource.attr_vpc_id, availability_zones=list(zones)
        )
        ec2.CfnFlowLog(
            self,
            "FlowLog",
            resource_id=self.resource.attr_vpc_id,
            resource_type="VPC",
            traffic_type="ALL",
            log_destination_type="cloud-watch-logs",
            log_group_name=flow_logs.log_group_name,
            deliver_logs_permission_arn=flow_log_role.role_arn,
            max_aggregation_interval=60,
        )

    def _references(self, zones: Sequence[str]) -> list[str]:
        """References to the zones, which the template names in one place."""
        table = {f"zone{number}": zone for number, zone in enumerate(zones, 1)}
        mapping = CfnMapping(self, "Zones", mapping={Stack.of(self).region: table})
        return [mapping.find_in_map(Aws.REGION, key) for key in table]

    def _subnet(self, number: int, zone: str, block: str) -> ec2.CfnSubnet:
        subnet = ec2.CfnSubnet(
            self,
            f"Subnet{number}",
            vpc_id=self.resource.attr_vpc_id,
            availability_zone=zone,
            cidr_block=block,
            map_public_ip_on_launch=False,
        )
        ec2.CfnSubnetRouteTableAssociation(
            self, f"Routes{number}", subnet_id=subnet.attr_subnet_id, route_table_id=self.routes.attr_route_table_id
        )
        return subnet
