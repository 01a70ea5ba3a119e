"""Where jobs, models and functions run, in each spelling in which AWS asks for it.

`Placement.of(config, names)` is all that a stack needs; without a network its answers are empty, so that callers need
not ask whether there is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import Fn
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sagemaker as sagemaker

from stacks.config import PlatformConfig
from stacks.names import Names

# Instances of a distributed job talk to each other encrypted, and no container has a way out.
ISOLATION = {"EnableNetworkIsolation": True, "EnableInterContainerTrafficEncryption": True}


@dataclass(frozen=True)
class Placement:
    """Ids of subnets, and of the security groups of SageMaker's containers and of functions."""

    subnets: tuple[str, ...] = ()
    container_groups: tuple[str, ...] = ()
    function_groups: tuple[str, ...] = ()

    @classmethod
    def of(cls, config: PlatformConfig, names: Names) -> Placement:
        """The placement that the configuration asks for; ids of a network made here are imported from its stack."""
        network = config.network
        if not network.enabled:
            return cls()
        if not network.creates:
            groups = network.existing.security_group_ids
            return cls(network.existing.subnet_ids, groups, groups)
        zones = network.zones_in(config.region)
        return cls(
            tuple(Fn.import_value(names.network_export(f"subnet-{zone}")) for zone in zones),
            (Fn.import_value(names.network_export("containers-group")),),
            (Fn.import_value(names.network_export("functions-group")),),
        )

    @staticmethod
    def api_endpoint(config: PlatformConfig, names: Names) -> str | None:
        """Id of the endpoint by which a private API is called; None where the API is not private."""
        if not config.scoring.private:
            return None
        made = config.network.creates
        return (
            Fn.import_value(names.network_export("api-endpoint")) if made else config.network.existing.api_endpoint_id
        )

    def job(self) -> dict[str, Any]:
        """`VpcConfig` and isolation as members of a training job's definition."""
        return {**ISOLATION, **self._vpc()}

    def processing(self) -> dict[str, Any]:
        """A processing job's `NetworkConfig`."""
        return self.job()

    def monitoring(self) -> dict[str, Any]:
        """`network_config` of a monitoring job definition of CloudFormation's."""
        vpc = {"vpcConfig": {"securityGroupIds": list(self.container_groups), "subnets": list(self.subnets)}}
        isolation = {key[0].lower() + key[1:]: value for key, value in ISOLATION.items()}
        return {**isolation, **(vpc if self.subnets else {})}

    def model(self) -> sagemaker.CfnModel.VpcConfigProperty | None:
        """`vpc_config` of a model."""
        if not self.subnets:
            return None
        return sagemaker.CfnModel.VpcConfigProperty(
            security_group_ids=list(self.container_groups), subnets=list(self.subnets)
        )

    def place(self, function: lambda_.Function) -> None:
        """Run a function in the network; its role needs stacks.identity.network.functions()."""
        if self.subnets:
            function.node.default_child.vpc_config = lambda_.CfnFunction.VpcConfigProperty(
                subnet_ids=list(self.subnets), security_group_ids=list(self.function_groups)
            )

    def groups(self) -> Sequence[str]:
        """All security groups, each once."""
        return tuple(dict.fromkeys((*self.container_groups, *self.function_groups)))

    def _vpc(self) -> dict[str, Any]:
        vpc = {"SecurityGroupIds": list(self.container_groups), "Subnets": list(self.subnets)}
        return {"VpcConfig": vpc} if self.subnets else {}
