"""Data capture: keys, lines, encodings, sampling, and nothing lost when an endpoint is updated or deleted."""

import re
from datetime import datetime, timezone

import pytest

from local_cloud.sagemaker import capture
from tests.local_cloud.conftest import Cloud, wait_until
from tests.local_cloud.hosting import BUCKET, Hosting

UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
HEADER = {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]}


@pytest.fixture(scope="module")
def hosting(cloud: Cloud) -> Hosting:
    return Hosting(cloud)


def _config(*modes: str, header: dict | None = None, percent: int = 100, prefix: str = "captures") -> dict:
    return {
        "EnableCapture": True,
        "InitialSamplingPercentage": percent,
        "DestinationS3Uri": f"s3://{BUCKET}/{prefix}",
        "CaptureOptions": [{"CaptureMode": mode} for mode in modes],
        **({"CaptureContentTypeHeader": header} if header else {}),
    }


def test_lines_and_keys_are_those_of_sagemaker(hosting: Hosting) -> None:
    hosting.model("cap", 1.0)
    hosting.config("cap", "cap", DataCaptureConfig=_config("Input", "Output", header=HEADER))
    answer = hosting.deploy("cap", "cap")
    assert answer["DataCaptureConfig"]["CaptureStatus"] == "Started"
    hosting.ask("cap", "1,2", InferenceId="mine")
    hosting.ask("cap", "3")
    # No flush is asked for: files appear by themselves.
    lines = wait_until(lambda: hosting.lines("captures/cap/"), 15)
    keys = [item["Key"] for item in hosting.s3.list_objects_v2(Bucket=BUCKET, Prefix="captures/cap/")["Contents"]]
    key = rf"captures/cap/primary/\d{{4}}/\d\d/\d\d/\d\d/\d\d-\d\d-\d{{3}}-{UUID}\.jsonl"
    assert re.fullmatch(key, keys[0])
    first, second = lines
    assert first["captureData"] == {
        "endpointInput": {"observedContentType": "text/csv", "mode": "INPUT", "data": "1,2", "encoding": "CSV"},
        "endpointOutput": {"observedContentType": "text/csv", "mode": "OUTPUT", "data": "3.0\n", "encoding": "CSV"},
    }
    assert first["eventVersion"] == "0"
    assert set(first["eventMetadata"]) == {"eventId", "inferenceId", "inferenceTime"}
    assert first["eventMetadata"]["inferenceId"] == "mine"
    assert re.fullmatch(UUID, first["eventMetadata"]["eventId"])
    moment = datetime.strptime(first["eventMetadata"]["inferenceTime"], "%Y-%m-%dT%H:%M:%SZ")
    assert keys[0].startswith(f"captures/cap/primary/{moment:%Y/%m/%d/%H/%M-%S}")
    assert "inferenceId" not in second["eventMetadata"]
    hosting.delete("cap")


def test_nothing_is_lost_on_update_and_delete(hosting: Hosting) -> None:
    config = _config("Input", "Output", header=HEADER, prefix="lossless")
    for name, factor in (("keep-1", 1.0), ("keep-2", 2.0)):
        hosting.config(name, hosting.model(name, factor), DataCaptureConfig=config)
    hosting.deploy("keep", "keep-1")
    with hosting.fire("keep") as fire:
        wait_until(lambda: len(fire.answers) > 20)
        hosting.sagemaker.update_endpoint(EndpointName="keep", EndpointConfigName="keep-2")
        hosting.settled("keep")
        after = len(fire.answers)
        wait_until(lambda: len(fire.answers) > after + 20)
    hosting.delete("keep")
    assert fire.errors == []
    captured = [line["captureData"]["endpointOutput"]["data"] for line in hosting.lines("lossless/keep/")]
    assert sorted(captured) == sorted(fire.answers)


REQUEST, RESPONSE = capture.Payload("text/csv; charset=utf-8", b"1"), capture.Payload("application/json", b'{"p": 1}')


def _line(config: dict, request: capture.Payload = REQUEST) -> dict:
    return capture.line(config, request, RESPONSE, inference_id=None, now=0.0)["captureData"]


def test_encodings() -> None:
    both = _line(_config("InputAndOutput", header=HEADER))
    assert (both["endpointInput"]["encoding"], both["endpointOutput"]["encoding"]) == ("CSV", "JSON")
    assert both["endpointOutput"]["data"] == '{"p": 1}'
    # Without the header AWS encodes everything.
    plain = _line(_config("Input"))
    assert plain == {
        "endpointInput": {
            "observedContentType": "text/csv; charset=utf-8", "mode": "INPUT", "data": "MQ==", "encoding": "BASE64",
        }
    }  # fmt: skip
    binary = _line(_config("Input", header=HEADER), capture.Payload("text/csv", b"\xff\xfe"))
    assert binary["endpointInput"]["encoding"] == "BASE64"
    assert capture.decode(binary["endpointInput"]) == b"\xff\xfe"


def test_sampling() -> None:
    assert all(capture.sampled(100) for _ in range(100))
    assert not any(capture.sampled(0) for _ in range(100))
    assert 200 < sum(capture.sampled(30) for _ in range(1000)) < 400


def test_a_file_holds_lines_of_one_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    written: dict[str, bytes] = {}
    monkeypatch.setattr(capture.s3, "put_bytes", lambda uri, data, kms_key=None: written.update({uri: data}))
    monkeypatch.setattr(capture._writer, "begin", lambda: None)
    before = datetime(2026, 3, 1, 9, 59, 59, 995_000, tzinfo=timezone.utc).timestamp()
    for now in (before, before + 0.004, before + 0.006):
        capture.record(_config("Input"), "e", "v", REQUEST, RESPONSE, inference_id=None, now=now)
    capture.flush()
    names = sorted(written)
    assert [name[: name.rindex("/")] for name in names] == [
        f"s3://{BUCKET}/captures/e/v/2026/03/01/09",
        f"s3://{BUCKET}/captures/e/v/2026/03/01/10",
    ]
    assert "/09/59-59-995-" in names[0] and "/10/00-00-001-" in names[1]
    assert [written[name].count(b"\n") for name in names] == [2, 1]
