"""The evaluate job on its folders: documents, baseline, sample, and every way its inputs can be wrong."""

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from fraud.features.schema import FeatureSchema
from fraud.models import Split, calibration, parse, trainer
from fraud.models.package import ModelPackage
from tests.unit.model_data import NAMES, feature_schema, split_frame, write_splits
from training_code.evaluate import unpack

REPOSITORY = Path(__file__).resolve().parents[2]


def _matrix(frame, names=NAMES):
    return frame.select(names).cast(pl.Float32).fill_null(float("nan")).to_numpy()


def _package(names=NAMES, algorithm="logistic-regression", **values) -> ModelPackage:
    train, validation = (
        Split(_matrix(frame, names), frame["__label"].to_numpy())
        for frame in (split_frame(seed=0), split_frame(seed=1))
    )
    chosen = trainer(algorithm)
    model = chosen.fit(train, validation, parse(chosen.parameters, values), lambda number, metrics: None)
    fitted = calibration.fit(validation.labels, model.predict_proba(validation.features))
    return ModelPackage(model, feature_schema(tuple(names)), fitted, {})


def _put(package: ModelPackage, folder: Path):
    unpacked = folder.parent / f"{folder.name}-unpacked"
    package.save(unpacked, REPOSITORY)
    folder.mkdir(parents=True)
    with tarfile.open(folder / "model.tar.gz", "w:gz") as tar:
        for path in sorted(unpacked.iterdir()):
            tar.add(path, path.name)
    shutil.rmtree(unpacked)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """processing/input with a good candidate and a poor champion."""
    base = tmp_path_factory.mktemp("base")
    write_splits(base / "processing" / "input")
    _put(_package(), base / "processing" / "input" / "candidate")
    _put(_package(("noise", "nights")), base / "processing" / "input" / "champion")
    return base


@pytest.fixture
def base(prepared, tmp_path):
    """A copy of the prepared inputs that a test may spoil."""
    shutil.copytree(prepared / "processing", tmp_path / "processing")
    return tmp_path


def _run(base: Path, *flags: str):
    wheels = base / "wheels"
    wheels.mkdir(exist_ok=True)
    (wheels / "requirements.txt").write_text("")
    return subprocess.run(
        [sys.executable, "-m", "training_code.evaluate", *flags],
        cwd=REPOSITORY,
        env={"PATH": os.environ["PATH"], "SAGEMAKER_BASE_DIR": str(base), "SM_CHANNEL_WHEELS": str(wheels)},
        capture_output=True,
        text=True,
        timeout=200,
    )


def _read(base: Path, name: str):
    return json.loads((base / "processing" / "output" / name).read_text())


def test_documents_of_a_better_candidate(base, tmp_path):
    result = _run(base)
    assert result.returncode == 0, result.stderr
    evaluation = _read(base, "evaluation/evaluation.json")
    assert evaluation["gate"]["passed"] is True
    assert evaluation["difference"]["intervals"]["average_precision"]["low"] > 0
    assert evaluation["test"]["rows"] == 4000
    assert evaluation["bootstrap"]["unit"] == "card"
    size = (base / "processing/output/evaluation/evaluation.json").stat().st_size
    assert size < 60_000
    quality = _read(base, "evaluation/model_quality_statistics.json")
    assert quality["binary_classification_metrics"]["auc"]["value"] == evaluation["candidate"]["metrics"]["auc"]
    assert set(_read(base, "evaluation/curves.json")) == {"schema_version", "candidate", "champion"}
    # As its answers will say it.
    served = unpack(base / "processing/input/candidate", tmp_path / "served", "candidate")
    assert evaluation["candidate"]["version"] == served.version != evaluation["champion"]["version"]


