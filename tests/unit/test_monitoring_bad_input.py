"""Broken data sets: counted and reported, never a crash and never silently less."""

import gzip
import json
import math
from datetime import date, time, timedelta
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fraud.monitoring import find_violations, suggest_constraints
from fraud.monitoring.errors import DataError
from fraud.monitoring.scan import scan_captures, scan_csv, scan_parquet

MANY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def _valid(scan):
    document = scan.profile.to_json()
    json.dumps(document, allow_nan=False)
    for column in scan.profile.columns:
        assert column.present + column.missing == scan.profile.rows
        assert sum(column.kinds.values()) == column.present
    constraints = suggest_constraints(scan.profile)
    assert find_violations(scan.profile, constraints, document)[0] == [] or any(
        column.anomalies for column in scan.profile.columns
    )
    return scan


@MANY
@given(data=st.binary(max_size=300))
def test_any_bytes_are_some_csv(tmp_path, data):
    path = tmp_path / "any.csv"
    path.write_bytes(data)
    try:
        _valid(scan_csv([path], header=True))
    except DataError as error:
        assert "no file" in str(error)


@MANY
@given(
    text=st.text(
        st.sampled_from(['"', "\\", ",", "\n", "\r", " ", "a", "é", "1", ".", "-", "e", "\ufeff", "😀", "\x00"]),
        max_size=80,
    )
)
def test_any_text_is_some_csv(tmp_path, text):
    path = tmp_path / "any.csv"
    path.write_text("x,y\n" + text, encoding="utf-8", newline="")
    assert [column.name for column in _valid(scan_csv([path], header=True)).profile.columns] == ["x", "y"]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
_PART = _JSON | st.fixed_dictionaries(
    {"data": _JSON | _JSON.map(json.dumps), "encoding": st.sampled_from(["CSV", "JSON", "BASE64", "AVRO"])}
)
_RECORD = _JSON | st.fixed_dictionaries(
    {"captureData": st.fixed_dictionaries({"endpointInput": _PART, "endpointOutput": _PART}) | _JSON},
    optional={"eventMetadata": _JSON},
)


@MANY
@given(records=st.lists(_RECORD, max_size=4))
def test_any_captured_records_are_rows_or_counted(tmp_path, records):
    (tmp_path / "captures.jsonl").write_text("\n".join(json.dumps(record) for record in records))
    scan = _valid(scan_captures(tmp_path, ["score", "amount"]))
    assert scan.issues["records"] == len(records)
    assert scan.issues["malformed"] <= len(records)


def test_an_empty_answer_has_no_fields_and_nothing_at_all_is_malformed(tmp_path):
    def record(answer, sent):
        parts = {
            "endpointInput": {"data": sent, "encoding": "CSV"},
            "endpointOutput": {"data": answer, "encoding": "JSON"},
        }
        return json.dumps({"captureData": parts})

    lines = [record("[]", "1,2"), record("[0.5]", "3,4"), record("{}", "5")]
    empty = {"data": "[]", "encoding": "JSON"}
    lines.append(json.dumps({"captureData": {"endpointInput": empty, "endpointOutput": empty}}))
    (tmp_path / "captures.jsonl").write_text("\n".join(lines))
    scan = _valid(scan_captures(tmp_path, ["score", "amount", "age"]))
    assert (scan.profile.rows, scan.issues["malformed.data"], scan.issues["missing_fields"]) == (3, 1, 2)


