"""Endpoints against a real server: deployments under fire, rollbacks, weights, restarts of dead processes."""

import contextlib
import json
import random
from collections import Counter
from collections.abc import Iterator

import psutil
import pytest
from botocore.exceptions import ClientError

from tests.local_cloud.conftest import Cloud, tar_gz, wait_until
from tests.local_cloud.hosting import Hosting

BROKEN = "def model_fn(folder):\n    raise RuntimeError('no such model')\n"
FAULTY = "def model_fn(folder): return 0\ndef transform_fn(model, body, content_type, accept): raise OSError('disk')\n"


@pytest.fixture(scope="module")
def hosting(cloud: Cloud) -> Hosting:
    return Hosting(cloud)


@pytest.fixture(scope="module")
def endpoint(hosting: Hosting) -> Iterator[str]:
    """An endpoint that multiplies by 1; tests leave it so."""
    for name, factor in (("one", 1.0), ("two", 2.0)):
        hosting.config(f"ep-{name}", hosting.model(f"ep-{name}", factor, DELAY="0.01"))
    answer = hosting.deploy("ep", "ep-one")
    assert answer["EndpointStatus"] == "InService", answer
    yield "ep"
    hosting.delete("ep")


def _blue_green(kind: str, termination: int = 0, alarms: tuple[str, ...] = (), **routing: object) -> dict:
    policy = {
        "TrafficRoutingConfiguration": {"Type": kind, "WaitIntervalInSeconds": 50, **routing},
        "TerminationWaitInSeconds": termination,
    }
    rollback = {"Alarms": [{"AlarmName": name} for name in alarms]}
    return {"BlueGreenUpdatePolicy": policy, **({"AutoRollbackConfiguration": rollback} if alarms else {})}


def _percent(value: int) -> dict:
    return {"Type": "CAPACITY_PERCENT", "Value": value}


@pytest.mark.parametrize(
    "policy",
    [
        _blue_green("ALL_AT_ONCE"),
        _blue_green("CANARY", CanarySize=_percent(30), termination=20),
        _blue_green("LINEAR", LinearStepSize=_percent(34)),
        {"RollingUpdatePolicy": {"MaximumBatchSize": _percent(50), "WaitIntervalInSeconds": 20}},
    ],
    ids=["all-at-once", "canary", "linear", "rolling"],
)
def test_an_update_under_fire_drops_no_request(hosting: Hosting, endpoint: str, policy: dict) -> None:
    with hosting.fire(endpoint) as fire:
        wait_until(lambda: len(fire.answers) > 20)
        hosting.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName="ep-two", DeploymentConfig=policy)
        answer = hosting.settled(endpoint)
        after = len(fire.answers)
        wait_until(lambda: len(fire.answers) > after + 20)
    assert fire.errors == []
    assert answer["EndpointConfigName"] == "ep-two"
    assert "FailureReason" not in answer
    assert answer["LastDeploymentConfig"] == policy
    counts = Counter(fire.answers)
    assert set(counts) == {"1.0\n", "2.0\n"}
    assert set(fire.answers[-10:]) == {"2.0\n"}
    if policy.get("BlueGreenUpdatePolicy", {}).get("TrafficRoutingConfiguration", {}).get("Type") == "CANARY":
        # While the canary runs both fleets answer, in turns.
        first, last = fire.answers.index("2.0\n"), len(fire.answers) - 1 - fire.answers[::-1].index("1.0\n")
        mixed = fire.answers[first:last]
        assert 0.1 < mixed.count("2.0\n") / len(mixed) < 0.6
    hosting.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName="ep-one")
    assert hosting.settled(endpoint)["EndpointConfigName"] == "ep-one"


def test_a_container_that_fails_its_ping_rolls_back_and_the_old_one_goes_on(hosting: Hosting, endpoint: str) -> None:
    hosting.config("ep-broken", hosting.model("ep-broken", code=BROKEN))
    with hosting.fire(endpoint) as fire:
        wait_until(lambda: len(fire.answers) > 5)
        hosting.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName="ep-broken")
        answer = hosting.settled(endpoint)
        after = len(fire.answers)
        wait_until(lambda: len(fire.answers) > after + 5)
    assert (answer["EndpointStatus"], answer["EndpointConfigName"]) == ("InService", "ep-one")
    assert answer["FailureReason"].startswith(
        "The primary container for production variant primary did not pass the ping health check. "
        "Please check CloudWatch logs for this endpoint."
    )
    assert "no such model" in answer["FailureReason"]
    assert fire.errors == []
    assert set(fire.answers) == {"1.0\n"}