def test_the_champion_is_kept_from_a_worse_candidate(base):
    inputs = base / "processing" / "input"
    (inputs / "candidate").rename(inputs / "better")
    (inputs / "champion").rename(inputs / "worse")
    shutil.copytree(inputs / "better", inputs / "champion")
    _put(_package(**{"lambda": "1e6"}), inputs / "candidate")
    result = _run(base, "--gate-floor", "0.99", "--review-budgets", "5,10", "--top-cards", "20")
    assert result.returncode == 0, result.stderr
    evaluation = _read(base, "evaluation/evaluation.json")
    assert evaluation["gate"]["passed"] is False
    assert any("floor" in reason for reason in evaluation["gate"]["reasons"])
    assert [row["alerts_per_day"] for row in evaluation["review_budgets"]] == [5, 10]
    assert "card_precision_at_20" in evaluation["candidate"]["metrics"]


def test_a_first_model_has_no_champion(base):
    shutil.rmtree(base / "processing/input/champion")
    assert _run(base).returncode == 0
    evaluation = _read(base, "evaluation/evaluation.json")
    assert evaluation["champion"] is None
    assert evaluation["difference"] is None
    assert evaluation["gate"]["passed"] is True
    assert any("no champion" in reason for reason in evaluation["gate"]["reasons"])


def test_known_cards_leave_the_test(base):
    path = base / "processing/input/test/data.parquet"
    frame = pl.read_parquet(path)
    known = frame["__card"].is_in(frame["__card"].unique().sort()[:100].to_list())
    frame.with_columns(known.alias("__known_fraud_card")).write_parquet(path)
    assert _run(base).returncode == 0
    evaluation = _read(base, "evaluation/evaluation.json")
    assert evaluation["test"]["rows"] == len(frame) - known.sum()


def test_baseline_describes_answers_and_features_of_the_validation_split(base):
    assert _run(base).returncode == 0
    statistics, constraints = (
        _read(base, f"baseline/data-quality/{name}.json") for name in ("statistics", "constraints")
    )
    names = ["fraud_probability", *NAMES]
    assert [feature["name"] for feature in statistics["features"]] == names
    assert [feature["name"] for feature in constraints["features"]] == names
    frame = pl.read_parquet(base / "processing/input/validation/data.parquet")
    amount = statistics["features"][1]["numerical_statistics"]
    assert amount["mean"] == pytest.approx(frame["amount"].mean(), rel=1e-12)
    risk = statistics["features"][3]["numerical_statistics"]
    assert risk["common"]["num_missing"] == frame["terminal_risk"].null_count()
    assert constraints["features"][3]["completeness"] <= risk["completeness"]
    assert {feature["inferred_type"] for feature in constraints["features"]} == {"Fractional"}


def test_every_kind_of_monitor_gets_a_baseline_of_the_validation_split(base):
    result = _run(base, "--facet", "nights=0,1", "--facet", "elsewhere", "--probability-threshold", "0.3")
    assert result.returncode == 0, result.stderr
    made = sorted(str(path.relative_to(base / "processing/output/baseline")) for path in _files(base))
    assert made == [
        *(f"data-quality/{name}.json" for name in ("constraints", "statistics")),
        *(f"model-bias/{name}.json" for name in ("analysis", "analysis_config", "constraints")),
        *(f"model-explainability/{name}.json" for name in ("analysis", "analysis_config")),
        *(f"model-quality/{name}.json" for name in ("columns", "constraints", "statistics")),
    ]
    rows = len(pl.read_parquet(base / "processing/input/validation/data.parquet"))
    quality = _read(base, "baseline/model-quality/statistics.json")
    assert quality["dataset"]["item_count"] == rows
    assert 0 < quality["binary_classification_metrics"]["recall"]["value"] <= 1
    config = _read(base, "baseline/model-bias/analysis_config.json")
    assert config["facet"] == [{"name_or_index": "nights", "value_or_threshold": [0.0, 1.0]}]
    assert "elsewhere is no feature" in result.stdout
    assert "nights" in _read(base, "baseline/model-bias/analysis.json")["post_training_bias_metrics"]["facets"]
    explained = _read(base, "baseline/model-explainability/analysis.json")["explanations"]["kernel_shap"]
    assert set(explained["fraud_probability"]["global_shap_values"]) == set(NAMES)


