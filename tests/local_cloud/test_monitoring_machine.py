"""The engine `processing` in the local cloud: the real state machine runs the real analyser for all four monitors."""

from __future__ import annotations

import io
import json
import tarfile
import time
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from fraud import event_types
from stacks.assets import pack_code
from stacks.config import MonitoringConfig, PlatformConfig
from stacks.monitoring import monitors_of
from stacks.monitoring.definition import build_definition
from stacks.monitoring.settings import MachineSettings
from stacks.names import Names
from stacks.network.placement import Placement
from tests.local_cloud.conftest import ACCOUNT, NEEDS_OPT_ML, REGION, Cloud, wait_until
from tests.local_cloud.stacks import IMAGE, ROLE, Stack
from tests.unit.model_data import NAMES, split_frame, write_splits
from tests.unit.test_evaluate import _package, _put

BUCKET, GROUP, ENDPOINT = "machine-monitors", "machine-models", "machine-endpoint"
MACHINE = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:machine-monitoring"
FACETS = {"facets": [{"name": "nights", "values": [0]}]}
CONFIG = PlatformConfig(
    environment="dev", monitoring=MonitoringConfig(engine="processing", settle_seconds=0, bias=FACETS)
)
NOW = datetime.now(timezone.utc).replace(minute=0, second=0, microsecond=0)
SHIFTED = NOW - timedelta(hours=5)

pytestmark = [NEEDS_OPT_ML, pytest.mark.timeout(600)]


def settings() -> MachineSettings:
    return MachineSettings(
        placement=Placement(),
        prefix="machine",
        monitors=monitors_of(CONFIG, Names(CONFIG)),
        monitoring=CONFIG.monitoring,
        image=IMAGE,
        code_uri=f"s3://{BUCKET}/assets/code.tar.gz",
        wheels_uri=f"s3://{BUCKET}/assets/wheels.tar",
        artifacts_bucket=BUCKET,
        captures_bucket=BUCKET,
        reports_bucket=BUCKET,
        data_key=f"arn:aws:kms:{REGION}:{ACCOUNT}:key/any",
        role=ROLE,
        endpoint=ENDPOINT,
        variant="primary",
        monitoring_stack="machine-monitoring",
        namespace="fraudstack",
    )


@pytest.fixture(scope="module")
def platform(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Cloud:
    """A registered model with its baselines, the state machine, and two hours of captures: as before, and drifted."""
    from fraud.features.schema import FeatureSchema
    from training_code.baselines import BaselineSettings, write_baselines
    from training_code.splits import read_split

    folder = tmp_path_factory.mktemp("machine")
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    package = _package()
    _put(package, folder / "model")
    write_splits(folder / "splits")
    schema = FeatureSchema.load(folder / "splits" / "schema")
    validation = read_split(folder / "splits" / "validation", schema, "validation")
    write_baselines(
        package, validation, folder / "model", folder / "baseline", BaselineSettings(facets=[("nights", (0,))])
    )
    for path in (folder / "baseline").rglob("*.json"):
        key = f"model-packages/{GROUP}/1/{path.relative_to(folder / 'baseline').as_posix()}"
        s3.put_object(Bucket=BUCKET, Key=key, Body=path.read_bytes())
    s3.put_object(Bucket=BUCKET, Key="runs/r/model.tar.gz", Body=(folder / "model" / "model.tar.gz").read_bytes())
    s3.put_object(Bucket=BUCKET, Key="assets/code.tar.gz", Body=pack_code(folder / "code.tar.gz").read_bytes())
    s3.put_object(Bucket=BUCKET, Key="assets/wheels.tar", Body=_no_wheels())
    _capture(s3, package, NOW - timedelta(hours=1), 1.0)
    _capture(s3, package, SHIFTED, 3.0)

    sagemaker = cloud.client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName=GROUP)
    container = {"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/runs/r/model.tar.gz"}
    types = {"SupportedContentTypes": ["text/csv"], "SupportedResponseMIMETypes": ["text/csv"]}
    arn = sagemaker.create_model_package(
        ModelPackageGroupName=GROUP, InferenceSpecification={"Containers": [container], **types}
    )["ModelPackageArn"]
    topic = {"Type": "AWS::SNS::Topic", "Properties": {}}
    parameters = {"ModelPackageArn": {"Type": "String"}}
    Stack(cloud, "machine-monitoring").deploy(
        {"Parameters": parameters, "Resources": {"T": topic}}, ModelPackageArn=arn
    )
    cloud.client("stepfunctions").create_state_machine(
        name="machine-monitoring", definition=json.dumps(build_definition(settings())), roleArn=ROLE
    )
    cloud.client("cloudwatch").put_metric_alarm(
        AlarmName="machine-drift-data",
        Namespace="fraudstack",
        MetricName="DriftedFeatures",
        Dimensions=[{"Name": "MonitoringSchedule", "Value": "fraudstack-dev-data-quality"}],
        Statistic="Maximum",
        Period=3600,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="notBreaching",
    )
    return cloud


def _no_wheels() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("requirements.txt"), io.BytesIO())
    return buffer.getvalue()


