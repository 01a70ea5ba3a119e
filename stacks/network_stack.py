"""Network: the VPC that jobs, models and functions run in."""

from __future__ import annotations

from aws_cdk import Aws, CfnOutput, Fn, Stack
from aws_cdk import aws_kms as kms
from constructs import Construct

from stacks.config import PlatformConfig
from stacks.constructs.closed_default_group import ClosedDefaultGroup
from stacks.constructs.encrypted_log_group import EncryptedLogGroup
from stacks.constructs.isolated_vpc import IsolatedVpc
from stacks.constructs.scoped_role import ScopedRole
from stacks.constructs.service_endpoints import ServiceEndpoints
from stacks.constructs.workload_groups import WorkloadGroups
from stacks.identity import network as identity
from stacks.images import image_uri, regions, repository_arn
from stacks.names import Names
from stacks.properties import removal_policy, stack_properties


class NetworkStack(Stack):
    """A stack of its own: interfaces of endpoints and functions keep subnets from being deleted, so it goes last."""

    def __init__(self, scope: Construct, *, config: PlatformConfig, names: Names) -> None:
        super().__init__(scope, names.stack("network"), **stack_properties(config, names, "network"))
        self._config, self._names = config, names
        settings = config.network
        self._removal = removal_policy(config)
        self._key = kms.Key.from_key_arn(self, "OperationsKey", names.key_arn("operations"))
        zones = settings.zones_in(config.region)
        network = self._vpc(zones)
        groups = WorkloadGroups(
            self,
            "Groups",
            name=names.prefix,
            vpc=network.vpc,
            prefix_lists={service: settings.prefix_list(service, config.region) for service in ("s3", "dynamodb")},
        )
        endpoints = ServiceEndpoints(
            self,
            "Endpoints",
            network=network,
            names=names,
            services=settings.interface_endpoints,
            zones=settings.endpoint_zones,
            group=groups.endpoints,
            images=_images(config),
        )
        for zone, subnet in zip(zones, network.subnets, strict=True):
            self._export(f"subnet-{zone}", subnet.attr_subnet_id)
        self._export("containers-group", groups.containers.security_group_id)
        self._export("functions-group", groups.functions.security_group_id)
        if config.scoring.private:
            self._export("api-endpoint", endpoints.add_api().attr_id)
        CfnOutput(self, "Subnets", value=Fn.join(",", [subnet.attr_subnet_id for subnet in network.subnets]))
        CfnOutput(self, "SecurityGroups", value=groups.containers.security_group_id)
        CfnOutput(self, "VpcId", value=network.resource.attr_vpc_id)

    def _vpc(self, zones: tuple[str, ...]) -> IsolatedVpc:
        names = self._names
        kept = {"days": self._config.storage.log_days, "removal_policy": self._removal}
        flow_logs = EncryptedLogGroup(self, "FlowLogs", name=f"/aws/vpc/{names.prefix}", key=self._key, **kept)
        network = IsolatedVpc(
            self,
            "Vpc",
            name=names.prefix,
            cidr=self._config.network.cidr,
            zones=zones,
            flow_logs=flow_logs,
            flow_log_role=ScopedRole(
                self,
                "FlowLogRole",
                role_name=names.role("flow-log"),
                description="Writes the flow log of the VPC",
                service="vpc-flow-logs.amazonaws.com",
                policies={"": identity.flow_logs(flow_logs.log_group_arn)},
                path=names.path,
                boundary_arn=names.boundary_arn,
            ),
        )
        name = f"{names.prefix}-close-default-group"
        group = names.ec2_arn(f"security-group/{network.resource.attr_default_security_group}")
        ClosedDefaultGroup(
            self,
            "DefaultGroup",
            name=name,
            group=network.resource.attr_default_security_group,
            role=ScopedRole(
                self,
                "CloseDefaultGroupRole",
                role_name=names.role("close-default-group"),
                description="Empties the default security group of the VPC",
                service="lambda.amazonaws.com",
                policies={"": identity.close_default_group(group)},
                source_condition=False,
                path=names.path,
                boundary_arn=names.boundary_arn,
            ),
            policy_path=names.path,
            log_key=self._key,
            log_days=kept["days"],
            removal_policy=self._removal,
        )
        return network

    def _export(self, what: str, value: str) -> None:
        """Exported by hand, as keys are: only EC2 knows the ids."""
        output = "".join(part.capitalize() for part in what.split("-")) + "Id"
        CfnOutput(self, output, value=value, export_name=self._names.network_export(what))


def _images(config: PlatformConfig) -> list[str]:
    """ARNs of AWS's own repositories that images are pulled from."""
    used = [
        image
        for image in ("xgboost", "model-monitor-analyzer", "clarify-processing")
        if config.region in regions(image)
    ]
    return [repository_arn(image_uri(image, config.region), Aws.PARTITION) for image in used]
