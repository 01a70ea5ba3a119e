"""A VPC's default security group, emptied."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import CustomResource, Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from stacks.constructs.acknowledgement import acknowledge
from stacks.constructs.encrypted_log_group import EncryptedLogGroup
from stacks.constructs.scoped_role import ScopedPolicy
from stacks.identity.common import write_group

# Read and not imported: the import of boto3 is a good part of a synthesis.
CODE = Path(__file__).resolve().parent.parent / "functions" / "close_default_group.py"


class ClosedDefaultGroup(Construct):
    """Whatever is put into the VPC without a group of its own can reach nothing, and nothing can reach it."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        group: str,
        role: iam.IRole,
        policy_path: str,
        log_key: kms.IKey,
        log_days: int,
        removal_policy: RemovalPolicy,
    ) -> None:
        super().__init__(scope, construct_id)
        logs = EncryptedLogGroup(
            self, "Logs", name=f"/aws/lambda/{name}", key=log_key, days=log_days, removal_policy=removal_policy
        )
        writes = ScopedPolicy(
            self,
            "LogsPolicy",
            description="Writes the log of the function that empties the default security group",
            grants=[write_group(logs.log_group_arn)],
            path=policy_path,
            roles=[role.role_name],
        )
        function = lambda_.Function(
            self,
            "Function",
            function_name=name,
            description="Empties the default security group of the VPC",
            runtime=lambda_.Runtime.PYTHON_3_14,
            handler="index.handler",
            code=lambda_.Code.from_inline(CODE.read_text(encoding="utf-8")),
            memory_size=256,
            environment_encryption=log_key,
            timeout=Duration.seconds(30),
            # A reference is enough to wait for the role, whose policies are made with it.
            role=iam.Role.from_role_arn(self, "Role", role.role_arn, mutable=False),
            log_group=logs,
        )
        _explain(function)
        done = CustomResource(
            self,
            "Default",
            resource_type="Custom::ClosedDefaultSecurityGroup",
            service_token=function.function_arn,
            properties={"GroupId": group},
        )
        done.node.add_dependency(writes)


def _explain(function: lambda_.Function) -> None:
    synchronous = "CloudFormation waits for the answer, and fails the deployment where none comes: there is no queue."
    acknowledge(function, "LambdaDLQ", synchronous, packs="nist hipaa serverless")
    outside = "It makes the network, and an endpoint for EC2 would cost more than its one call is worth."
    acknowledge(function, "LambdaInsideVPC", outside, packs="nist pci hipaa")
    rare = "CloudFormation alone calls it, once a deployment: there is nothing to keep apart from other functions."
    acknowledge(function, "LambdaConcurrency", rare, packs="nist hipaa")
    acknowledge(function, "LambdaTracing", "One call of EC2, whose outcome CloudFormation shows.", packs="serverless")
