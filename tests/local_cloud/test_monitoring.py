"""Monitoring schedules: cron forms, runs on demand and at their time, windows, statuses, reports."""

import json
import urllib.error
import urllib.request
from datetime import datetime, timedelta, timezone

import pytest
from botocore.exceptions import ClientError

from local_cloud.sagemaker.errors import ValidationError
from local_cloud.sagemaker.monitoring import cron, executions, schedules
from tests.local_cloud.conftest import NEEDS_OPT_ML, Cloud, wait_until
from tests.local_cloud.hosting import BUCKET, IMAGE, ROLE, Hosting

# Counts captured lines; more than three of them are a violation.
ANALYSER = """
import json, os, pathlib
source = pathlib.Path(os.environ["dataset_source"])
files = sorted(source.rglob("*.jsonl"))
lines = sum(len(path.read_text().splitlines()) for path in files)
baseline = json.loads(pathlib.Path(os.environ["baseline_constraints"]).read_text())
out = pathlib.Path(os.environ["output_path"])
seen = {name: os.environ[name] for name in ("start_time", "end_time", "sagemaker_endpoint_name",
        "sagemaker_monitoring_schedule_name", "publish_cloudwatch_metrics", "dataset_format")}
(out / "statistics.json").write_text(json.dumps({"lines": lines, "environment": seen, "baseline": baseline,
        "files": [str(path.relative_to(source)) for path in files]}))
said = "Completed: Job completed successfully with no violations."
if lines > 3: said = "CompletedWithViolations: Job completed successfully with 1 violations."
if lines > 6: raise SystemExit("too much")
pathlib.Path("/opt/ml/output/message").write_text(said)
"""


@pytest.fixture(scope="module")
def hosting(cloud: Cloud) -> Hosting:
    hosting = Hosting(cloud)
    hosting.s3.put_object(Bucket=BUCKET, Key="mon/constraints.json", Body='{"version": 0.0}')
    hosting.s3.put_object(Bucket=BUCKET, Key="mon/analyse.py", Body=ANALYSER)
    return hosting


def _watched(hosting: Hosting, name: str) -> None:
    """An endpoint with captures, and a job definition for it, both of the name."""
    capture = {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": f"s3://{BUCKET}/mon/captures",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"]},
    }
    hosting.config(name, hosting.model(name), DataCaptureConfig=capture)
    hosting.deploy(name, name)
    output = {"S3Uri": f"s3://{BUCKET}/mon/reports", "LocalPath": "/opt/ml/processing/output"}
    hosting.sagemaker.create_data_quality_job_definition(
        JobDefinitionName=name,
        DataQualityAppSpecification={
            "ImageUri": IMAGE,
            "RecordPreprocessorSourceUri": f"s3://{BUCKET}/mon/analyse.py",
            "ContainerEntrypoint": ["bash", "-c", 'exec python3 "$record_preprocessor_script"'],
        },
        DataQualityBaselineConfig={"ConstraintsResource": {"S3Uri": f"s3://{BUCKET}/mon/constraints.json"}},
        DataQualityJobInput={"EndpointInput": {"EndpointName": name, "LocalPath": "/opt/ml/processing/input/endpoint"}},
        DataQualityJobOutputConfig={"MonitoringOutputs": [{"S3Output": output}]},
        JobResources={"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}},
        RoleArn=ROLE,
    )


def _schedule(
    hosting: Hosting, name: str, expression: str = "cron(0 * ? * * *)", kind: str = "DataQuality", **schedule: str
) -> None:
    hosting.sagemaker.create_monitoring_schedule(
        MonitoringScheduleName=name,
        MonitoringScheduleConfig={
            "ScheduleConfig": {"ScheduleExpression": expression, **schedule},
            "MonitoringJobDefinitionName": name,
            "MonitoringType": kind,
        },
    )
    # NOW may have run by then.
    wait_until(lambda: _status(hosting, name) != "Pending")


def _status(hosting: Hosting, name: str) -> str:
    return hosting.sagemaker.describe_monitoring_schedule(MonitoringScheduleName=name)["MonitoringScheduleStatus"]


def _post(hosting: Hosting, path: str) -> dict:
    scope = "AWS4-HMAC-SHA256 Credential=local/20000101/us-east-1/sagemaker/aws4_request, SignedHeaders=, Signature="
    url = f"{hosting.cloud.endpoint_url}/_local-cloud/monitoring-schedules/{path}"
    request = urllib.request.Request(url, method="POST", headers={"Authorization": scope})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())


def _runs(hosting: Hosting, name: str) -> list[dict]:
    answer = hosting.sagemaker.list_monitoring_executions(MonitoringScheduleName=name, SortOrder="Ascending")
    return answer["MonitoringExecutionSummaries"]


