"""Endpoints through which the network reaches AWS services, and nothing but this account's part of them."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.constructs.isolated_vpc import IsolatedVpc
from stacks.names import Names
from stacks.network import endpoints

EXECUTE_API = "execute-api"


class ServiceEndpoints(Construct):
    """Gateways to S3 and DynamoDB, and an interface endpoint for each of `services` in the first `zones` subnets."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        network: IsolatedVpc,
        names: Names,
        services: Sequence[str],
        zones: int | None,
        group: ec2.ISecurityGroup,
        images: Sequence[str],
    ) -> None:
        super().__init__(scope, construct_id)
        self._network, self._names = network, names
        self._subnets = [subnet.attr_subnet_id for subnet in network.subnets[:zones]]
        self._group = group
        self._gateway("s3", endpoints.s3_statements(names))
        self._gateway("dynamodb", endpoints.dynamodb_statements(names))
        for service in services:
            self._interface(service, endpoints.policy(service, names, images))

    def add_api(self) -> ec2.CfnVPCEndpoint:
        """The endpoint by which a private API is called; the API's own policy says by whom."""
        call = endpoints.allow("OwnApis", ["execute-api:Invoke"], [self._names.arn(EXECUTE_API, "*")])
        return self._interface(EXECUTE_API, iam.PolicyDocument(statements=[call]))

    def _gateway(self, service: str, statements: Sequence[iam.PolicyStatement]) -> None:
        self._endpoint(
            service,
            iam.PolicyDocument(statements=statements),
            vpc_endpoint_type="Gateway",
            route_table_ids=[self._network.routes.attr_route_table_id],
        )

    def _interface(self, service: str, policy: iam.PolicyDocument) -> ec2.CfnVPCEndpoint:
        return self._endpoint(
            service,
            policy,
            vpc_endpoint_type="Interface",
            private_dns_enabled=True,
            subnet_ids=self._subnets,
            security_group_ids=[self._group.security_group_id],
        )

    def _endpoint(self, service: str, policy: iam.PolicyDocument, **properties: object) -> ec2.CfnVPCEndpoint:
        return ec2.CfnVPCEndpoint(
            self,
            "".join(part.capitalize() for part in service.replace("-", ".").split(".")),
            vpc_id=self._network.resource.attr_vpc_id,
            service_name=f"com.amazonaws.{self._names.region}.{service}",
            policy_document=policy,
            **properties,
        )
