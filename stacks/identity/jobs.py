"""Grants of the roles that SageMaker assumes: for processing, training, batches and the model."""

from __future__ import annotations

from stacks.constructs.code_assets import CodeAssets
from stacks.constructs.scoped_role import Grant, ObjectGrant
from stacks.identity.common import read_assets, read_objects, use_data_key, write_group, write_objects
from stacks.names import Names

# What data scientists make of runs, and bring along: beside everything that is deployed from.
LAB = "lab/"


def processing(names: Names, assets: CodeAssets) -> list[Grant | ObjectGrant]:
    """Read transactions and runs, write runs."""
    return [
        *read_objects(names, "transactions", "datasets/"),
        *read_objects(names, "artifacts", "runs/"),
        write_objects("artifacts", "runs/"),
        *read_assets(assets.code, assets.wheels),
        *use_data_key(names),
    ]


def training(names: Names, assets: CodeAssets) -> list[Grant | ObjectGrant]:
    """Read what a run prepared, write its models; raw transactions stay out of reach."""
    return [
        *read_objects(names, "artifacts", "runs/"),
        write_objects("artifacts", "runs/"),
        *read_assets(assets.code, assets.wheels),
        *use_data_key(names),
    ]


def lab(names: Names) -> list[Grant | ObjectGrant]:
    """Read what models are made of, write beside it: whoever chooses a job's code cannot change what is deployed."""
    return [
        *read_objects(names, "transactions", "datasets/"),
        *read_objects(names, "artifacts", "runs/", LAB),
        write_objects("artifacts", LAB),
        *use_data_key(names),
    ]


def model(names: Names) -> list[Grant | ObjectGrant]:
    """Read the model, write captured requests."""
    return [
        *read_objects(names, "artifacts", "runs/"),
        write_objects("captures", "data-capture/"),
        *use_data_key(names),
    ]


def endpoint_logs(group_arn: str) -> list[Grant]:
    """Write the endpoint's log, as the model."""
    return [write_group(group_arn, "logs:DescribeLogStreams")]


def transform(names: Names) -> list[Grant | ObjectGrant]:
    """Read the model and a batch of features, write their scores."""
    return [
        *read_objects(names, "artifacts", "runs/"),
        *read_objects(names, "reports", "batch/"),
        write_objects("reports", "batch/"),
        *use_data_key(names),
    ]
