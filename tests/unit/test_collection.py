"""The next training set: an export of decisions merged with what the champion was trained on."""

from __future__ import annotations

import gzip
import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from fraud import event_types
from fraud.data import DataError, export
from fraud.data.collection import FILE, CollectionOptions, CollectionReport, collect
from fraud.data.decided import as_in_files, schema_of
from fraud.data.reading import scan
from fraud.event_types.payload import parse_event
from scripts.scoring import history
from tests.unit.test_event_types_on_data import CASES
from training_code import collect as job

EVENT_TYPE = event_types.load("card-transactions")
NOW = datetime(2026, 3, 10, 12, tzinfo=timezone.utc)
FIRST = datetime(2026, 1, 1, 10)


def item(number: int, when: datetime, label: str | None = None, **changes: Any) -> dict[str, Any]:
    """A decision as the API stores it, in DynamoDB's JSON."""
    event = {
        "TRANSACTION_ID": number,
        "TX_DATETIME": when.isoformat() + "Z",
        "CUSTOMER_ID": 1,
        "TERMINAL_ID": 2,
        "TX_AMOUNT": 10.0,
        **changes,
    }
    return stored(event, when, label)


def stored(event: dict[str, Any], when: datetime, label: str | None = None) -> dict[str, Any]:
    instant = int(when.replace(tzinfo=timezone.utc).timestamp() * 1_000_000)
    labelled = {"label": {"S": label}, "label_at": {"N": str(instant + 1)}} if label else {}
    return {
        "id": {"S": "x"},
        "features": {"B": "AAAA"},
        "event": {"S": json.dumps(event)},
        "instant": {"N": str(instant)},
        **labelled,
    }


def previous(folder: Path, days: int = 30, every: int = 10) -> Path:
    """What the champion was trained on: a payment a day, numbered from 0; every tenth, or `every`, is a fraud."""
    folder.mkdir(parents=True)
    pl.DataFrame(
        {
            "TRANSACTION_ID": range(days),
            "TX_DATETIME": [FIRST + timedelta(days=day) for day in range(days)],
            "CUSTOMER_ID": [1] * days,
            "TERMINAL_ID": [2] * days,
            "TX_AMOUNT": [10.0] * days,
            "TX_FRAUD": [int(day % every == 0) for day in range(days)],
            "unused": ["x"] * days,
        }
    ).write_csv(folder / "transactions.csv")
    return folder


def write_export(folder: Path, files: list[list[dict[str, Any]]]) -> Path:
    """An export as DynamoDB lays it out."""
    (folder / "data").mkdir(parents=True)
    manifest = []
    for number, items in enumerate(files):
        name = f"file{number}.json.gz"
        (folder / "data" / name).write_bytes(
            gzip.compress("".join(json.dumps({"Item": i}) + "\n" for i in items).encode())
        )
        manifest.append({"itemCount": len(items), "dataFileS3Key": f"x/AWSDynamoDB/01-ab/data/{name}"})
    (folder / "manifest-files.json").write_text("".join(json.dumps(line) + "\n" for line in manifest))
    return folder


def merged(
    tmp_path: Path, items: list[dict[str, Any]], every: int = 10, **options: Any
) -> tuple[CollectionReport, pl.DataFrame | None]:
    wishes = CollectionOptions(**{"now": NOW, "window_days": 365, **options})
    output = tmp_path / "out" / FILE
    report = collect(iter(items), previous(tmp_path / "previous", every=every), EVENT_TYPE, output, wishes)
    frame = scan([output], EVENT_TYPE).collect() if output.exists() else None
    return report, frame


def test_new_events_follow_the_champions_and_later_labels_replace_its_own(tmp_path: Path) -> None:
    later = [item(100 + n, FIRST + timedelta(days=40, hours=n), "fraud" if n == 3 else None) for n in range(5)]
    corrected = item(7, FIRST + timedelta(days=7), "fraud")
    same = item(8, FIRST + timedelta(days=8))
    report, frame = merged(tmp_path, [*later, corrected, same])
    assert frame is not None and len(frame) == report.rows == 35
    assert (report.previous, report.decisions, report.open) == (30, 7, 0)
    # The corrected one is news; the one that is known as it was is none.
    assert (report.new_labelled, report.new_frauds, report.frauds) == (6, 2, 5)
    labels = dict(zip(frame["TRANSACTION_ID"].cast(pl.String), frame["TX_FRAUD"], strict=True))
    assert labels["7"] == 1 and labels["8"] == 0 and labels["103"] == 1
    assert frame["TX_DATETIME"].max() == FIRST + timedelta(days=40, hours=4)