@NEEDS_OPT_ML
def test_runs_on_demand(hosting: Hosting) -> None:
    _watched(hosting, "mon")
    _schedule(hosting, "mon")
    described = hosting.sagemaker.describe_monitoring_schedule(MonitoringScheduleName="mon")
    assert (described["MonitoringScheduleStatus"], described["EndpointName"]) == ("Scheduled", "mon")

    assert _post(hosting, "mon/run")["MonitoringExecutionStatus"] == "Failed"
    assert _runs(hosting, "mon")[0]["FailureReason"] == "Job inputs had no data"

    for body in ("1", "2"):
        hosting.ask("mon", body)
    # The command line is another way to the same.
    answer = json.loads(hosting.cloud.run("run-schedule", "mon").stdout)
    assert answer["MonitoringExecutionStatus"] == "Completed", answer
    hour = datetime.fromtimestamp(answer["ScheduledTime"], timezone.utc)
    key = f"mon/reports/mon/mon/{hour:%Y/%m/%d/%H}/statistics.json"
    report = json.loads(hosting.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
    assert report["lines"] == 2
    assert report["files"][0].startswith("mon/primary/20")
    assert report["baseline"] == {"version": 0.0}
    seen = report["environment"]
    assert (seen["sagemaker_endpoint_name"], seen["sagemaker_monitoring_schedule_name"]) == ("mon", "mon")
    assert json.loads(seen["dataset_format"]) == {
        "sagemakerCaptureJson": {"captureIndexNames": ["endpointInput", "endpointOutput"]}
    }
    begin, end = (datetime.strptime(seen[name], "%Y-%m-%dT%H:%M:%SZ") for name in ("start_time", "end_time"))
    assert end - begin == timedelta(hours=1, minutes=1)

    for body in "3456":
        hosting.ask("mon", body)
    assert _post(hosting, "mon/run")["MonitoringExecutionStatus"] == "CompletedWithViolations"
    hosting.ask("mon", "7")
    assert "too much" in _post(hosting, "mon/run")["FailureReason"]
    assert [run["MonitoringExecutionStatus"] for run in _runs(hosting, "mon")] == [
        "Failed", "Completed", "CompletedWithViolations", "Failed",
    ]  # fmt: skip
    last = hosting.sagemaker.describe_monitoring_schedule(MonitoringScheduleName="mon")[
        "LastMonitoringExecutionSummary"
    ]
    job = hosting.sagemaker.describe_processing_job(ProcessingJobName=last["ProcessingJobArn"].rpartition("/")[2])
    assert job["MonitoringScheduleArn"] == described["MonitoringScheduleArn"]
    assert job["ProcessingJobName"].startswith("model-monitoring-")
    assert "Contents" not in hosting.s3.list_objects_v2(Bucket=BUCKET, Prefix="mon/captures/manifests/")

    # A window of another hour has nothing to say.
    past = _post(hosting, "mon/run?start=2020-01-01T00:00:00Z&end=2020-01-01T01:00:00Z")
    assert past["FailureReason"] == "Job inputs had no data"
    with pytest.raises(urllib.error.HTTPError) as caught:
        _post(hosting, "mon/run?start=yesterday")
    assert b"must be a time" in caught.value.read()
    hosting.delete("mon")


def test_now_runs_once_with_its_offsets(hosting: Hosting) -> None:
    _watched(hosting, "once")
    hosting.ask("once", "1")
    _schedule(hosting, "once", "NOW", DataAnalysisStartTime="-PT1H", DataAnalysisEndTime="PT1M")
    wait_until(lambda: _runs(hosting, "once") and _runs(hosting, "once")[0]["MonitoringExecutionStatus"] == "Completed")
    assert len(_runs(hosting, "once")) == 1
    hosting.sagemaker.delete_monitoring_schedule(MonitoringScheduleName="once")
    hosting.delete("once")


def test_status_transitions_and_refusals(hosting: Hosting) -> None:
    sagemaker = hosting.sagemaker
    _watched(hosting, "states")
    _schedule(hosting, "states")

    def status() -> str:
        return sagemaker.describe_monitoring_schedule(MonitoringScheduleName="states")["MonitoringScheduleStatus"]

    sagemaker.stop_monitoring_schedule(MonitoringScheduleName="states")
    assert status() == "Stopped"
    sagemaker.start_monitoring_schedule(MonitoringScheduleName="states")
    # As on AWS, nothing can be done with a schedule that is Pending.
    for change in (sagemaker.stop_monitoring_schedule, sagemaker.delete_monitoring_schedule):
        with pytest.raises(ClientError, match="is Pending"):
            change(MonitoringScheduleName="states")
    wait_until(lambda: status() == "Scheduled")
    with pytest.raises(ClientError, match="not Stopped"):
        sagemaker.start_monitoring_schedule(MonitoringScheduleName="states")
    config = sagemaker.describe_monitoring_schedule(MonitoringScheduleName="states")["MonitoringScheduleConfig"]
    config["ScheduleConfig"] = {"ScheduleExpression": "cron(0 6 ? * * *)"}
    sagemaker.update_monitoring_schedule(MonitoringScheduleName="states", MonitoringScheduleConfig=config)
    wait_until(lambda: status() == "Scheduled")
    listed = sagemaker.list_monitoring_schedules(EndpointName="states")["MonitoringScheduleSummaries"]
    assert [item["MonitoringJobDefinitionName"] for item in listed] == ["states"]
    config["ScheduleConfig"] = {"ScheduleExpression": "rate(5 minutes)"}
    with pytest.raises(ClientError, match="ScheduleExpression"):
        sagemaker.update_monitoring_schedule(MonitoringScheduleName="states", MonitoringScheduleConfig=config)
    with pytest.raises(ClientError, match="nobody"):
        _schedule(hosting, "nobody")
    sagemaker.delete_monitoring_schedule(MonitoringScheduleName="states")
    with pytest.raises(ClientError, match="Could not find"):
        status()
    definitions = sagemaker.list_data_quality_job_definitions(EndpointName="states")["JobDefinitionSummaries"]
    assert [item["MonitoringJobDefinitionName"] for item in definitions] == ["states"]
    sagemaker.delete_data_quality_job_definition(JobDefinitionName="states")
    hosting.delete("states")


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("expression", "now", "due", "start"),
    [
        ("cron(0 * ? * * *)", "2026-03-01T10:00:00", "2026-03-01T11:00:00", "2026-03-01T10:00:00"),
        ("cron(0 * ? * * *)", "2026-12-31T23:59:59", "2027-01-01T00:00:00", "2026-12-31T23:00:00"),
        ("cron(0 6 ? * * *)", "2026-03-01T06:00:00", "2026-03-02T06:00:00", "2026-03-01T06:00:00"),
        ("cron(0 0/6 ? * * *)", "2026-03-01T07:30:00", "2026-03-01T12:00:00", "2026-03-01T06:00:00"),
        ("cron(0 17/12 ? * * *)", "2026-03-01T00:00:00", "2026-03-01T05:00:00", "2026-02-28T17:00:00"),
    ],
)
def test_cron_forms(expression: str, now: str, due: str, start: str) -> None:
    schedule = cron.parse(expression)
    assert schedule.after(_at(now)) == _at(due)
    assert schedule.window(_at(due)) == (_at(start), _at(due))


