"""Each shipped event type on the data it describes: prepared, trained and evaluated as the platform does it."""

from pathlib import Path

import polars as pl
import pytest

from fraud import event_types
from fraud.data.preparation import prepare
from fraud.evaluation.holdout import holdout, without_known_cards
from fraud.evaluation.report import Settings, evaluate
from fraud.features.schema import FeatureSchema
from fraud.models import parse, trainer
from training_code.splits import matrix, read_split

# By event type: the file, the rows of it that keep the test fast, and an AUC well below what was measured.
CASES = {
    "card-transactions": ("handbook_visible_apr_jul", pl.col("CUSTOMER_ID") < 1000, 0.75),
    "sparkov": ("sparkov_replica_seed1_transactions", pl.col("ts") >= pl.datetime(2020, 9, 20), 0.97),
    "ulb": ("ulb_sample_all_frauds", pl.lit(True), 0.96),
    "afd-registration": ("afd_registration_20k", pl.lit(True), 0.97),
    "afd-transactions": ("afd_transactions_2k_coldstart", pl.lit(True), 0.7),
    "afd-insurance": ("afd_insurance_2k_coldstart", pl.lit(True), 0.9),
    "auto-insurance-claims": ("aws_autoinsurance_claims", pl.lit(True), 0.52),
}
QUICK = {"num_round": "150", "max_depth": "4"}


def _evaluate(prepared: Path, algorithm: str, settings: dict[str, str]) -> dict:
    schema = FeatureSchema.load(prepared / "schema")
    train, validation, test = (read_split(prepared / name, schema, name) for name in ("train", "validation", "test"))
    chosen = trainer(algorithm)
    model = chosen.fit(train.data, validation.data, parse(chosen.parameters, settings), lambda *_: None, threads=2)
    frame = without_known_cards(test.frame)
    scores = model.predict_proba(matrix(frame, schema, "test"))
    return evaluate(holdout(frame), scores, None, Settings(bootstrap_samples=20)).summary["candidate"]["metrics"]


def test_every_shipped_type_has_its_data():
    assert set(CASES) == set(event_types.shipped())


@pytest.mark.reference_data
@pytest.mark.parametrize("name", CASES)
def test_a_shipped_type_is_learnt_on_its_data(name, shared_data, tmp_path):
    file, rows, least = CASES[name]
    pl.scan_parquet(shared_data / f"{file}.parquet").filter(rows).sink_parquet(tmp_path / "data.parquet")
    event_type = event_types.load(name)
    assert event_types.match(pl.read_parquet_schema(tmp_path / "data.parquet")) == event_type
    report = prepare([tmp_path / "data.parquet"], event_type, tmp_path / "out", log=lambda _: None)
    assert report["rows"] == report["accepted"]
    metrics = _evaluate(tmp_path / "out", "xgboost", QUICK)
    print(f"{name}: AUC {metrics['auc']:.3f}, average precision {metrics['average_precision']:.3f}")
    assert metrics["auc"] >= least
