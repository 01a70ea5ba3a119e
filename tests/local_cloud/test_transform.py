"""Batch transform: splitting, joining and filtering of files, and what a failing model or a stop does."""

import gzip
import io
import json

import pytest
from botocore.exceptions import ClientError

from local_cloud.sagemaker.errors import ValidationError
from local_cloud.sagemaker.transform.jsonpath import Path
from local_cloud.sagemaker.transform.records import BadRecord, Plan
from tests.local_cloud.conftest import Cloud, wait_until
from tests.local_cloud.hosting import BUCKET, Hosting

# Says for each request how many lines it had, and what the environment told it.
COUNTER = """
import json, os, time
def model_fn(folder): return None
def transform_fn(model, body, content_type, accept):
    time.sleep(float(os.environ.get("DELAY", "0")))
    names = ("SAGEMAKER_BATCH", "SAGEMAKER_BATCH_STRATEGY", "SAGEMAKER_MAX_PAYLOAD_IN_MB")
    return json.dumps([len(body.splitlines()), *(os.environ[name] for name in names)]), accept
"""


@pytest.fixture(scope="module")
def hosting(cloud: Cloud) -> Hosting:
    hosting = Hosting(cloud)
    hosting.model("tr-sum")
    hosting.model("tr-count", code=COUNTER)
    for key, text in (("one.csv", "a,1,2\nb,3,4\n"), ("more/two.csv", "c,5,6")):
        hosting.s3.put_object(Bucket=BUCKET, Key=f"tr/in/{key}", Body=text)
    return hosting


