"""Records of traffic and their labels: every encoding, damage that is counted, and the join."""

import base64
import gzip
import json
from collections import Counter
from datetime import datetime, timezone
from pathlib import Path

import pytest

from fraud.monitoring.merging import GroundTruth
from fraud.monitoring.observations import Attributes, binary, observe, texts
from fraud.monitoring.payloads import PayloadError, rows, select
from fraud.monitoring.records import Records
from training_code.merge_ground_truth import merge

HOUR = datetime(2030, 1, 1, 5, tzinfo=timezone.utc)


def part(data, encoding="JSON", kind="application/json"):
    return {"data": data, "encoding": encoding, "observedContentType": kind}


def capture(event, probability=0.5, *, inference=None, time="2030-01-01T05:30:00Z", features=(1.0, 2.0)):
    metadata = {"eventId": event, "inferenceTime": time} | ({"inferenceId": inference} if inference else {})
    answer = json.dumps({"predictions": [{"probability": probability, "score": 500}]})
    data = {"endpointInput": part(json.dumps({"instances": [list(features)]})), "endpointOutput": part(answer)}
    return {"captureData": data, "eventMetadata": metadata, "eventVersion": "0"}


def label(event, value):
    body = {"data": value, "encoding": "CSV"}
    return {"groundTruthData": body, "eventMetadata": {"eventId": event}, "eventVersion": "0"}


def write(path: Path, lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))


def test_labels_are_joined_by_inference_id_then_by_event_id(tmp_path):
    write(tmp_path / "in/a.jsonl", [capture("e1", 0.1, inference="tx1"), capture("e2", 0.2), capture("e3", 0.3)])
    write(tmp_path / "truth/b.jsonl", [label("tx1", "1"), label("e1", "0"), label("e2", "0"), label("ghost", "1")])
    truth = GroundTruth.read(Records(tmp_path / "truth"))
    joined = {record.event_id: record.truth["data"] for record in truth.join(Records(tmp_path / "in"))}
    assert joined == {"e1": "1", "e2": "0"}
    assert truth.counts["matched"] == 2
    assert truth.counts["unmatched"] == 1
    # e1's own id has a label too, which nobody asked for.
    assert truth.counts["labels_unknown"] == 2


def test_the_last_of_several_labels_holds_and_all_oddities_are_counted(tmp_path):
    write(tmp_path / "2030/01/01/05/a.jsonl", [label("e1", "0"), label("e2", "1"), label("e2", "1"), "{broken", "[]"])
    write(tmp_path / "2030/01/01/07/b.jsonl", [label("e1", "1"), capture("e9")])
    records = Records(tmp_path)
    truth = GroundTruth.read(records, end=HOUR.replace(hour=6))
    assert truth.labels["e1"]["data"] == "1"
    assert truth.counts == {
        **{"labels": 4, "labels_duplicate": 1, "labels_conflicting": 1, "labels_late": 1, "labels_malformed": 1}
    }
    assert records.counts["malformed"] == 2


def test_records_outside_the_window_are_left_out_and_counted(tmp_path):
    times = ("2030-01-01T04:59:59Z", "2030-01-01T05:00:00Z", "2030-01-01T05:59:59.9+00:00", "2030-01-01T06:00:00Z")
    write(tmp_path / "a.jsonl", [capture(f"e{n}", time=time) for n, time in enumerate(times)])
    records = Records(tmp_path, HOUR, HOUR.replace(hour=6))
    assert [record.event_id for record in records] == ["e1", "e2"]
    assert records.counts == {"records": 4, "outside_window": 2}


def test_a_truncated_gzip_gives_what_came_before_the_break(tmp_path):
    text = "".join(json.dumps(capture(f"e{number}")) + "\n" for number in range(4000))
    packed = gzip.compress(text.encode())
    (tmp_path / "a.jsonl.gz").write_bytes(packed[: len(packed) // 2])
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(text.encode()))
    records = Records(tmp_path)
    found = sum(1 for _ in records)
    assert 4000 < found < 8000
    assert records.counts["truncated_files"] == 1


@pytest.mark.parametrize(
    "line",
    [
        "nothing",
        "{}",
        "null",
        '{"eventMetadata": {}}',
        '{"eventMetadata": {}, "captureData": {"endpointOutput": {"data": "1"}}}',
        '{"eventMetadata": 3, "captureData": {"endpointOutput": {"data": "1", "encoding": "CSV"}}}',
        "[" * 100_000,
        '"\ud800"',
    ],
)
def test_lines_that_are_no_records_are_counted(tmp_path, line):
    path = tmp_path / "a.jsonl"
    path.write_bytes(line.encode("utf-8", "surrogatepass") + b"\n" + json.dumps(capture("e1")).encode() + b"\n")
    records = Records(tmp_path)
    assert [record.event_id for record in records] == ["e1"]
    assert records.counts["malformed"] == 1


def encoded(text):
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("data", "attribute", "expected"),
    [
        (part("0.5,1\n0.25,0\n", "CSV", "text/csv"), None, ["0.5", "0.25"]),
        (part("0.5,1\n0.25,0\n", "CSV", "text/csv"), "1", ["1", "0"]),
        (part(encoded("0.5,1\n"), "BASE64", "text/csv"), "0", ["0.5"]),
        (part('{"predictions": [{"probability": 0.5, "score": 3}]}'), None, [0.5]),
        (part('{"predictions": [{"score": 0.9, "predicted_label": 1}]}'), "predictions[*].predicted_label", [1]),
        (part('{"score": 0.9}\n{"score": 0.1}\n', kind="application/jsonlines"), "score", [0.9, 0.1]),
        (part(encoded('{"a": {"b": [7]}}'), "BASE64"), "a.b", [7]),
        (part('{"instances": [{"label": 0}, {"label": 1}]}'), "instances[*].label", [0, 1]),
    ],
)
def test_values_of_every_form(data, attribute, expected):
    assert select(data, attribute) == expected


