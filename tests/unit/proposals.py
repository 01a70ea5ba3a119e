"""Small frames and commands for the tests of proposed event types."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import yaml
from jsonschema import Draft202012Validator
from sklearn.metrics import roc_auc_score

from fraud import event_types
from fraud.data.preparation import prepare
from fraud.features.schema import FeatureSchema
from fraud.models import parse, trainer
from scripts import infer_event_type
from scripts.inference.draft import Forced
from scripts.inference.proposal import propose
from training_code.splits import matrix, read_split

QUICK = {"num_round": "60", "max_depth": "4"}
EDITORS = Draft202012Validator(json.loads(infer_event_type.SCHEMA.read_text(encoding="utf-8")))


def learnt(path: Path, event_type, folder: Path):
    """Prepare, train and test; return the model, the test split and the AUC."""
    prepare([path], event_type, folder, log=lambda _: None)
    schema = FeatureSchema.load(folder / "schema")
    train, validation, test = (read_split(folder / name, schema, name) for name in ("train", "validation", "test"))
    chosen = trainer("xgboost")
    model = chosen.fit(train.data, validation.data, parse(chosen.parameters, QUICK), lambda *_: None, threads=2)
    scores = model.predict_proba(matrix(test.frame, schema, "test"))
    return model, test, roc_auc_score(test.data.labels, scores)


def written(path: Path, out: Path, *flags: str):
    """Run the command; return the event type in the file that it wrote."""
    assert infer_event_type.main([str(path), "--out", str(out), *flags]) == 0
    text = out.read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=")
    assert (out.parent / text.splitlines()[0].partition("=")[2]).resolve() == infer_event_type.SCHEMA
    assert not list(EDITORS.iter_errors(yaml.safe_load(text)))
    assert max(map(len, text.splitlines())) < 200
    return event_types.load(out)


def roles(event_type) -> dict:
    """What stands for what in an event type, in a form to compare."""
    return {
        "id": event_type.id,
        "timestamp": (event_type.timestamp, event_type.timestamp_format),
        "amount": event_type.amount,
        "label": (event_type.label, event_type.label_fraud, event_type.label_genuine, event_type.label_missing),
        "known_at": event_type.label_known_at,
        "delay": event_type.label_delay_days,
        "entities": {(entity.column, entity.derive) for entity in event_type.entities},
        "card": event_type.card_column,
        "card_number": {entity.column for entity in event_type.entities if entity.card_number},
    }


def events(rows: int = 400, **columns) -> pl.DataFrame:
    """Events with a time, an amount and a label of twenty per cent fraud, and what a test adds (None removes)."""
    random = np.random.default_rng(3)
    start = datetime(2024, 5, 1)
    base = {
        "event_id": [f"e{number}" for number in random.permutation(rows)],
        "event_time": [start + timedelta(hours=int(hour)) for hour in np.sort(random.integers(0, 90 * 24, rows))],
        "card_id": [f"c{number}" for number in random.integers(0, 40, rows)],
        "amount": np.round(random.lognormal(3, 1, rows), 2),
        "is_fraud": (np.arange(rows) % 5 == 0).astype(np.int8),
    }
    return pl.DataFrame({name: values for name, values in (base | columns).items() if values is not None})


def proposed(tmp_path, frame: pl.DataFrame, **forced):
    frame.write_parquet(tmp_path / "data.parquet")
    return propose(tmp_path / "data.parquet", "small", Forced(**forced))


def why(proposal, column: str) -> str:
    line = next(line for line in proposal.text.splitlines() if line.startswith(f"  - {column}  #"))
    return line.partition("# ")[2]


def alternating(*values, rows: int = 400) -> list:
    return [values[number % len(values)] for number in range(rows)]
