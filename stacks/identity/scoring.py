"""Grants of the scoring function, of API Gateway's logging, and of those who may call the API."""

from __future__ import annotations

from collections.abc import Sequence

from stacks.config import PlatformConfig
from stacks.constructs.scoped_role import Grant, ObjectGrant
from stacks.identity.common import use_key, write_objects
from stacks.names import Names

# What each kind of caller may do, as (method, path with * for a part that varies).
PAYMENTS = (("POST", "/transactions"),)
ANALYSTS = (("POST", "/labels"), ("GET", "/decisions"), ("GET", "/decisions/*"))


def tables(names: Names, config: PlatformConfig) -> list[Grant]:
    """Read and write profiles and decisions item by item, read rules; no table is scanned, nothing is deleted."""
    decisions = names.table_arn("decisions")
    # A transaction's items are authorised as the puts and updates that they are.
    item = ("dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem")
    indexes = [f"{decisions}/index/by-{entity.name}" for entity in config.load_event_type().entities]
    return [
        Grant(item, [names.table_arn("profiles"), decisions]),
        *([Grant(["dynamodb:Query"], indexes)] if indexes else []),
        Grant(["dynamodb:GetItem"], [names.table_arn("rules")]),
    ]


def function(names: Names, config: PlatformConfig) -> list[Grant | ObjectGrant]:
    """Ask the one endpoint, keep labels as ground truth, and trace."""
    grants = [
        Grant(["sagemaker:InvokeEndpoint"], [names.sagemaker_arn(f"endpoint/{names.endpoint}")]),
        write_objects("captures", "ground-truth/"),
        *use_key(names, "data"),
    ]
    if config.scoring.tracing:
        grants.append(
            Grant(
                ["xray:PutTelemetryRecords", "xray:PutTraceSegments"],
                ["*"],
                reason="X-Ray's actions know no resources.",
            )
        )
    return grants


def gateway_logs() -> list[Grant]:
    """Write API Gateway's logs; it looks whether the role may before it takes it, for groups of any name."""
    return [
        Grant(
            [
                *("logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogGroups"),
                *("logs:DescribeLogStreams", "logs:FilterLogEvents", "logs:GetLogEvents", "logs:PutLogEvents"),
            ],
            ["*"],
            reason="One role serves every API of the account, whatever its log group; these are the actions that API "
            "Gateway demands of it.",
        )
    ]


def call_api(stage_arn: str, routes: Sequence[tuple[str, str]]) -> list[Grant]:
    """Call `routes` of the stage with this ARN (arn:…:execute-api:…:<api>/<stage>)."""
    return [
        Grant(
            ["execute-api:Invoke"],
            [f"{stage_arn}/{method}{path}" for method, path in routes],
            reason="A decision's path ends in the transaction's id.",
        )
    ]
