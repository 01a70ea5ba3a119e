"""Small frames in the layout of the prepare job, for tests of training, evaluation and serving."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from fraud.features import schema as columns
from fraud.features.schema import Feature, FeatureSchema

NAMES = ("amount", "nights", "terminal_risk", "noise")


def feature_schema(names: tuple[str, ...] = NAMES) -> FeatureSchema:
    """A schema of float features."""
    return FeatureSchema(
        event_type={"name": "test", "label": "fraud", "timestamp": "at", "amount": "amount"},
        features=tuple(Feature(name, "float", f"the {name}") for name in names),
        label="fraud",
        id="id",
        timestamp="at",
        entity_for_cards="card",
        amount="amount",
    )


def split_frame(rows: int = 4000, rate: float = 0.03, seed: int = 0, days: int = 7) -> pl.DataFrame:
    """Rows of seven days, a share `rate` of which is fraud that the features reveal in part."""
    random = np.random.default_rng(seed)
    labels = (random.random(rows) < rate).astype(np.int8)
    amount = random.gamma(2.0, 25.0, rows) + labels * random.gamma(2.0, 60.0, rows)
    risk = np.where(labels == 1, random.beta(2, 2, rows), random.beta(1, 12, rows))
    seconds = np.sort(random.uniform(0, days * 86_400, rows))
    start = datetime(2030, 1, 1)
    return pl.DataFrame(
        {
            "amount": amount,
            "nights": random.integers(0, 2, rows).astype(np.float64),
            "terminal_risk": pl.Series(risk).set(pl.Series(random.random(rows) < 0.05), None),
            "noise": random.normal(size=rows),
            columns.LABEL: labels,
            columns.ID: [f"tx-{seed}-{number}" for number in range(rows)],
            columns.TIMESTAMP: [start + timedelta(seconds=float(second)) for second in seconds],
            columns.CARD: [f"c{number}" for number in random.integers(0, rows // 8, rows)],
            columns.AMOUNT: amount,
        },
        schema_overrides={columns.TIMESTAMP: pl.Datetime("us")},
    )


def write_splits(folder: Path, rate: float = 0.03) -> dict[str, Path]:
    """Write train, validation, test and schema folders; return them by name."""
    folders = {name: folder / name for name in ("train", "validation", "test", "schema")}
    for seed, (name, path) in enumerate(folders.items()):
        path.mkdir(parents=True)
        if name == "schema":
            feature_schema().save(path)
            continue
        frame = split_frame(rate=rate, seed=seed)
        if name == "test":
            frame = frame.with_columns(pl.lit(False).alias(columns.KNOWN_FRAUD_CARD))
        frame.write_parquet(path / "data.parquet")
    return folders