@pytest.mark.parametrize(
    ("data", "attribute", "expected"),
    [
        (part('{"instances": [[1, 2], [3, 4]]}'), "instances", [[1, 2], [3, 4]]),
        (part('{"instances": [{"features": [1, 2]}]}'), "instances[*].features", [[1, 2]]),
        (part('{"features": [1, 2]}\n{"features": [3, 4]}'), "features", [[1, 2], [3, 4]]),
        (part('{"features": [1, 2]}\n{"features": [3, 4]}'), None, [[1, 2], [3, 4]]),
        (part('1,"a,b"\n', "CSV"), None, [["1", "a,b"]]),
    ],
)
def test_rows_of_every_form(data, attribute, expected):
    assert rows(data, attribute) == expected


@pytest.mark.parametrize(
    ("data", "attribute"),
    [
        (part("1", "PARQUET"), None),
        (part("%%", "BASE64"), None),
        (part("1,2", "CSV"), "5"),
        (part("1,2", "CSV"), "name"),
        (part("{}"), "missing"),
        (part("{broken"), None),
        (part('{"a": 1}'), "a[*"),
        (part(3), None),
    ],
)
def test_what_is_not_there_is_refused(data, attribute):
    with pytest.raises(PayloadError):
        select(data, attribute)


def test_records_whose_parts_differ_in_their_rows_are_malformed(tmp_path):
    two = capture("e2")
    two["groundTruthData"] = part("1\n0\n", "CSV")
    one = capture("e1", 0.75)
    one["groundTruthData"] = part("1", "CSV")
    write(tmp_path / "a.jsonl", [one, two])
    counts = Counter()
    observed = observe(GroundTruth().join(Records(tmp_path)), Attributes(), counts, features=True)
    assert observed.labels == ["1"]
    assert observed.probabilities.tolist() == [0.75]
    assert observed.features == [[1.0, 2.0]]
    assert counts["malformed"] == 1


def test_labels_have_many_spellings():
    assert binary(["1", 1, 1.0, True, "fraud", "0", "legit", False]).tolist() == [1, 1, 1, 1, 1, 0, 0, 0]
    assert binary(["maybe", None, ""]).tolist() == pytest.approx([float("nan")] * 3, nan_ok=True)
    assert texts([1, "1.0", " a "]) == ["1", "1", "a"]


def test_the_merge_job_writes_awss_layout_and_a_second_run_the_same(tmp_path):
    captures, truth, output = tmp_path / "in", tmp_path / "truth", tmp_path / "out"
    write(captures / "shop/primary/2030/01/01/05/a.jsonl", [capture("e1", inference="tx1"), capture("e2"), "oops"])
    write(captures / "shop/primary/2030/01/01/06/b.jsonl", [capture("e3")])
    write(truth / "2030/01/01/07/x.jsonl", [label("tx1", "1"), label("e3", "0")])
    environment = {"dataset_source": str(captures), "ground_truth_source": str(truth), "output_path": str(output)}
    counts = merge(environment, tmp_path)
    assert (counts["matched"], counts["unmatched"], counts["malformed"]) == (2, 1, 1)
    files = {path.relative_to(output).as_posix(): path.read_text() for path in output.rglob("*.jsonl")}
    assert list(map(str, sorted(files))) == [
        "shop/primary/2030/01/01/05/part-00000.c000.jsonl",
        "shop/primary/2030/01/01/06/part-00000.c000.jsonl",
    ]
    (line,) = map(json.loads, files["shop/primary/2030/01/01/05/part-00000.c000.jsonl"].splitlines())
    assert set(line) == {"eventVersion", "groundTruthData", "captureData", "eventMetadata"}
    assert line["groundTruthData"] == {"data": "1", "encoding": "CSV"}
    assert line["eventMetadata"]["inferenceId"] == "tx1"
    merge(environment, tmp_path)
    assert {path.relative_to(output).as_posix(): path.read_text() for path in output.rglob("*.jsonl")} == files


def test_awss_own_merged_record_is_read(shared_fixtures, tmp_path):
    name = "sm-clarify_model_bias_monitor_for_endpoint_json__cell90__captureData.json"
    source = shared_fixtures / "model_monitor/mm-aws-json" / name
    (tmp_path / "part.jsonl").write_text(json.dumps(json.loads(source.read_text())) + "\n")
    attributes = Attributes("predictions[*].predicted_label", "predictions[*].score", "instances[*].label")
    counts = Counter()
    observed = observe(Records(tmp_path), attributes, counts, features=True)
    assert len(observed) == 334
    assert set(observed.labels) == set(observed.predictions) == {0, 1}
    assert {len(row) for row in observed.features} == {14}
    assert not counts
