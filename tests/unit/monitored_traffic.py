"""A model, its baselines, and captured traffic with labels: what the monitors' jobs read."""

import json
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from fraud.features.schema import Feature, FeatureSchema
from fraud.models import Split, calibration, parse, trainer
from fraud.models.package import ModelPackage

REPOSITORY = Path(__file__).resolve().parents[2]
NAMES = ["amount", "count_1h", "count_24h", "ratio_to_mean", "night", "channel_web", "account_age", "distance_km"]
LABEL = "fraud"
START, END = "2030-01-01T05:00:00Z", "2030-01-01T06:00:00Z"


def events(rows: int, seed: int, *, drifted: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """(features of shape (rows, 8), labels); drifted traffic has larger amounts, more nights and unknown ages."""
    draw = np.random.default_rng(seed)
    amount = draw.lognormal(3.9 if drifted else 3.2, 1.1, rows)
    hour, day = draw.poisson(0.8, rows), draw.poisson(5 if drifted else 3.5, rows)
    ratio = draw.gamma(3, 1 / 3, rows)
    night = draw.random(rows) < (0.45 if drifted else 0.2)
    web = draw.random(rows) < 0.6
    age = draw.gamma(2, 300, rows)
    distance = draw.lognormal(2, 1.2, rows)
    odds = -8 + np.log(amount) + hour + 1.5 * night + 1.2 * np.log(ratio + 0.1) - 0.0012 * age
    if drifted:
        # The pattern changes too: distance, which told nothing, does now, and amounts tell less.
        odds = odds - 0.9 * np.log(amount) + 0.9 * np.log(distance)
    labels = draw.random(rows) < 1 / (1 + np.exp(-odds))
    table = np.column_stack([amount, hour, hour + day, ratio, night, web, age, distance]).astype(np.float64)
    table[draw.random(rows) < (0.3 if drifted else 0.05), 6] = np.nan
    return table, labels


def train(rows: int = 6000) -> ModelPackage:
    """A model of undrifted traffic."""
    splits = [
        Split(table.astype(np.float32), labels.astype(np.int8)) for table, labels in (events(rows, 0), events(rows, 1))
    ]
    chosen = trainer("xgboost")
    model = chosen.fit(*splits, parse(chosen.parameters, {"num_round": "60", "max_depth": "4"}), lambda *_: None)
    fitted = calibration.fit(splits[1].labels, model.predict_proba(splits[1].features))
    schema = FeatureSchema({}, tuple(Feature(name, "float") for name in NAMES), "fraud", amount="amount")
    return ModelPackage(model, schema, fitted, {})


def put_model(package: ModelPackage, folder: Path) -> None:
    """Write model.tar.gz into a folder."""
    unpacked = folder.parent / f"{folder.name}-unpacked"
    package.save(unpacked, REPOSITORY)
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(folder / "model.tar.gz", "w:gz") as tar:
        for path in sorted(unpacked.iterdir()):
            tar.add(path, path.name)
    shutil.rmtree(unpacked)


@dataclass(frozen=True)
class Traffic:
    """Folders of one hour of traffic: captures and the labels that came for them."""

    captures: Path
    truth: Path


def traffic(
    package: ModelPackage, folder: Path, rows: int, seed: int, *, drifted: bool = False, labelled: float = 0.9
) -> Traffic:
    """Write captures as the platform's endpoint makes them, and labels of a share of them."""
    table, labels = events(rows, seed, drifted=drifted)
    chances = package.fraud_probability(table.astype(np.float32))
    draw = np.random.default_rng(seed)
    captures = folder / "captures" / "shop" / "primary" / "2030" / "01" / "01" / "05"
    truth = folder / "truth" / "2030" / "01" / "01" / "07"
    for path in (captures, truth):
        path.mkdir(parents=True)
    with (captures / "00-00-000-a.jsonl").open("w") as sent, (truth / "labels.jsonl").open("w") as known:
        for at in range(rows):
            row = [None if np.isnan(value) else value for value in table[at].tolist()]
            answer = {"predictions": [{"probability": float(chances[at]), "score": 1}], "model": {"version": "1"}}
            moment = f"2030-01-01T05:{at * 60 // rows:02d}:00Z"
            parts = zip(("endpointInput", "endpointOutput"), ({"instances": [row]}, answer), strict=True)
            line = {
                "captureData": {
                    name: {"observedContentType": "application/json", "data": json.dumps(body), "encoding": "JSON"}
                    for name, body in parts
                },
                "eventMetadata": {"eventId": f"e{at}", "inferenceId": f"tx{at}", "inferenceTime": moment},
                "eventVersion": "0",
            }
            sent.write(json.dumps(line) + "\n")
            if draw.random() < labelled:
                body = {"data": str(int(labels[at])), "encoding": "CSV"}
                known.write(json.dumps({"groundTruthData": body, "eventMetadata": {"eventId": f"tx{at}"}}) + "\n")
    return Traffic(folder / "captures", folder / "truth")


def baseline_table(package: ModelPackage, path: Path, rows: int = 4000, seed: int = 7) -> pl.DataFrame:
    """Write a CSV of scores, features and labels as baselines are made of."""
    table, labels = events(rows, seed)
    frame = pl.DataFrame(table, schema=NAMES).fill_nan(None)
    scores = pl.Series("fraud_probability", package.fraud_probability(table.astype(np.float32)))
    frame = pl.DataFrame([scores, *frame, pl.Series(LABEL, labels.astype(np.int64))])
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.write_csv(path)
    return frame


def record(inputs, outputs, encoding="CSV", kind="text/csv", **change) -> str:
    """One line of a capture file; `change` replaces parts of captureData."""
    parts = {
        "endpointInput": {"observedContentType": kind, "mode": "INPUT", "data": inputs, "encoding": encoding},
        "endpointOutput": {"observedContentType": kind, "mode": "OUTPUT", "data": outputs, "encoding": encoding},
    }
    return json.dumps({"captureData": parts | change, "eventMetadata": {"eventId": "e"}, "eventVersion": "0"})