def test_young_events_wait_for_the_end_of_the_label_delay_frauds_too(tmp_path: Path) -> None:
    """A fraud of yesterday is known, the genuine payments of yesterday are not: the frauds alone would teach wrong."""
    delay = timedelta(days=EVENT_TYPE.label_delay_days)
    limit = NOW.replace(tzinfo=None) - delay
    report, frame = merged(
        tmp_path,
        [item(100, limit), item(101, limit + timedelta(seconds=1)), item(102, limit + timedelta(days=1), "fraud")],
    )
    assert report.open == 2 and report.new_labelled == 1 and report.new_frauds == 0
    assert frame is not None and "102" not in frame["TRANSACTION_ID"].cast(pl.String)


def test_the_window_ends_with_the_newest_event(tmp_path: Path) -> None:
    report, frame = merged(tmp_path, [item(100, FIRST + timedelta(days=40))], window_days=20)
    assert frame is not None
    assert (report.first_day, report.newest_day) == ("2026-01-22", "2026-02-10")
    assert report.rows == len(frame) == 10 and report.outside_window == 21
    assert frame["TX_DATETIME"].min() == datetime(2026, 1, 22, 10)


def test_new_events_outside_the_window_do_not_count(tmp_path: Path) -> None:
    report, _ = merged(tmp_path, [item(100, FIRST + timedelta(days=40)), item(101, FIRST)], window_days=20)
    assert report.new_labelled == 1


def test_too_little_is_refused_with_the_numbers_and_nothing_is_written(tmp_path: Path) -> None:
    items = [item(100, FIRST + timedelta(days=40)), item(101, FIRST + timedelta(days=66), "fraud")]
    report, frame = merged(tmp_path, items, minimum_new_labelled=5, minimum_new_frauds=1)
    assert frame is None and not report.sufficient
    assert report.reasons == [
        "1 new events have a known outcome, 5 are needed",
        "0 of the new events are frauds, 1 are needed",
        "1 decisions still wait for the end of the label delay",
    ]


def test_what_is_no_event_of_the_type_is_counted(tmp_path: Path) -> None:
    other = stored({"other": 1}, FIRST)
    broken = {**item(100, FIRST), "event": {"S": "{"}}
    report, frame = merged(tmp_path, [other, broken, {"id": {"S": "by hand"}}, item(101, FIRST, TX_AMOUNT="many")])
    assert (report.foreign, report.unreadable, report.new_labelled) == (2, 2, 0)
    assert frame is not None and len(frame) == 30


def test_an_event_exported_twice_counts_once(tmp_path: Path) -> None:
    twice = item(100, FIRST + timedelta(days=40))
    report, frame = merged(tmp_path, [twice, twice])
    assert report.new_labelled == 1 and frame is not None and len(frame) == 31


def test_collecting_again_from_what_was_collected_finds_nothing_new(tmp_path: Path) -> None:
    items = [item(100 + n, FIRST + timedelta(days=40, hours=n), "fraud" if n < 3 else None) for n in range(9)]
    merged(tmp_path, items)
    again = tmp_path / "again" / FILE
    report = collect(iter(items), tmp_path / "out", EVENT_TYPE, again, CollectionOptions(NOW, 365))
    assert report.new_labelled == 0 and report.rows == 39
    key = ["TRANSACTION_ID"]
    left, right = (scan([p], EVENT_TYPE).drop("__row").collect().sort(key) for p in (tmp_path / "out" / FILE, again))
    assert left.equals(right)


def test_champions_data_that_are_gone_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="empty or gone"):
        collect(iter([]), tmp_path / "nothing", EVENT_TYPE, tmp_path / FILE, CollectionOptions(NOW, 365))


@pytest.mark.reference_data
@pytest.mark.parametrize("name", event_types.shipped())
def test_every_shipped_event_type_survives_the_way_through_the_api(
    name: str, shared_data: Path, tmp_path: Path
) -> None:
    event_type = event_types.load(name)
    events = history.read(shared_data / f"{CASES[name][0]}.parquet", event_type).tail(200)
    (tmp_path / "previous").mkdir()
    earlier = events.head(120).select(pl.col(column).cast(kind) for column, kind in schema_of(event_type).items())
    as_in_files(earlier, event_type).write_parquet(tmp_path / "previous" / "part.parquet")
    items = []
    for sent in history.payloads(events.tail(100), event_type):
        event = parse_event(event_type, sent.body, 0)
        when = datetime(1970, 1, 1) + timedelta(microseconds=event.instant)
        items.append(stored(sent.body, when, "fraud" if sent.is_fraud else None))
    output = tmp_path / "out" / FILE
    report = collect(iter(items), tmp_path / "previous", event_type, output, CollectionOptions(NOW, 3650))
    assert report.foreign == report.unreadable == 0
    key = [event_type.id] if event_type.id else [name for name in schema_of(event_type) if name != event_type.label]
    got = scan([output], event_type).collect()
    assert len(got) == report.rows == events.n_unique(key) - report.outside_window
    # What had no label has one now: that is news, too.
    assert report.new_labelled >= events.n_unique(key) - events.head(120).n_unique(key)
    assert set(got[event_type.label].unique()) <= {0, 1, None}
    if event_type.timestamp:
        assert got[event_type.timestamp].max() == events[event_type.timestamp].max()


