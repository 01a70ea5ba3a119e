"""Captures of every encoding are read, malformed ones are counted."""

import base64

import polars as pl

from fraud.monitoring.capture import read_captures
from tests.unit.monitored_traffic import record

NAMES = ["fraud_probability", "amount", "age"]


def test_captures_of_every_encoding_give_the_same_rows(tmp_path):
    hour = tmp_path / "endpoint" / "primary" / "2030" / "01" / "01" / "05"
    hour.mkdir(parents=True)
    in_json = '{"instances": [[12.5, 30], [3.0, null]]}'
    out_json = '{"predictions": [{"score": 0.25}, {"score": 0.5}]}'
    records = [
        record("12.5,30\n3.0,\n", "0.25\n0.5\n"),
        record(in_json, out_json, "JSON", "application/json"),
        record(
            base64.b64encode(b"12.5,30\n3.0,").decode(),
            base64.b64encode(b"0.25\n0.5").decode(),
            "BASE64",
            "text/csv; charset=utf-8",
        ),
        record(
            base64.b64encode(in_json.encode()).decode(),
            base64.b64encode(out_json.encode()).decode(),
            "BASE64",
            "application/json",
        ),
        record('"12.5","30"\n3.0,""', "0.25\n0.5"),
        record("[12.5, 30]\n[3.0, null]", '{"score": 0.25}\n{"score": 0.5}', "JSON", "application/jsonlines"),
    ]
    (hour / "00-00-000-a.jsonl").write_text("\n".join(records) + "\n")
    captured = read_captures(tmp_path, NAMES)
    assert (captured.records, captured.malformed) == (6, 0)
    assert captured.frame.columns == NAMES
    numbers = captured.frame.cast(pl.Float64)
    assert numbers.rows() == [(0.25, 12.5, 30.0), (0.5, 3.0, None)] * 6
    only_input = read_captures(tmp_path, NAMES[1:], ["endpointInput"]).frame
    assert only_input.columns == NAMES[1:]
    assert len(only_input) == 12


def test_malformed_records_are_counted_and_the_rest_is_read(tmp_path):
    bad = [
        "not json",
        "{}",
        "[]",
        '{"captureData": null}',
        record("1,2\n3,4\n", "0.5\n"),
        record("1,2", "0.5", "THRIFT"),
        record("%%%", "0.5", "BASE64"),
        record(base64.b64encode(b"\xff\xfe\xfd").decode(), "MC41", "BASE64"),
        record('{"a": ', "0.5", "JSON"),
        '{"captureData": {"endpointInput": {"data": "1,2", "encoding": "CSV"}}}',
    ]
    good = record("1,2", "0.5")
    (tmp_path / "a.jsonl").write_bytes(("\n".join([*bad, good, ""]) + "\n").encode() + b"\xff\xfe\n")
    captured = read_captures(tmp_path, NAMES)
    assert captured.malformed == len(bad) + 1
    assert captured.records == len(bad) + 2
    assert captured.frame.rows() == [("0.5", "1", "2")]


def test_short_and_long_rows_are_kept_and_show_as_columns(tmp_path):
    records = [record("1,2", "0.5"), record("1", "0.5"), record("1,2,9", "0.5")]
    (tmp_path / "a.jsonl").write_text("\n".join(records))
    frame = read_captures(tmp_path, NAMES).frame
    assert frame.rows() == [("0.5", "1", "2", None), ("0.5", "1", None, None), ("0.5", "1", "2", "9")]
    assert frame.columns == [*NAMES, "_c3"]
    (tmp_path / "a.jsonl").write_text(records[1])
    assert read_captures(tmp_path, NAMES).frame.columns == NAMES[:2]