def test_without_segments_there_is_no_baseline_of_bias(base):
    result = _run(base, "--monitor", "model-bias")
    assert result.returncode == 0 and "none of the segments" in result.stdout
    assert _files(base) == []


def _files(base: Path) -> list[Path]:
    return [path for path in (base / "processing/output/baseline").rglob("*") if path.is_file()]


def test_sample_holds_frauds_and_scores_that_the_model_repeats(base):
    assert _run(base).returncode == 0
    sample = _read(base, "evaluation/sample.json")
    assert sample["features"] == list(NAMES)
    assert len(sample["rows"]) == 10
    assert sum(row["fraud"] for row in sample["rows"]) == 4
    truth = dict(pl.read_parquet(base / "processing/input/test/data.parquet")["__id", "__label"].iter_rows())
    assert all(truth[row["id"]] == row["fraud"] for row in sample["rows"])
    rows = [[np.nan if value is None else value for value in row["features"]] for row in sample["rows"]]
    scores = _package().fraud_probability(np.array(rows, dtype=np.float32))
    np.testing.assert_allclose(scores, [row["fraud_probability"] for row in sample["rows"]], rtol=1e-9)


def _spoil_schema(inputs):
    FeatureSchema.save(feature_schema(("amount", "nights")), inputs / "schema")


def _drop_column(inputs):
    path = inputs / "test" / "data.parquet"
    pl.read_parquet(path).drop("noise").write_parquet(path)


def _champion_of_other_features(inputs):
    shutil.rmtree(inputs / "champion")
    path = inputs / "test" / "data.parquet"
    _put(_package(("noise", "nights")), inputs / "champion")
    schema = feature_schema(("amount", "nights"))
    schema.save(inputs / "schema")
    shutil.rmtree(inputs / "candidate")
    _put(_package(("amount", "nights")), inputs / "candidate")
    pl.read_parquet(path).drop("noise").write_parquet(path)


def _truncate(inputs):
    path = inputs / "candidate" / "model.tar.gz"
    path.write_bytes(path.read_bytes()[:200])


def _escape(inputs):
    with tarfile.open(inputs / "champion" / "model.tar.gz", "w:gz") as tar:
        entry = tarfile.TarInfo("../../escaped.txt")
        entry.size = 4
        tar.addfile(entry, io.BytesIO(b"evil"))


def _all_known(inputs):
    path = inputs / "test" / "data.parquet"
    pl.read_parquet(path).with_columns(pl.lit(True).alias("__known_fraud_card")).write_parquet(path)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_spoil_schema, "candidate: its feature schema is not the one of these splits"),
        (_drop_column, "test: feature column(s) noise"),
        (_champion_of_other_features, "test for the champion: feature column(s) noise"),
        (_truncate, "candidate: model.tar.gz cannot be unpacked"),
        (_escape, "champion: model.tar.gz cannot be unpacked"),
        (_all_known, "no rows remain"),
        (lambda inputs: shutil.rmtree(inputs / "candidate"), "candidate: no model.tar.gz"),
        (lambda inputs: shutil.rmtree(inputs / "validation"), "validation: no parquet file"),
    ],
)
def test_wrong_inputs_end_the_job_with_one_message_and_no_output(base, spoil, message):
    spoil(base / "processing" / "input")
    result = _run(base)
    assert result.returncode == 1
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert message in (base / "output" / "message").read_text()
    assert not (base / "processing" / "output").exists()
    assert not list(base.rglob("escaped.txt"))


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--gate-metric", "luck"], "gate metric 'luck': one of auc"),
        (["--review-budgets", "a,b"], "integers with commas"),
        (["--gate-floor", "7"], "gate floor 7.0: from 0 to 1"),
    ],
)
def test_wrong_flags_are_named(base, flags, message):
    result = _run(base, *flags)
    assert result.returncode != 0
    assert message in result.stderr
