"""Raw data with faults: each is found, named with column and remedy, and nothing crashes."""

from datetime import datetime, timedelta, timezone

import polars as pl
import pytest

from fraud import event_types
from fraud.data import validate_files
from fraud.data.reading import collect, find_files, scan
from fraud.data.validation import check
from fraud.simulation import LawSettings, Simulator

CARDS = event_types.load("card-transactions")


@pytest.fixture(scope="module")
def events():
    return pl.concat(Simulator(LawSettings(customers=150, terminals=200, days=45, seed=2)).days())


@pytest.fixture
def write(tmp_path):
    def write(frame: pl.DataFrame, name: str = "events.parquet"):
        path = tmp_path / name
        frame.write_csv(path) if name.endswith(".csv") else frame.write_parquet(path)
        return path

    return write


def _errors(path, **options) -> str:
    report = validate_files([path], CARDS, **options)
    assert not report.ok
    return "\n".join(report.errors)


def _with(column: str, value, rows: int = 1):
    """Replace the first rows' values of a column."""
    first = pl.int_range(pl.len()) < rows
    return pl.when(first).then(pl.lit(value)).otherwise(pl.col(column)).alias(column)


def test_good_data_are_described(events, write):
    report = validate_files([write(events)], CARDS)
    report.raise_if_invalid()
    assert (report.files, report.rows, report.accepted) == (1, len(events), len(events))
    assert report.frauds == events["TX_FRAUD"].sum()
    assert (report.first, report.last) == (events["TX_DATETIME"][0], events["TX_DATETIME"][-1])
    assert all(report.split_frauds[name] > 0 for name in ("train", "validation", "test"))
    assert report.to_json()["first"] == report.first.isoformat()


def test_csv_and_parquet_give_the_same_events(events, write):
    parquet, csv = write(events), write(events, "events.csv")
    first, second = (collect(scan([file], CARDS), [file]) for file in (parquet, csv))
    keys = ("TRANSACTION_ID", "CUSTOMER_ID", "TERMINAL_ID")
    assert second.with_columns(pl.col(keys).cast(pl.Int64)).equals(first)


def test_several_files_are_read_in_order_of_their_names(events, tmp_path):
    half = len(events) // 2
    for name, part in (("b=2", events.tail(-half)), ("b=1", events.head(half))):
        (tmp_path / name).mkdir()
        part.write_parquet(tmp_path / name / "part.parquet")
    (tmp_path / "_SUCCESS").touch()
    (tmp_path / "readme.md").touch()
    report, data = check([tmp_path], CARDS)
    assert (report.files, report.rows) == (2, len(events))
    assert data.cleaned.events["TRANSACTION_ID"].equals(events["TRANSACTION_ID"])