# ---- exports


def test_all_files_of_an_export_are_read(tmp_path: Path) -> None:
    files = [[item(1, FIRST)], [], [item(2, FIRST), item(3, FIRST)]]
    assert list(export.items(write_export(tmp_path, files))) == [i for some in files for i in some]


@pytest.mark.parametrize("fault", ["no manifest", "no file", "truncated", "shorter", "not JSON", "not gzip"])
def test_an_export_that_is_not_whole_is_refused_by_name(tmp_path: Path, fault: str) -> None:
    folder = write_export(tmp_path, [[item(n, FIRST) for n in range(50)]])
    file = folder / "data" / "file0.json.gz"
    if fault == "no manifest":
        (folder / "manifest-files.json").unlink()
    elif fault == "no file":
        file.unlink()
    elif fault == "truncated":
        file.write_bytes(file.read_bytes()[:-20])
    elif fault == "shorter":
        file.write_bytes(gzip.compress(json.dumps({"Item": item(1, FIRST)}).encode()))
    elif fault == "not JSON":
        file.write_bytes(gzip.compress(b'{"Item": {}}\n{"Ite'))
    else:
        file.write_bytes(b"{}")
    with pytest.raises(DataError, match="manifest-files.json" if fault == "no manifest" else "file0.json.gz"):
        list(export.items(folder))


# ---- the job


@pytest.fixture
def inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    folder = tmp_path / "processing" / "input"
    folder.mkdir(parents=True)
    (tmp_path / "output").mkdir()
    (folder / "event-type").mkdir()
    yaml = Path(event_types.__file__).with_name("card-transactions.yaml").read_text()
    (folder / "event-type" / "abc.event-type.yaml").write_text(yaml)
    previous(folder / "previous")
    write_export(folder / "export", [[item(100, FIRST + timedelta(days=40))]])
    monkeypatch.setattr(job.bootstrap, "install", lambda _: None)
    return folder


FLAGS = ["--now", "2026-03-10T12:00:00.000Z", "--window-days", "365"]


def test_the_job_writes_set_and_report(inputs: Path, tmp_path: Path) -> None:
    assert job.main([*FLAGS, "--minimum-new-labelled", "1"]) == 0
    output = tmp_path / "processing" / "output"
    assert len(pl.read_parquet(output / "dataset" / FILE)) == 31
    report = json.loads((output / "report" / "collection.json").read_text())
    assert report["sufficient"] is True and report["newest_day"] == "2026-02-10"
    assert (tmp_path / "output" / "message").read_text() == "31 events, 1 of them new (0 frauds)"


def test_data_that_do_not_suffice_are_an_answer_of_the_job(inputs: Path, tmp_path: Path) -> None:
    assert job.main([*FLAGS, "--minimum-new-labelled", "10"]) == 0
    output = tmp_path / "processing" / "output"
    assert not (output / "dataset").exists()
    assert json.loads((output / "report" / "collection.json").read_text())["sufficient"] is False


def test_a_damaged_export_fails_the_job_with_the_reason(inputs: Path, tmp_path: Path) -> None:
    (inputs / "export" / "manifest-files.json").unlink()
    assert job.main(FLAGS) == 1
    assert "no finished export" in (tmp_path / "output" / "failure").read_text()
    assert not (tmp_path / "processing" / "output" / "dataset").exists()


def test_a_merchant_whose_payments_are_all_called_fraud_is_not_learnt(tmp_path: Path) -> None:
    start = FIRST - timedelta(days=10)
    poisoned = [item(100 + n, start + timedelta(hours=n * 20), "fraud", TERMINAL_ID=3) for n in range(60)]
    others = [item(1000 + n, start + timedelta(hours=n * 12), CUSTOMER_ID=n, TERMINAL_ID=4) for n in range(100)]
    report, frame = merged(tmp_path / "refused", [*poisoned, *others])
    assert frame is None and not report.sufficient
    assert any("value(s) of TERMINAL_ID have frauds in at least" in reason for reason in report.reasons)
    report, frame = merged(tmp_path / "accepted", [*poisoned, *others], accept_labels=True)
    assert frame is not None and report.sufficient and report.implausible


def test_frauds_that_the_champion_knows_are_not_unlearnt_in_numbers(tmp_path: Path) -> None:
    said_genuine = [item(n, FIRST + timedelta(days=n), "genuine") for n in range(0, 24, 2)]
    report, frame = merged(tmp_path / "refused", said_genuine, every=2)
    assert frame is None and report.withdrawn_frauds == 12
    assert report.reasons == [report.implausible[0]] and "12 of 15 known frauds" in report.reasons[0]
    report, frame = merged(tmp_path / "accepted", said_genuine, every=2, accept_labels=True)
    assert frame is not None and report.frauds == 3
