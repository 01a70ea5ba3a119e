"""The prepare job, run as in its container: folders in, folders out, a readable end."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from fraud import event_types
from fraud.data import preparation
from fraud.event_types import load
from fraud.features.batch import compute
from fraud.features.catalogue import features_of
from fraud.features.schema import FeatureSchema
from fraud.simulation import LawSettings, Simulator
from training_code import prepare

TYPES = Path(event_types.__file__).parent
RESERVED = ["__label", "__id", "__timestamp", "__card", "__amount"]


@pytest.fixture(scope="module")
def events():
    return pl.concat(Simulator(LawSettings(customers=200, terminals=300, days=70, seed=3)).days())


@pytest.fixture
def job(tmp_path, monkeypatch):
    """Folders of a processing job, with pinned packages that are there; calling it runs the job."""
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    root = tmp_path / "processing"
    for name in ("transactions", "event-type", "wheels"):
        (root / "input" / name).mkdir(parents=True)
    (tmp_path / "output").mkdir()
    (root / "input" / "wheels" / "requirements.txt").write_text("polars==2.1.0\n")

    def run(*flags: str, event_type: str = "card-transactions") -> int:
        if not list((root / "input" / "event-type").iterdir()):
            shutil.copy(TYPES / f"{event_type}.yaml", root / "input" / "event-type" / "abc.event-type.yaml")
        return prepare.main(list(flags))

    run.input, run.output, run.message = root / "input", root / "output", tmp_path / "output" / "message"
    return run


def _read(job, name: str) -> pl.DataFrame:
    return pl.read_parquet(job.output / name / "data.parquet")


def test_splits_schema_and_report_of_card_transactions(events, job):
    events.write_parquet(job.input / "transactions" / "events.parquet")
    assert job("--train-days", "14", "--validation-days", "5", "--test-days", "6") == 0
    schema = FeatureSchema.load(job.output / "schema")
    assert schema.feature_names == [feature.name for feature in features_of(load("card-transactions"))]
    assert schema.entity_for_cards == "CUSTOMER_ID"
    report = json.loads((job.output / "report" / "prepare.json").read_text())
    assert report["rows"] == report["accepted"] == len(events)
    assert set(report["seconds"]) == {"read and check", "features", "write"}
    spans = {}
    for name in ("train", "validation", "test"):
        frame = _read(job, name)
        extra = ["__known_fraud_card"] if name == "test" else []
        assert frame.columns == RESERVED + extra + schema.feature_names
        assert (len(frame), frame["__label"].cast(int).sum()) == tuple(
            report["splits"][name][k] for k in ("rows", "frauds")
        )
        spans[name] = (frame["__timestamp"].dt.date().min(), frame["__timestamp"].dt.date().max())
        assert frame.select("__label", "__id", "__timestamp", "__card", "__amount").dtypes == [
            pl.Int8,
            pl.String,
            pl.Datetime("us"),
            pl.String,
            pl.Float64,
        ]
    assert [(last - first).days + 1 for first, last in spans.values()] == [14, 5, 6]
    assert (spans["validation"][0] - spans["train"][1]).days == 8
    assert (spans["test"][0] - spans["validation"][1]).days == 8
    assert job.message.read_text().startswith(f"prepared {len(events):,} of {len(events):,} events")


@pytest.mark.parametrize("most_in_memory", [preparation.MOST_IN_MEMORY, 1_000])
def test_features_of_a_split_have_the_whole_history(most_in_memory, events, job, monkeypatch):
    monkeypatch.setattr(preparation, "MOST_IN_MEMORY", most_in_memory)
    events.write_parquet(job.input / "transactions" / "events.parquet")
    assert job() == 0
    test = _read(job, "test")
    whole = compute(events, load("card-transactions")).with_columns(__id=events["TRANSACTION_ID"].cast(pl.String))
    assert test.select(whole.columns).equals(
        test.select("__id").join(whole, on="__id", how="left").select(whole.columns)
    )
    known = test.filter(pl.col("__known_fraud_card"))
    assert 0 < len(known) < len(test)
    since = test["__timestamp"].min().date()
    defrauded = events.filter((pl.col("TX_FRAUD") == 1) & (pl.col("TX_DATETIME").dt.date() < since))
    assert set(known["__card"]) <= set(defrauded["CUSTOMER_ID"].cast(pl.String))


def test_preparing_twice_gives_the_same_files(events, job):
    events.write_parquet(job.input / "transactions" / "events.parquet")
    assert job() == 0
    first = {path: path.read_bytes() for path in job.output.rglob("*.parquet")}
    assert len(first) == 3
    assert job() == 0
    assert {path: path.read_bytes() for path in job.output.rglob("*.parquet")} == first


def test_ones_own_csv_needs_a_new_event_type_and_no_code(events, job):
    own = events.select(
        pl.col("TX_DATETIME").dt.to_string("%Y-%m-%dT%H:%M:%SZ").alias("created"),
        pl.format("acc-{}", "CUSTOMER_ID").alias("account"),
        pl.col("TX_AMOUNT").alias("total"),
        pl.when(pl.col("TX_AMOUNT") > 50).then(pl.lit("web")).otherwise(pl.lit("app")).alias("channel"),
        (pl.col("TX_FRAUD") == 1).alias("is_fraud"),
        pl.lit("not used").alias("note"),
    )
    own.write_csv(job.input / "transactions" / "orders.csv")
    (job.input / "event-type" / "orders.yaml").write_text(
        "name: orders\ntimestamp: created\namount: total\nlabel: {column: is_fraud, delay_days: 3}\n"
        "card: account\nentities:\n  account: {column: account, windows: [2d], aggregates: [count, ratio]}\n"
        "variables:\n  channel: {type: category, values: [app, web]}\n"
    )
    assert job("--train-days", "20") == 0
    train = _read(job, "train")
    features = ["total", "channel", "account_count_2d", "account_ratio_2d"]
    assert train.columns == RESERVED + features
    assert train["__card"][0].startswith("acc-")
    assert train["channel"].to_list() == [int(total > 50) for total in train["total"]]


@pytest.mark.reference_data
@pytest.mark.parametrize("file", ["ulb_sample_all_frauds", "ulb_40pct_int_rounded"])
def test_both_ulb_files_are_split_at_random_without_time(file, job, shared_data):
    shutil.copy(shared_data / f"{file}.parquet", job.input / "transactions")
    assert job(event_type="ulb") == 0
    schema = FeatureSchema.load(job.output / "schema")
    assert schema.feature_names == ["Amount", *(f"V{number}" for number in range(1, 29))]
    assert schema.entity_for_cards is None
    parts = {name: _read(job, name) for name in ("train", "validation", "test")}
    rows = sum(map(len, parts.values()))
    assert rows == len(pl.read_parquet(shared_data / f"{file}.parquet"))
    assert len(set().union(*(set(part["__id"]) for part in parts.values()))) == rows
    for part in parts.values():
        assert part["__label"].sum() > 0
        assert part["__timestamp"].null_count() == part["__card"].null_count() == len(part)
    assert not parts["test"]["__known_fraud_card"].any()


def test_unusable_data_end_the_job_with_a_message_and_no_output(events, job, capsys):
    events.rename({"TX_AMOUNT": "AMOUNT"}).write_parquet(job.input / "transactions" / "events.parquet")
    assert job() == 1
    assert "column TX_AMOUNT of event type card-transactions is missing" in capsys.readouterr().err
    assert "column TX_AMOUNT" in job.message.read_text()
    assert not job.output.exists()


def test_tolerated_faults_are_reported_row_by_row(events, job):
    faulty = events.with_columns(
        pl.when(pl.col("TRANSACTION_ID") == 7).then(-1.0).otherwise("TX_AMOUNT").alias("TX_AMOUNT")
    )
    faulty.write_parquet(job.input / "transactions" / "events.parquet")
    assert job() == 1
    assert job("--max-rejected-share", "0.001") == 0
    assert json.loads((job.output / "report" / "prepare.json").read_text())["rejected"] == {"amount_negative": 1}
    rejected = pl.read_parquet(job.output / "report" / "rejected.parquet")
    assert rejected.rows() == [(0, 7, "amount_negative")]


def test_an_interrupted_write_leaves_nothing(events, job, monkeypatch, capsys):
    events.write_parquet(job.input / "transactions" / "events.parquet")

    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr(preparation, "schema_of", full)
    assert job() == 1
    assert "OSError: no space left" in capsys.readouterr().err
    assert [path for path in job.output.rglob("*") if path.is_file()] == []


def test_missing_inputs_are_named(events, job, capsys):
    events.write_parquet(job.input / "transactions" / "events.parquet")
    (job.input / "event-type" / "notes.txt").touch()
    assert job() == 1
    assert "input event-type: one YAML file is expected" in capsys.readouterr().err
    (job.input / "wheels" / "requirements.txt").unlink()
    assert job() == 1
    assert "the job needs its input 'wheels'" in capsys.readouterr().err


@pytest.mark.parametrize("flags", [["--train-days", "0"], ["--test-days", "x"], ["--max-rejected-share", "2"]])
def test_wrong_flags_are_refused(flags, capsys):
    with pytest.raises(SystemExit):
        prepare.main(flags)
    assert flags[0] in capsys.readouterr().err


def test_a_full_disk_ends_the_job_with_a_message_and_no_output(events, job):
    """The disk takes no more than 20 kB of a file. Promised: exit 1, the reason, and nothing half-written."""
    events.write_parquet(job.input / "transactions" / "events.parquet")
    shutil.copy(TYPES / "card-transactions.yaml", job.input / "event-type" / "abc.event-type.yaml")
    program = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)); "
        "from training_code import prepare; sys.exit(prepare.main([]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "File too large" in done.stderr and "Traceback" not in done.stderr.splitlines()[-1]
    assert not [path for path in job.output.rglob("*") if path.is_file()]