def test_events_out_of_order_are_put_in_order(events, write):
    _, data = check([write(events.reverse())], CARDS)
    assert data.cleaned.events["TX_DATETIME"].equals(events["TX_DATETIME"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_with("TX_AMOUNT", float("nan")), "column TX_AMOUNT: missing, NaN or not a number in 1 row"),
        (_with("TX_AMOUNT", None), "column TX_AMOUNT: missing, NaN or not a number"),
        (_with("TX_AMOUNT", float("inf")), "column TX_AMOUNT: infinite"),
        (_with("TX_AMOUNT", -1.0, 3), "column TX_AMOUNT: below 0 in 3 row"),
        (_with("TX_AMOUNT", 1e300), "column TX_AMOUNT: above 1e\\+12"),
        (_with("TRANSACTION_ID", 5, 2), "column TRANSACTION_ID: the same value as in an earlier row"),
        (_with("TRANSACTION_ID", None), "column TRANSACTION_ID: no value"),
        (_with("CUSTOMER_ID", None), "column CUSTOMER_ID: no value"),
        (_with("TX_DATETIME", datetime(2199, 1, 1)), "column TX_DATETIME: a time in the future"),
        (_with("TX_DATETIME", None), "column TX_DATETIME: missing or not a time"),
        (_with("TX_FRAUD", None), "column TX_FRAUD: no label"),
        (_with("TX_FRAUD", 2), "column TX_FRAUD: neither 0 nor 1"),
        (_with("TX_FRAUD", 300), "column TX_FRAUD: neither 0 nor 1"),
        (_with("TX_FRAUD", 0.5), "column TX_FRAUD: neither 0 nor 1"),
        (pl.lit(0).alias("TX_FRAUD"), "column TX_FRAUD: only genuine events"),
        (pl.lit(1).alias("TX_FRAUD"), "column TX_FRAUD: only frauds"),
        (pl.lit("abc").alias("TX_AMOUNT"), "column TX_AMOUNT: missing, NaN or not a number"),
        (pl.lit(True).alias("TX_AMOUNT"), "column TX_AMOUNT is Boolean; a number is needed: convert it"),
        (pl.lit([1]).alias("TERMINAL_ID"), "column TERMINAL_ID is List.*; an integer or a text is needed"),
        (pl.col("TX_TIME_SECONDS").alias("TX_DATETIME"), "column TX_DATETIME is Int64; a timestamp, a date or"),
        (pl.col("TX_DATETIME").alias("TX_FRAUD"), "column TX_FRAUD is Datetime.*; 0 or 1"),
    ],
)
def test_a_fault_names_column_and_remedy(events, write, change, message):
    with pytest.raises(ValueError, match=message):
        validate_files([write(events.with_columns(change))], CARDS).raise_if_invalid()


def test_a_missing_column_is_named_with_its_likely_spelling(events, write):
    errors = _errors(write(events.rename({"TX_AMOUNT": "tx_amount"}).drop("TERMINAL_ID")))
    assert "column TX_AMOUNT of event type card-transactions is missing (is it 'tx_amount'?)" in errors
    assert "column TERMINAL_ID of event type card-transactions is missing" in errors


def test_values_of_rows_never_appear_in_messages(events, write):
    secret = 4_111_111_111_111_111
    faulty = events.with_columns(_with("TRANSACTION_ID", secret, 2), _with("CUSTOMER_ID", secret, 2))
    assert str(secret) not in _errors(write(faulty))


def test_files_that_cannot_be_read_are_named(events, write, tmp_path):
    good = write(events)
    (tmp_path / "empty.parquet").touch()
    assert "empty.parquet: the file is empty (0 bytes)" in _errors(tmp_path / "empty.parquet")
    (tmp_path / "noise.parquet").write_bytes(b"PAR1 no parquet at all PAR1")
    assert "noise.parquet: not a readable parquet file" in _errors(tmp_path / "noise.parquet")
    (tmp_path / "cut.parquet").write_bytes(good.read_bytes()[:-200])
    assert "cut.parquet: not a readable parquet file" in _errors(tmp_path / "cut.parquet")
    damaged = bytearray(good.read_bytes())
    damaged[1000:9000] = b"\0" * 8000
    (tmp_path / "damaged.parquet").write_bytes(damaged)
    assert "damaged.parquet: cannot be read, the file seems corrupt" in _errors(tmp_path / "damaged.parquet")
    assert "no such file or folder" in _errors(tmp_path / "absent.parquet")
    (tmp_path / "table.xlsx").touch()
    assert "a parquet or CSV file is expected" in _errors(tmp_path / "table.xlsx")
    (tmp_path / "nothing").mkdir()
    assert "no parquet or CSV file" in _errors(tmp_path / "nothing")
    assert "empty list of paths" in "\n".join(validate_files([], CARDS).errors)


def test_files_without_rows_are_refused(events, write):
    assert "the data hold no row" in _errors(write(events.clear()))
    assert "the data hold no row" in _errors(write(events.clear(), "header.csv"))


def test_too_few_days_are_refused_before_any_job(events, write):
    short = events.filter(pl.col("TX_TIME_DAYS") < 10)
    assert "the data span 10 day(s), at least 17 are needed" in _errors(write(short))


