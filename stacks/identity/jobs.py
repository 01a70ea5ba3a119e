"""Grants of the roles that SageMaker assumes: for processing, training, the model and its monitoring."""

from __future__ import annotations

from stacks.constructs.code_assets import CodeAssets
from stacks.constructs.scoped_role import Grant
from stacks.identity.common import read_assets, read_objects, use_data_key, write_logs, write_objects
from stacks.names import Names


def processing(names: Names, assets: CodeAssets) -> list[Grant]:
    """Read transactions and runs, write runs."""
    return [
        *read_objects(names, "transactions", "datasets/"),
        *read_objects(names, "artifacts", "runs/"),
        write_objects(names, "artifacts", "runs/"),
        *read_assets(assets.code, assets.wheels),
        *use_data_key(names),
        *write_logs(names, "/aws/sagemaker/ProcessingJobs", f"{names.prefix}-"),
    ]


def training(names: Names, assets: CodeAssets) -> list[Grant]:
    """Read what a run prepared, write its models; raw transactions stay out of reach."""
    return [
        *read_objects(names, "artifacts", "runs/"),
        write_objects(names, "artifacts", "runs/"),
        *read_assets(assets.code, assets.wheels),
        *use_data_key(names),
        *write_logs(names, "/aws/sagemaker/TrainingJobs", f"{names.prefix}-"),
    ]


def model(names: Names) -> list[Grant]:
    """Read the model, write captured requests."""
    return [
        *read_objects(names, "artifacts", "runs/"),
        write_objects(names, "captures", "data-capture/"),
        *use_data_key(names),
        *write_logs(names, f"/aws/sagemaker/Endpoints/{names.endpoint}", ""),
    ]


def monitoring(names: Names) -> list[Grant]:
    """Read captured requests and the baseline, write reports."""
    return [
        *read_objects(names, "captures", "data-capture/"),
        *read_objects(names, "artifacts", "model-packages/"),
        *read_objects(names, "reports", "monitoring/"),
        write_objects(names, "reports", "monitoring/"),
        Grant(["sagemaker:DescribeEndpoint"], [names.sagemaker_arn(f"endpoint/{names.endpoint}")]),
        *use_data_key(names),
        # A monitoring execution is a processing job whose name SageMaker makes.
        *write_logs(names, "/aws/sagemaker/ProcessingJobs", ""),
    ]
