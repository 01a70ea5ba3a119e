"""The security groups of what runs in the network."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import aws_ec2 as ec2
from constructs import Construct

HTTPS = ec2.Port.tcp(443)


class WorkloadGroups(Construct):
    """One group each for SageMaker's containers, for functions and for interface endpoints.

    Workloads may open HTTPS to endpoints and to the gateways' prefix lists, nothing else; nobody may open anything to
    them. Endpoints answer workloads and open nothing.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, name: str, vpc: ec2.IVpc, prefix_lists: Mapping[str, str]
    ) -> None:
        super().__init__(scope, construct_id)
        self._vpc, self._name = vpc, name
        self.endpoints = self._group("Endpoints", "Interface endpoints of AWS services")
        self.containers = self._group("Containers", "SageMaker jobs and models")
        self.functions = self._group("Functions", "Lambda functions")
        # Containers have nothing to look for in tables.
        reached = {"Containers": (self.containers, ("s3",)), "Functions": (self.functions, ("s3", "dynamodb"))}
        for who, (group, gateways) in reached.items():
            group.add_egress_rule(self.endpoints, HTTPS, "AWS services by their interface endpoints")
            self.endpoints.add_ingress_rule(group, HTTPS, f"{who} ask AWS services")
            for gateway in gateways:
                group.add_egress_rule(ec2.Peer.prefix_list(prefix_lists[gateway]), HTTPS, f"{gateway} by its gateway")

    def _group(self, construct_id: str, description: str) -> ec2.SecurityGroup:
        return ec2.SecurityGroup(
            self,
            construct_id,
            vpc=self._vpc,
            security_group_name=f"{self._name}-{construct_id.lower()}",
            description=description,
            allow_all_outbound=False,
        )