def test_a_split_without_frauds_is_refused_with_its_dates(events, write):
    last = pl.col("TX_TIME_DAYS") >= 38
    clean = events.with_columns(pl.when(last).then(0).otherwise("TX_FRAUD").alias("TX_FRAUD"))
    errors = _errors(write(clean), days={"test": 7})
    assert "the test split from 2018-05-" in errors and "0 fraud(s)" in errors


def test_a_tolerated_share_is_left_out_and_counted(events, write):
    path = write(events.with_columns(_with("TX_AMOUNT", -1.0, 2), _with("CUSTOMER_ID", None, 1)))
    report, data = check([path], CARDS, max_rejected_share=0.01)
    assert report.ok and report.accepted == len(events) - 2
    # The first row has two faults and counts once, under the first.
    assert report.rejected == {"amount_negative": 2}
    assert "left out: column TX_AMOUNT: below 0 in 2 row(s), first in events.parquet, row 1" in report.warnings[0]
    assert data.cleaned.rejected["__row"].to_list() == [0, 1]
    assert not validate_files([path], CARDS, max_rejected_share=1 / len(events)).ok


def test_a_good_row_is_no_duplicate_of_a_faulty_one(events, write):
    repaired = pl.concat([events.head(1).with_columns(TX_AMOUNT=pl.lit(-1.0)), events])
    report = validate_files([write(repaired)], CARDS, max_rejected_share=0.01)
    assert report.rejected == {"amount_negative": 1}


def test_a_clock_ahead_by_hours_is_believed_and_by_days_is_not(events, write):
    last = events["TX_DATETIME"][-1].replace(tzinfo=timezone.utc)
    path = write(events)
    assert validate_files([path], CARDS, now=last - timedelta(hours=14)).ok
    assert "a time in the future" in _errors(path, now=last - timedelta(days=2))


@pytest.mark.parametrize(
    ("form", "column"),
    [
        ("iso", pl.col("TX_DATETIME").dt.to_string("%Y-%m-%d %H:%M:%S")),
        ("iso", pl.col("TX_DATETIME").dt.to_string("%Y-%m-%dT%H:%M:%S.000")),
        ("iso", pl.col("TX_DATETIME").dt.to_string("%Y-%m-%dT%H:%M:%SZ")),
        ("iso", (pl.col("TX_DATETIME") + timedelta(hours=2)).dt.to_string("%Y-%m-%dT%H:%M:%S+02:00")),
        ("iso", pl.col("TX_DATETIME").dt.replace_time_zone("UTC").dt.convert_time_zone("Asia/Tokyo")),
        ("iso", pl.col("TX_DATETIME").cast(pl.Datetime("ns"))),
        ("epoch_seconds", pl.col("TX_DATETIME").dt.epoch("s")),
        ("epoch_milliseconds", pl.col("TX_DATETIME").dt.epoch("ms").cast(pl.String)),
    ],
)
def test_times_are_read_as_utc_whatever_their_form(events, write, form, column):
    body = event_types.to_mapping(CARDS)
    body["timestamp"] = {"column": "TX_DATETIME", "format": form}
    event_type = event_types.parse(body)
    path = write(events.with_columns(column.alias("TX_DATETIME")))
    assert collect(scan([path], event_type), [path])["TX_DATETIME"].equals(events["TX_DATETIME"])


@pytest.mark.parametrize("values", [[True, False, True], ["1", "0", "1"], ["true", "False", " TRUE"], [1.0, 0.0, 1.0]])
def test_labels_may_be_booleans_texts_or_numbers(events, write, values):
    path = write(events.head(3).with_columns(pl.Series("TX_FRAUD", values)))
    assert collect(scan([path], CARDS), [path])["TX_FRAUD"].to_list() == [1, 0, 1]


def test_keys_of_different_types_in_different_files_are_compared_as_texts(events, tmp_path):
    events.head(10).write_parquet(tmp_path / "a.parquet")
    events.slice(10, 10).with_columns(pl.col("CUSTOMER_ID").cast(pl.String)).write_parquet(tmp_path / "b.parquet")
    files = find_files([tmp_path])
    assert collect(scan(files, CARDS), files)["CUSTOMER_ID"].dtype == pl.String