def test_an_alarm_rolls_the_canary_back(hosting: Hosting, endpoint: str) -> None:
    hosting.config("ep-faulty", hosting.model("ep-faulty", code=FAULTY))
    hosting.cloud.client("cloudwatch").put_metric_alarm(
        AlarmName="ep-5xx",
        Namespace="AWS/SageMaker",
        MetricName="Invocation5XXErrors",
        Dimensions=[{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": "primary"}],
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )
    policy = _blue_green("CANARY", CanarySize=_percent(20), alarms=("ep-5xx",))
    policy["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]["WaitIntervalInSeconds"] = 1000
    with hosting.fire(endpoint) as fire:
        hosting.sagemaker.update_endpoint(
            EndpointName=endpoint, EndpointConfigName="ep-faulty", DeploymentConfig=policy
        )
        answer = hosting.settled(endpoint)
        failed = len(fire.errors)
        after = len(fire.answers)
        wait_until(lambda: len(fire.answers) > after + 20)
    assert (answer["EndpointStatus"], answer["EndpointConfigName"]) == ("InService", "ep-one")
    assert "ep-5xx" in answer["FailureReason"]
    assert failed > 0
    # A call that was under way when the status changed may still be counted, no more.
    assert len(fire.errors) <= failed + 3
    with pytest.raises(ClientError, match="alarms that do not exist: nobody"):
        hosting.sagemaker.update_endpoint(
            EndpointName=endpoint,
            EndpointConfigName="ep-two",
            DeploymentConfig=_blue_green("ALL_AT_ONCE", alarms=("nobody",)),
        )


def test_a_first_deployment_that_fails_says_why(hosting: Hosting) -> None:
    hosting.config("never", hosting.model("never", code=BROKEN))
    answer = hosting.deploy("never", "never")
    assert answer["EndpointStatus"] == "Failed"
    assert "did not pass the ping health check" in answer["FailureReason"]
    with pytest.raises(ClientError, match="Endpoint never of account 000000000000 not found"):
        hosting.ask("never")
    hosting.s3.delete_object(Bucket="hosting", Key="models/never.tar.gz")
    hosting.delete("never")
    answer = hosting.deploy("never", "never")
    assert "models/never.tar.gz" in answer["FailureReason"]
    hosting.delete("never")
    whole = tar_gz({"factor.txt": "1", "padding": random.Random(1).randbytes(5000)})
    for damaged in (whole[:-2000], whole[:2000] + bytes(50) + whole[2050:], b""):
        hosting.s3.put_object(Bucket="hosting", Key="models/never.tar.gz", Body=damaged)
        answer = hosting.deploy("never", "never")
        assert "never.tar.gz is not a tar.gz archive that is whole" in answer["FailureReason"]
        hosting.delete("never")


def test_deleting_in_the_middle_of_an_update_leaves_no_process(hosting: Hosting) -> None:
    for name in ("mid-1", "mid-2"):
        hosting.config(name, hosting.model(name, float(name[-1])))
    hosting.deploy("mid", "mid-1")
    policy = _blue_green("LINEAR", LinearStepSize=_percent(60))
    policy["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]["WaitIntervalInSeconds"] = 1000
    hosting.sagemaker.update_endpoint(EndpointName="mid", EndpointConfigName="mid-2", DeploymentConfig=policy)
    wait_until(lambda: hosting.ask("mid", "1") == "2.0\n")
    before = len(_serving(hosting.cloud))
    hosting.delete("mid")
    # Each model is a process and its supervisor.
    wait_until(lambda: len(_serving(hosting.cloud)) == before - 4, 10)


def test_weights_route_and_can_be_changed_and_retained(hosting: Hosting) -> None:
    hosting.config("ab", hosting.model("ab-1", 1.0), hosting.model("ab-2", 2.0), weights=[3.0, 1.0])
    hosting.config("ab-next", "ab-1", "ab-2", weights=[1.0, 1.0])
    answer = hosting.deploy("ab", "ab")
    assert [item["CurrentWeight"] for item in answer["ProductionVariants"]] == [3.0, 1.0]
    share = [hosting.ask("ab", "1") for _ in range(200)].count("2.0\n") / 200
    assert 0.12 < share < 0.40
    assert {hosting.ask("ab", "1", TargetVariant="v1") for _ in range(10)} == {"2.0\n"}
    with pytest.raises(ClientError, match="Variant v7 not found"):
        hosting.ask("ab", "1", TargetVariant="v7")

    hosting.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName="ab",
        DesiredWeightsAndCapacities=[
            {"VariantName": "v0", "DesiredWeight": 0.0, "DesiredInstanceCount": 4},
            {"VariantName": "v1", "DesiredWeight": 5.0},
        ],
    )
    hosting.settled("ab")
    assert {hosting.ask("ab", "1") for _ in range(20)} == {"2.0\n"}

    hosting.sagemaker.update_endpoint(
        EndpointName="ab",
        EndpointConfigName="ab-next",
        RetainAllVariantProperties=True,
        ExcludeRetainedVariantProperties=[{"VariantPropertyType": "DesiredWeight"}],
    )
    first, second = hosting.settled("ab")["ProductionVariants"]
    assert (first["CurrentInstanceCount"], first["CurrentWeight"]) == (4, 1.0)
    assert (second["CurrentInstanceCount"], second["CurrentWeight"]) == (1, 1.0)
    hosting.delete("ab")


def test_a_dead_process_is_started_again(hosting: Hosting, endpoint: str) -> None:
    models = _serving(hosting.cloud)
    assert models
    for process in models:
        process.kill()
    # A request that reaches a process while it dies is lost, as on AWS.
    psutil.wait_procs(models, timeout=10)
    assert hosting.ask(endpoint, "1") == "1.0\n"


def test_endpoints_come_back_after_a_kill_of_the_server_and_leave_no_process(own_cloud: Cloud) -> None:
    own_cloud.run("up")
    hosting = Hosting(own_cloud)
    hosting.config("back", hosting.model("back", 3.0))
    hosting.deploy("back", "back")
    wait_until(lambda: _persisted(own_cloud, "back"))
    children = _serving(own_cloud)
    assert children
    _server(own_cloud).kill()
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []
    own_cloud.run("up")
    assert Hosting.ask(hosting, "back", "1") == "3.0\n"
    assert hosting.sagemaker.describe_endpoint(EndpointName="back")["EndpointStatus"] == "InService"
    own_cloud.run("reset")
    assert hosting.endpoints() == []
    wait_until(lambda: not _serving(own_cloud), 10)


def _server(cloud: Cloud) -> psutil.Process:
    return psutil.Process(json.loads((cloud.state_dir / "server.json").read_text())["pid"])


def _serving(cloud: Cloud) -> list[psutil.Process]:
    """Processes of models, and their supervisors."""
    found = []
    for process in _server(cloud).children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if "--model-dir" in process.cmdline():
                found.append(process)
    return found


def _persisted(cloud: Cloud, endpoint: str) -> bool:
    path = cloud.state_dir / "services" / "sagemaker.json"
    return path.exists() and '"InService"' in path.read_text() and endpoint in path.read_text()


def test_state_changes_are_announced_on_the_bus(hosting: Hosting) -> None:
    events, queues = hosting.cloud.client("events"), hosting.cloud.client("sqs")
    queue = queues.create_queue(QueueName="endpoint-events")["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Endpoint State Change"],
        "detail": {"EndpointName": ["told"]},
    }
    events.put_rule(Name="endpoint-events", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="endpoint-events", Targets=[{"Id": "queue", "Arn": arn}])
    hosting.config("told", hosting.model("told"))
    hosting.deploy("told", "told")
    hosting.delete("told")
    seen: list[str] = []

    def all_told() -> bool:
        for message in queues.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
            seen.append(json.loads(message["Body"])["detail"]["EndpointStatus"])
            queues.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return len(seen) >= 3

    wait_until(all_told, 10)
    assert seen == ["CREATING", "IN_SERVICE", "DELETING"]