@pytest.mark.parametrize(
    "expression", ["cron(5 * ? * * *)", "cron(0 25 ? * * *)", "cron(0 * ? * MON *)", "rate(1 hour)"]
)
def test_other_cron_forms_are_refused(expression: str) -> None:
    with pytest.raises(ValidationError, match="ScheduleExpression"):
        cron.parse(expression)


def test_offsets() -> None:
    assert cron.offset("-PT1H", "x") == timedelta(hours=-1)
    assert cron.offset("-P1DT30M", "x") == timedelta(days=-1, minutes=-30)
    with pytest.raises(ValidationError, match="x must be a duration"):
        cron.offset("-P", "x")


def test_the_clock_starts_what_is_due_and_nothing_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    started = []
    monkeypatch.setattr(executions, "start", lambda record, *times: started.append((record["Name"], *times)))
    monkeypatch.setattr(schedules.hooks, "scope", lambda account, region, function: function)
    source = {"EndpointInput": {"EndpointName": "e", "LocalPath": "/opt/ml/x"}}
    job = {
        "MonitoringInputs": [source],
        "MonitoringOutputConfig": {"MonitoringOutputs": [{"S3Output": {"S3Uri": "s3://b/x", "LocalPath": "/o"}}]},
        "MonitoringAppSpecification": {"ImageUri": IMAGE},
        "MonitoringResources": {},
        "RoleArn": ROLE,
    }
    config = {"ScheduleConfig": {"ScheduleExpression": "cron(0 * ? * * *)"}, "MonitoringJobDefinition": job}
    due = _at("2026-03-01T11:00:00")
    record = {
        "Name": "hourly", "MonitoringScheduleStatus": "Scheduled", "MonitoringType": "DataQuality",
        "MonitoringScheduleConfig": config, "NextRun": due.timestamp(),
    }  # fmt: skip
    stopped = {**record, "Name": "stopped", "MonitoringScheduleStatus": "Stopped"}
    rows = [(("a", "r", schedules.KIND, row["Name"]), row) for row in (record, stopped)]
    monkeypatch.setattr(schedules.STORE, "everywhere", lambda: iter(rows))
    for second in (-1, 0, 1, 2):
        schedules.tick(due.timestamp() + second)
    assert started == [("hourly", due, _at("2026-03-01T10:00:00"), due)]
    schedules.tick(due.timestamp() + 3600)
    assert len(started) == 2

    source["EndpointInput"] |= {"StartTimeOffset": "-P1D", "EndTimeOffset": "-PT1H"}
    window = schedules.window(config, source["EndpointInput"], due)
    assert window == (_at("2026-02-28T11:00:00"), _at("2026-03-01T10:00:00"))
