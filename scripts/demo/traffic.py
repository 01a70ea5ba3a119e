"""Live traffic for the demo: rows of the hold-out sent to the endpoint one by one, as a payment service would."""

import io
import json
import re
import uuid
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import boto3
import polars as pl

DRIFT_FACTOR = 3.0
# Features in units of the amount; counts, ratios and shares do not move with the price level.
AMOUNT = re.compile(r"amount|_(sum|mean|max)_", re.IGNORECASE)


@dataclass(frozen=True)
class HoldOut:
    """The test split of a run: feature columns in the schema's order, and the reserved columns beside them."""

    frame: pl.DataFrame
    features: list[str]
    amount_features: list[str] = field(default_factory=list)

    @classmethod
    def of_run(cls, session: boto3.Session, bucket: str, run_id: str) -> "HoldOut":
        s3 = session.client("s3")
        prefix = f"runs/{run_id}/prepare"
        schema = json.load(s3.get_object(Bucket=bucket, Key=f"{prefix}/schema/feature_schema.json")["Body"])
        body = s3.get_object(Bucket=bucket, Key=f"{prefix}/test/data.parquet")["Body"].read()
        features = [feature["name"] for feature in schema["features"]]
        amounts = [name for name in features if AMOUNT.search(name)] or features[:3]
        return cls(pl.read_parquet(io.BytesIO(body)), features, amounts)


def drifted(hold_out: HoldOut) -> HoldOut:
    """The same transactions after a price shock: everything that is an amount, times three."""
    frame = hold_out.frame.with_columns(pl.col(name) * DRIFT_FACTOR for name in hold_out.amount_features)
    return HoldOut(frame, hold_out.features, hold_out.amount_features)


def send(runtime: Any, endpoint: str, hold_out: HoldOut, rows: int, seed: int) -> int:
    """Score a random sample, one request a row, each with an inference id; returns how many were answered."""
    sample = hold_out.frame.sample(min(rows, hold_out.frame.height), seed=seed).select(hold_out.features)
    with ThreadPoolExecutor(4) as pool:
        return sum(1 for _ in pool.map(lambda row: score(runtime, endpoint, row), sample.iter_rows()))


def score(runtime: Any, endpoint: str, features: Iterable[Any]) -> float:
    """The calibrated fraud probability of one row of features."""
    answer = runtime.invoke_endpoint(
        EndpointName=endpoint,
        ContentType="text/csv",
        Accept="text/csv",
        Body=",".join("" if value is None else str(value) for value in features),
        InferenceId=str(uuid.uuid4()),
    )
    return float(answer["Body"].read())
