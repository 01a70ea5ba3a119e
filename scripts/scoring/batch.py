"""Scoring a whole file by a batch transform job of the deployed model."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import polars as pl

from fraud.event_types.model import EventType
from fraud.models.scoring import score
from scripts.retraining.clients import Clients
from scripts.retraining.discovery import outputs_of
from scripts.retraining.errors import OperatorError

_FINAL = ("Completed", "Failed", "Stopped")
_EVERY_SECONDS = 2.0


@dataclass(frozen=True)
class Target:
    """Where a batch is scored: the model package, the bucket and key for its data, the job's role and network."""

    prefix: str
    package_arn: str
    bucket: str
    key_arn: str
    role_arn: str
    network: dict[str, Any]

    @classmethod
    def of(cls, clients: Clients, prefix: str) -> Target:
        """Read the stacks' outputs; raise OperatorError while no model is deployed."""
        storage, serving = (outputs_of(clients, f"{prefix}-{name}") for name in ("storage", "serving"))
        package = serving.get("ModelPackageArn")
        if not package:
            raise OperatorError(f"{prefix} serves no model yet: train one with `python -m scripts.retrain` first.")
        role = serving.get("TransformRoleArn")
        if not role or "NetworkStack" not in serving:
            stack = f"{prefix}-serving"
            raise OperatorError(
                f"The stack {stack} names no role or network for batches: deploy this version of it first."
            )
        key = outputs_of(clients, f"{prefix}-keys")["DataKeyArn"]
        network = _network(clients, serving)
        return cls(prefix, package, storage["ReportsBucket"], key, role, network)


def _network(clients: Clients, serving: dict[str, str]) -> dict[str, Any]:
    """`VpcConfig` where models run in a network, from the outputs of the stack that knows it."""
    stack = serving["NetworkStack"]
    outputs = serving if stack == "none" else outputs_of(clients, stack)
    if "Subnets" not in outputs:
        return {}
    groups = outputs["SecurityGroups"].split(",")
    return {"VpcConfig": {"Subnets": outputs["Subnets"].split(","), "SecurityGroupIds": groups}}


def to_csv(features: pl.DataFrame) -> bytes:
    """Return features as CSV without a header, a missing value as nothing."""
    body = io.BytesIO()
    features.with_columns(pl.col(pl.Float32).fill_nan(None)).write_csv(body, include_header=False)
    return body.getvalue()


def transform(
    clients: Clients, target: Target, body: bytes, instance_type: str, show: Callable[[str], None]
) -> list[float]:
    """Score rows of features by a transform job and return a probability for each; `show` gets the job's status.

    The model that the job needs is deleted afterwards; its input and output expire with the reports bucket. Raises
    OperatorError with the job's reason.
    """
    name = f"{target.prefix}-batch-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}"[:63]
    sagemaker, folder = clients.sagemaker, f"batch/{name}"
    clients.s3.put_object(Bucket=target.bucket, Key=f"{folder}/input/features.csv", Body=body)
    sagemaker.create_model(
        ModelName=name,
        ExecutionRoleArn=target.role_arn,
        Containers=[{"ModelPackageName": target.package_arn}],
        EnableNetworkIsolation=True,
        **target.network,
    )
    try:
        sagemaker.create_transform_job(**_job(name, target, folder, instance_type))
        _wait(sagemaker, name, show)
    except KeyboardInterrupt:
        sagemaker.stop_transform_job(TransformJobName=name)
        raise
    finally:
        sagemaker.delete_model(ModelName=name)
    answer = clients.s3.get_object(Bucket=target.bucket, Key=f"{folder}/output/features.csv.out")["Body"].read()
    return [float(line.split(b",")[0]) for line in answer.split()]


def scored(events: pl.DataFrame, event_type: EventType, probabilities: list[float]) -> pl.DataFrame:
    """Return id, time, amount and truth (those that there are) of each event with its probability and score."""
    if len(probabilities) != len(events):
        raise OperatorError(f"the job answered {len(probabilities)} of {len(events)} rows: its log says why.")
    names = (event_type.id, event_type.timestamp, event_type.amount, event_type.label)
    kept = [name for name in names if name and name in events.columns]
    return events.select(kept).with_columns(
        probability=pl.Series(probabilities, dtype=pl.Float64),
        score=pl.Series([score(probability) for probability in probabilities], dtype=pl.Int32),
    )


def _job(name: str, target: Target, folder: str, instance_type: str) -> dict[str, Any]:
    location = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{target.bucket}/{folder}/input/"}
    return {
        "TransformJobName": name,
        "ModelName": name,
        "BatchStrategy": "MultiRecord",
        "MaxPayloadInMB": 6,
        "TransformInput": {
            "DataSource": {"S3DataSource": location},
            "ContentType": "text/csv",
            "SplitType": "Line",
        },
        "TransformOutput": {
            "S3OutputPath": f"s3://{target.bucket}/{folder}/output/",
            "Accept": "text/csv",
            "AssembleWith": "Line",
            "KmsKeyId": target.key_arn,
        },
        "TransformResources": {
            "InstanceType": instance_type,
            "InstanceCount": 1,
            "VolumeKmsKeyId": target.key_arn,
        },
    }


def _wait(sagemaker: Any, name: str, show: Callable[[str], None]) -> None:
    while True:
        job = sagemaker.describe_transform_job(TransformJobName=name)
        show(job["TransformJobStatus"])
        if job["TransformJobStatus"] in _FINAL:
            break
        time.sleep(_EVERY_SECONDS)
    if job["TransformJobStatus"] != "Completed":
        raise OperatorError(
            f"{name} ended as {job['TransformJobStatus']}: {job.get('FailureReason', 'no reason given')}"
        )