def test_a_truncated_gzip_gives_its_whole_records(tmp_path):
    text = "a,b\n" + "".join(f"{number},{number / 7}\n" for number in range(20_000))
    whole = gzip.compress(text.encode())
    (tmp_path / "cut.csv.gz").write_bytes(whole[: len(whole) // 2])
    scan = _valid(scan_csv([tmp_path / "cut.csv.gz"], header=True))
    assert scan.issues["truncated_files"] == 1
    assert 5_000 < scan.profile.rows < 15_000
    assert [column.inferred_type for column in scan.profile.columns] == ["Integral", "Fractional"]
    (tmp_path / "cut.csv.gz").write_bytes(whole + whole)
    assert scan_csv([tmp_path / "cut.csv.gz"], header=True).profile.rows == 40_001


def test_parquet_of_any_type_is_profiled(tmp_path):
    days = [date(2030, 1, 1), None]
    frame = pl.DataFrame(
        {
            "list": [[1, 2], None],
            "structure": [{"a": [1.5], "b": "ü"}, {"a": [], "b": None}],
            "array": pl.Series([[1, 2], [3, 4]], dtype=pl.Array(pl.Int8, 2)),
            "decimal": [Decimal("1.50"), None],
            "day": days,
            "span": [timedelta(days=1, seconds=2), None],
            "time": [time(1, 2), None],
            "bytes": [b"\xff\x00", None],
            "category": pl.Series(["a", "b"], dtype=pl.Categorical),
            "nothing": [None, None],
            "flag": [True, None],
            "byte": pl.Series([1, 255], dtype=pl.UInt8),
            "huge": pl.Series([2**64 - 1, 1], dtype=pl.UInt64),
            "half": pl.Series([1.5, math.inf], dtype=pl.Float32),
        }
    )
    frame.write_parquet(tmp_path / "a.parquet")
    scan = _valid(scan_parquet([tmp_path / "a.parquet"]))
    columns = {column.name: column for column in scan.profile.columns}
    assert list(columns) == frame.columns and scan.profile.rows == 2
    assert {name: column.missing for name, column in columns.items()} == {
        name: frame[name].null_count() for name in frame.columns
    }
    assert set(columns["list"].categories) == {"[1, 2]", "NullValue"}
    assert set(columns["structure"].categories) == {'{"a": [1.5], "b": "ü"}', '{"a": [], "b": null}'}
    assert set(columns["bytes"].categories) == {"ff00", "NullValue"}
    assert columns["huge"].mean == 2.0**63
    assert columns["half"].anomalies == {"infinite": 1}
    assert (columns["decimal"].inferred_type, columns["decimal"].mean) == ("Fractional", 1.5)


def test_ten_thousand_categories_are_estimated_and_are_no_known_values(tmp_path):
    few, many = tmp_path / "few.csv", tmp_path / "many.csv"
    few.write_text("city\n" + "".join(f"c{number % 50}\n" for number in range(10_000)))
    many.write_text("city\n" + "".join(f"ü{number}\n" for number in range(10_000)), encoding="utf-8")
    baseline = scan_csv([few], True).profile
    current = scan_csv([many], True).profile
    assert current.columns[0].categories is None
    assert current.columns[0].distinct == pytest.approx(10_000, rel=0.15)
    violations, _ = find_violations(current, suggest_constraints(baseline), baseline.to_json())
    assert [violation["constraint_check_type"] for violation in violations] == ["categorical_values_check"]


def test_infinities_are_counted_and_are_no_numbers(tmp_path):
    (tmp_path / "a.csv").write_text("x\n" + "1.5\n" * 99 + "1e999\n")
    scan = _valid(scan_csv([tmp_path / "a.csv"], True))
    (column,) = scan.profile.columns
    assert (column.numbers, column.high, column.anomalies) == (99, 1.5, {"infinite": 1})
    violations, _ = find_violations(scan.profile, suggest_constraints(scan.profile), None)
    assert [violation["constraint_check_type"] for violation in violations] == ["data_type_check"]


def test_files_of_other_columns_encodings_and_none(tmp_path):
    (tmp_path / "1.csv").write_text("a,b\n1,2\n3,4\n")
    (tmp_path / "2.csv").write_text("b,a\n2,1\n")
    (tmp_path / "3.csv").write_text("a,c\n5,x\n", encoding="utf-16")
    (tmp_path / "4.csv").write_text("")
    scan = _valid(scan_csv(sorted(tmp_path.iterdir()), header=True))
    columns = {column.name: column for column in scan.profile.columns}
    assert {name: (c.present, c.missing) for name, c in columns.items()} == {"a": (4, 0), "b": (3, 1), "c": (1, 3)}
    assert columns["a"].sum == 10.0
    assert (scan.issues["other_columns"], scan.issues["blank_files"]) == (2, 1)
    with pytest.raises(DataError, match="no file of the data set has a column"):
        scan_csv([tmp_path / "4.csv"], True)


def test_a_broken_parquet_file_is_counted(tmp_path):
    import polars as pl

    pl.DataFrame({"a": [1, 2]}).write_parquet(tmp_path / "good.parquet")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 no more PAR1")
    scan = _valid(scan_parquet(sorted(tmp_path.iterdir())))
    assert (scan.profile.rows, scan.issues["unreadable_files"]) == (2, 1)