def _run(hosting: Hosting, name: str, model: str, uri: str = "tr/in/", wait: bool = True, **members: object) -> dict:
    source = {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/{uri}"}}}
    request = {
        "TransformJobName": name,
        "ModelName": model,
        "TransformInput": {**source, "ContentType": "text/csv", "SplitType": "Line", **members.pop("input", {})},
        "TransformOutput": {
            "S3OutputPath": f"s3://{BUCKET}/tr/out/{name}",
            "Accept": "text/csv",
            "AssembleWith": "Line",
        },
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        **members,
    }
    hosting.sagemaker.create_transform_job(**request)
    return _end(hosting, name) if wait else {}


def _end(hosting: Hosting, name: str) -> dict:
    def over() -> dict | None:
        answer = hosting.sagemaker.describe_transform_job(TransformJobName=name)
        return answer if answer["TransformJobStatus"] in ("Completed", "Failed", "Stopped") else None

    return wait_until(over, 60)


def _read(hosting: Hosting, job: str, name: str) -> str:
    return hosting.s3.get_object(Bucket=BUCKET, Key=f"tr/out/{job}/{name}.out")["Body"].read().decode()


def test_outputs_are_joined_with_their_inputs(hosting: Hosting) -> None:
    processing = {"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"}
    answer = _run(hosting, "tr-join", "tr-sum", DataProcessing=processing)
    assert answer["TransformJobStatus"] == "Completed", answer
    assert _read(hosting, "tr-join", "one.csv") == "a,3.0\nb,7.0\n"
    assert _read(hosting, "tr-join", "more/two.csv") == "c,11.0\n"
    names = [item["TransformJobName"] for item in hosting.sagemaker.list_transform_jobs()["TransformJobSummaries"]]
    assert "tr-join" in names


def test_batches_and_environment(hosting: Hosting) -> None:
    packed = gzip.compress(b"1,2\n" * 5)
    hosting.s3.put_object(Bucket=BUCKET, Key="tr/packed/five.csv.gz", Body=packed)
    several = _run(
        hosting, "tr-several", "tr-count", "tr/packed/", input={"CompressionType": "Gzip"}, MaxPayloadInMB=3,
        DataCaptureConfig={"DestinationS3Uri": f"s3://{BUCKET}/tr/captured"},
    )  # fmt: skip
    assert several["TransformJobStatus"] == "Completed", several
    assert json.loads(_read(hosting, "tr-several", "five.csv.gz")) == [5, "true", "MULTI_RECORD", "3"]
    captured = hosting.s3.list_objects_v2(Bucket=BUCKET, Prefix="tr/captured/output/")["Contents"][0]["Key"]
    assert json.loads(hosting.s3.get_object(Bucket=BUCKET, Key=captured)["Body"].read())[1:] == ["five.csv.gz.out"]

    _run(
        hosting, "tr-single", "tr-count", "tr/packed/", input={"CompressionType": "Gzip"}, MaxConcurrentTransforms=3,
        BatchStrategy="SingleRecord",
    )  # fmt: skip
    lines = _read(hosting, "tr-single", "five.csv.gz").splitlines()
    assert [json.loads(line)[:3] for line in lines] == [[1, "true", "SINGLE_RECORD"]] * 5


def test_a_failing_model_fails_the_job_with_its_words(hosting: Hosting) -> None:
    answer = _run(hosting, "tr-bad", "tr-sum")
    assert answer["TransformJobStatus"] == "Failed"
    assert answer["FailureReason"] == (
        "ClientError: Bad HTTP status received from algorithm: 400. could not convert string to float: 'c'"
    )
    answer = _run(hosting, "tr-none", "tr-sum", "tr/nothing/")
    assert "No S3 objects found" in answer["FailureReason"]


def test_a_job_can_be_stopped(hosting: Hosting) -> None:
    hosting.s3.put_object(Bucket=BUCKET, Key="tr/long/many.csv", Body="1,2\n" * 1000)
    _run(
        hosting, "tr-stop", "tr-count", "tr/long/", wait=False, BatchStrategy="SingleRecord",
        Environment={"DELAY": "0.05"},
    )  # fmt: skip
    hosting.sagemaker.stop_transform_job(TransformJobName="tr-stop")
    assert _end(hosting, "tr-stop")["TransformJobStatus"] == "Stopped"
    with pytest.raises(ClientError, match="in status Stopped"):
        hosting.sagemaker.stop_transform_job(TransformJobName="tr-stop")


def test_formats_that_do_not_run_are_refused(hosting: Hosting) -> None:
    with pytest.raises(ClientError, match="SplitType RecordIO does not run"):
        _run(hosting, "tr-recordio", "tr-sum", input={"SplitType": "RecordIO"})
    with pytest.raises(ClientError, match="Could not find Model"):
        _run(hosting, "tr-nobody", "nobody")


@pytest.mark.parametrize(
    ("expression", "value", "expected"),
    [
        ("$", [1, 2], [1, 2]),
        ("$[1:]", ["a", "b", "c"], ["b", "c"]),
        ("$[:-1]", ["a", "b", "c"], ["a", "b"]),
        ("$[0]", ["a", "b"], "a"),
        ("$[-1]", ["a", "b"], "b"),
        ("$[0,2]", ["a", "b", "c"], ["a", "c"]),
        ("$.row.x", {"row": {"x": 1}}, 1),
        ("$['id','p']", {"id": 1, "p": 2, "q": 3}, {"id": 1, "p": 2}),
        ("$.SageMakerOutput[0]", {"SageMakerOutput": [0.5]}, 0.5),
    ],
)
def test_json_paths(expression: str, value: object, expected: object) -> None:
    assert Path(expression, "InputFilter").select(value) == expected


@pytest.mark.parametrize("expression", ["", "x", "$[", "$..a", "$[?(@.x)]", "$[a]"])
def test_other_json_paths_are_refused(expression: str) -> None:
    with pytest.raises(ValidationError, match="InputFilter"):
        Path(expression, "InputFilter")


def _plan(**members: object) -> Plan:
    request = {"TransformInput": {"SplitType": "Line"}, "TransformOutput": {"AssembleWith": "Line"}}
    return Plan({key: {**request.get(key, {}), **value} if isinstance(value, dict) else value
                 for key, value in {**request, **members}.items()})  # fmt: skip


def test_payloads_stay_below_the_limit() -> None:
    line = b"x" * 400_000
    plan = _plan(MaxPayloadInMB=1)
    sizes = [len(batch.payload) for batch in plan.batches(io.BytesIO(b"\n".join([line] * 5)), "f")]
    assert sizes == [800_002, 800_002, 400_001]
    with pytest.raises(BadRecord, match="f, line 2"):
        list(plan.batches(io.BytesIO(b"a\n" + line * 3), "f"))


def test_json_lines_are_joined() -> None:
    plan = _plan(
        TransformInput={"ContentType": "application/jsonlines"},
        DataProcessing={"InputFilter": "$.x", "JoinSource": "Input", "OutputFilter": "$['id','SageMakerOutput']"},
    )
    (batch,) = plan.batches(io.BytesIO(b'{"id": 1, "x": [1, 2]}\n{"id": 2, "x": [3, 4]}\n'), "f")
    assert batch.payload == b"[1, 2]\n[3, 4]\n"
    joined = [json.loads(line) for line in plan.output(batch, b'{"p": 0.1}\n{"p": 0.2}').splitlines()]
    assert joined == [{"id": 1, "SageMakerOutput": {"p": 0.1}}, {"id": 2, "SageMakerOutput": {"p": 0.2}}]
    with pytest.raises(BadRecord, match="answered 1 lines to 2 records"):
        plan.output(batch, b'{"p": 0.1}')
