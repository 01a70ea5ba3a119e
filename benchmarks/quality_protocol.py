"""The handbook's protocol on any weeks, and the default configuration beside a reference under it.

A fold is one week of tests. Whoever trains for it sees labels up to a week before the week begins, because a label is
known after seven days; cards known as defrauded before a test day leave that day.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import xgboost

from fraud import event_types
from fraud.data.preparation import PreparationOptions, prepare
from fraud.evaluation.holdout import holdout, without_known_cards
from fraud.evaluation.metrics import Evaluator
from fraud.event_types.model import EventType
from fraud.features import schema as columns
from fraud.features.batch import compute
from fraud.features.schema import FeatureSchema
from fraud.models import parse, trainer
from fraud.models.base import Model
from training_code.splits import matrix, read_split

WEEK = timedelta(days=7)
METRICS = ("auc", "average_precision", "card_precision_at_100")
REFERENCE_WINDOWS = ["1d", "7d", "30d"]


@dataclass(frozen=True)
class Prepared:
    """What the preparation job left: its schema and the folder of its splits."""

    folder: Path
    schema: FeatureSchema

    def split(self, name: str):
        """Return a split's rows."""
        return read_split(self.folder / name, self.schema, name)


def weeks(first: date, count: int) -> list[date]:
    """Return the first days of `count` weeks of tests that follow each other."""
    return [first + number * WEEK for number in range(count)]


def prepared(
    events: pl.DataFrame, event_type: EventType, folder: Path, options: PreparationOptions | None = None
) -> Prepared:
    """Run the platform's preparation on events, whose last days become the test."""
    folder.mkdir(parents=True, exist_ok=True)
    events.write_parquet(folder / "events.parquet")
    prepare([folder / "events.parquet"], event_type, folder, options, log=lambda _: None)
    return Prepared(folder, FeatureSchema.load(folder / "schema"))


def default_model(data: Prepared) -> Model:
    """Train as the training job does when it is told the algorithm and nothing else."""
    chosen = trainer("xgboost")
    settings = parse(chosen.parameters, {})
    train, validation = data.split("train"), data.split("validation")
    return chosen.fit(train.data, validation.data, settings, lambda *_: None, threads=os.cpu_count() or 1)


def fold(events: pl.DataFrame, event_type: EventType, week: date, folder: Path, train_days: int | None = None):
    """Prepare the fold whose test week starts on `week`; nothing later is seen."""
    before = datetime.combine(week + WEEK, datetime.min.time())
    options = PreparationOptions(train_days=train_days, validation_days=7, test_days=7)
    return prepared(events.filter(pl.col(event_type.timestamp) < before), event_type, folder, options)


def test_rows(data: Prepared) -> pl.DataFrame:
    """Return the rows that the protocol tests: without the cards known as defrauded."""
    return without_known_cards(data.split("test").frame)


def metrics(rows: pl.DataFrame, scores: np.ndarray) -> dict[str, float]:
    """Return AUC, average precision and card precision of scores for rows of a test."""
    found = Evaluator(holdout(rows)).metrics(scores)
    return {name: found[name] for name in METRICS}


def reference_event_type() -> EventType:
    """Return the handbook's card transactions with its own 15 features, in windows exact to the second."""
    body = event_types.to_mapping(event_types.load("card-transactions"))
    customer, terminal = body["entities"]["customer"], body["entities"]["terminal"]
    body["entities"] = {
        "customer": {
            "column": customer["column"],
            "windows": REFERENCE_WINDOWS,
            "aggregates": ["count", "mean"],
        },
        "terminal": {
            "column": terminal["column"],
            "windows": REFERENCE_WINDOWS,
            "aggregates": ["known_count", "risk"],
        },
    }
    body["windows"] = "sliding"
    return event_types.parse(body)


@dataclass(frozen=True)
class Reference:
    """The reference classifier on the handbook's 15 features, with seven days to train on."""

    ids: pl.Series
    times: pl.Series
    labels: np.ndarray
    features: np.ndarray

    @classmethod
    def of(cls, events: pl.DataFrame) -> Reference:
        """Compute the 15 features of all events, which must be in order of time."""
        kind = reference_event_type()
        table = compute(events, kind)
        return cls(
            events[kind.id].cast(pl.String),
            events[kind.timestamp],
            events[kind.label].to_numpy(),
            np.ascontiguousarray(table.cast(pl.Float32).to_numpy()),
        )

    def scores(self, week: date, rows: pl.DataFrame) -> np.ndarray:
        """Train on the week that ends seven days before `week`; return scores of the test's rows."""
        start = datetime.combine(week, datetime.min.time()) - 2 * WEEK
        train = ((self.times >= start) & (self.times < start + WEEK)).to_numpy()
        classifier = xgboost.XGBClassifier(
            n_estimators=100,
            learning_rate=0.1,
            max_depth=3,
            base_score=0.5,
            tree_method="exact",
            n_jobs=os.cpu_count(),
            random_state=0,
        )
        classifier.fit(self.features[train], self.labels[train])
        places = rows.select(columns.ID).join(
            pl.DataFrame({columns.ID: self.ids}).with_row_index("place"),
            on=columns.ID,
            how="left",
            maintain_order="left",
        )
        return classifier.predict_proba(self.features[places["place"].to_numpy()])[:, 1]


def scores(model: Model, data: Prepared, rows: pl.DataFrame) -> np.ndarray:
    """Return the model's scores of rows that hold its features."""
    return model.predict_proba(matrix(rows, data.schema, "test"))


def last_share(event_type: EventType, days: int, test_share: float, validation_days: int) -> EventType:
    """Return the event type with a split whose test is the last share of the days and that trains on all before.

    The first days, as many as the features look back, are left to warm the features up.
    """
    test = round(days * test_share)
    train = days - test - validation_days - 2 * event_type.label_delay_days - event_type.history_days
    split = replace(event_type.split, train_days=train, validation_days=validation_days, test_days=test)
    return replace(event_type, split=split)


def true_positive_rate(labels: np.ndarray, found: np.ndarray, false_positive_rate: float) -> float:
    """Return the share of frauds above the threshold at which so many genuine events are alerts."""
    genuine = np.sort(found[labels != 1])[::-1]
    threshold = genuine[min(int(false_positive_rate * len(genuine)), len(genuine) - 1)]
    return float(np.mean(found[labels == 1] > threshold))
