"""The account's setting under which API Gateway writes logs."""

from __future__ import annotations

from aws_cdk import RemovalPolicy
from aws_cdk import aws_apigateway as apigateway
from constructs import Construct


class GatewayLogging(apigateway.CfnAccount):
    """Names the role; a deletion leaves the setting alone, since other APIs of the account may rely on it."""

    def __init__(self, scope: Construct, construct_id: str, *, role_arn: str) -> None:
        super().__init__(scope, construct_id, cloud_watch_role_arn=role_arn)
        self.apply_removal_policy(RemovalPolicy.RETAIN)