def _capture(s3: Any, package: Any, hour: datetime, factor: float) -> None:
    """Capture an hour's requests with amounts times `factor`, and know all of their labels."""
    frame = split_frame(rows=600, rate=0.2, seed=5)
    frame = frame.with_columns(frame["amount"] * factor)
    rows = frame.select(NAMES).rows()
    lines, labels = [], []
    for at, (row, label) in enumerate(zip(rows, frame["__label"].to_list(), strict=True)):
        features = ",".join("" if value is None else f"{value:.6g}" for value in row)
        score = 0.9 if label else 0.05 + at / 10_000
        metadata = {
            "eventId": f"{factor}-{at}",
            "inferenceId": f"{factor}-{at}",
            "inferenceTime": f"{hour + timedelta(seconds=at):%Y-%m-%dT%H:%M:%SZ}",
        }
        data = {
            "endpointInput": {"observedContentType": "text/csv", "mode": "INPUT", "data": features, "encoding": "CSV"},
            "endpointOutput": {
                "observedContentType": "text/csv",
                "mode": "OUTPUT",
                "data": f"{score}",
                "encoding": "CSV",
            },
        }
        lines.append({"captureData": data, "eventMetadata": metadata, "eventVersion": "0"})
        truth = {"data": str(label), "encoding": "CSV"}
        labels.append({"groundTruthData": truth, "eventMetadata": {"eventId": f"{factor}-{at}"}, "eventVersion": "0"})
    place = f"{hour:%Y/%m/%d/%H}"
    for prefix, documents in ((f"data-capture/{ENDPOINT}/primary", lines), ("ground-truth", labels)):
        body = "".join(json.dumps(document) + "\n" for document in documents)
        s3.put_object(Bucket=BUCKET, Key=f"{prefix}/{place}/00-00-000-a.jsonl", Body=body.encode())


def execute(cloud: Cloud, monitor: str, start: datetime, hours: int = 1) -> dict[str, Any]:
    steps = cloud.client("stepfunctions")
    window = {"start": f"{start:%Y-%m-%dT%H:%M:%SZ}", "end": f"{start + timedelta(hours=hours):%Y-%m-%dT%H:%M:%SZ}"}
    arn = steps.start_execution(stateMachineArn=MACHINE, input=json.dumps({"monitor": monitor, **window}))[
        "executionArn"
    ]
    deadline = time.monotonic() + 120
    while (execution := steps.describe_execution(executionArn=arn))["status"] == "RUNNING":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    return json.loads(execution["output"])


def files(cloud: Cloud, output: dict[str, Any]) -> set[str]:
    prefix = output["reportUri"].removeprefix(f"s3://{BUCKET}/")
    found = cloud.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=f"{prefix}/")["Contents"]
    return {item["Key"].rsplit("/", 1)[1] for item in found}


def metrics(cloud: Cloud, namespace: str) -> set[str]:
    found = cloud.client("cloudwatch").list_metrics(Namespace=f"aws/sagemaker/Endpoints/{namespace}")["Metrics"]
    return {metric["MetricName"] for metric in found}


def test_drift_is_found_published_and_raises_the_alarm(platform: Cloud) -> None:
    output = execute(platform, "data-quality", SHIFTED)
    assert output["status"] == "CompletedWithViolations" and output["violations"] > 0
    assert {"statistics.json", "constraint_violations.json", "run.json", "report.html"} <= files(platform, output)
    assert {"feature_baseline_drift_amount", "score_psi", "feature_data_amount"} <= metrics(platform, "data-metrics")
    alarms = platform.client("cloudwatch")
    wait_until(
        lambda: alarms.describe_alarms(AlarmNames=["machine-drift-data"])["MetricAlarms"][0]["StateValue"] == "ALARM"
    )
    history = platform.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="monitoring-history/")["Contents"]
    assert history[0]["Key"].endswith("/run.json")


@pytest.mark.parametrize(
    ("monitor", "namespace", "metric", "file"),
    [
        ("model-quality", "model-metrics", "recall", "statistics.json"),
        ("model-bias", "bias-metrics", "bias_metric_DPPL", "analysis.json"),
        ("model-explainability", "explainability-metrics", "feature_attribution_ndcg", "analysis.json"),
    ],
)
def test_each_monitor_runs(platform: Cloud, monitor: str, namespace: str, metric: str, file: str) -> None:
    output = execute(platform, monitor, NOW - timedelta(hours=1))
    assert output["status"] in ("Completed", "CompletedWithViolations"), output
    assert {file, "run.json", "report.html"} <= files(platform, output)
    assert metric in metrics(platform, namespace)


def test_an_hour_without_traffic_is_no_failure(platform: Cloud) -> None:
    output = execute(platform, "data-quality", NOW - timedelta(hours=30))
    assert output["status"] == "NoData" and output["reason"].startswith("Nothing was captured")


def test_a_deleted_machine_leaves_nothing_running(platform: Cloud) -> None:
    """The last test of the module: an execution's job ends with its machine."""
    steps, sagemaker = platform.client("stepfunctions"), platform.client("sagemaker")
    start = {"start": f"{SHIFTED:%Y-%m-%dT%H:%M:%SZ}", "end": f"{NOW:%Y-%m-%dT%H:%M:%SZ}"}
    steps.start_execution(stateMachineArn=MACHINE, input=json.dumps({"monitor": "data-quality", **start}))

    def running() -> list[dict[str, Any]]:
        found = sagemaker.list_processing_jobs(NameContains="machine-data-quality", StatusEquals="InProgress")
        return found["ProcessingJobSummaries"]

    (job,) = wait_until(running)
    steps.delete_state_machine(stateMachineArn=MACHINE)

    def status() -> str:
        return sagemaker.describe_processing_job(ProcessingJobName=job["ProcessingJobName"])["ProcessingJobStatus"]

    assert wait_until(lambda: (now := status()) not in ("InProgress", "Stopping") and now) == "Stopped"


def test_event_types_without_segments_have_no_bias_monitor() -> None:
    without = PlatformConfig(environment="dev", event_type="ulb")
    assert event_types.load("ulb").calendar == ()
    assert "model-bias" not in {monitor.kind for monitor in monitors_of(without, Names(without))}
