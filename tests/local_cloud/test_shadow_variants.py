"""Shadow variants: copies of requests that the caller never notices, captured and counted under a name of their own."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_cloud.conftest import Cloud, unique, wait_until
from tests.local_cloud.hosting import BUCKET, Hosting

FAULTY = "def model_fn(folder): return 0\ndef transform_fn(model, body, content_type, accept): raise OSError('disk')\n"
CAPTURE = {
    "EnableCapture": True,
    "InitialSamplingPercentage": 100,
    "DestinationS3Uri": f"s3://{BUCKET}/shadows",
    "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
    "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"]},
}


@pytest.fixture(scope="module")
def hosting(cloud: Cloud) -> Hosting:
    return Hosting(cloud)


def _shadow(model: str, weight: float = 1.0) -> dict[str, Any]:
    return {
        "VariantName": "challenger",
        "ModelName": model,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
        "InitialVariantWeight": weight,
    }


@pytest.fixture(scope="module")
def models(hosting: Hosting) -> dict[str, str]:
    return {
        "one": hosting.model("sh-one", 1.0),
        "two": hosting.model("sh-two", 2.0),
        "slow": hosting.model("sh-slow", 2.0, DELAY="1.0"),
        "faulty": hosting.model("sh-faulty", code=FAULTY),
    }


@pytest.fixture
def shadowed(hosting: Hosting, models: dict[str, str]) -> Iterator[Any]:
    """Deploys endpoints of `one` with a shadow variant; they are deleted at the test's end."""
    made = []

    def deploy(shadow: str, weight: float = 1.0) -> str:
        name = unique("shadowed")
        variants = [_shadow(models[shadow], weight)]
        hosting.config(name, models["one"], ShadowProductionVariants=variants, DataCaptureConfig=CAPTURE)
        answer = hosting.deploy(name, name)
        assert answer["EndpointStatus"] == "InService", answer
        made.append(name)
        return name

    yield deploy
    for name in made:
        hosting.delete(name)


def _captured(hosting: Hosting, endpoint: str, variant: str) -> dict[str, str]:
    """Captured answers by inference id."""
    lines = hosting.lines(f"shadows/{endpoint}/{variant}/")
    return {
        line["eventMetadata"].get("inferenceId", ""): line["captureData"]["endpointOutput"]["data"] for line in lines
    }


def _sums(hosting: Hosting, endpoint: str, variant: str, metric: str) -> float:
    dimensions = [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": variant}]
    points = hosting.cloud.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName=metric,
        Dimensions=dimensions,
        StartTime=time.time() - 3600,
        EndTime=time.time() + 60,
        Period=3600,
        Statistics=["Sum"],
    )["Datapoints"]
    return sum(point["Sum"] for point in points)


def test_the_caller_gets_the_production_answer_and_the_shadow_is_captured_beside_it(
    hosting: Hosting, shadowed: Any
) -> None:
    endpoint = shadowed("two")
    described = hosting.sagemaker.describe_endpoint(EndpointName=endpoint)
    assert [item["VariantName"] for item in described["ShadowProductionVariants"]] == ["challenger"]
    assert [item["VariantName"] for item in described["ProductionVariants"]] == ["primary"]
    ids = [f"t-{number}" for number in range(8)]
    answers = {hosting.ask(endpoint, "1", InferenceId=name) for name in ids}
    assert answers == {"1.0\n"}
    with pytest.raises(ClientError, match="Variant challenger not found"):
        hosting.ask(endpoint, "1", TargetVariant="challenger")
    wait_until(lambda: len(_captured(hosting, endpoint, "challenger")) == len(ids), 20)
    assert _captured(hosting, endpoint, "challenger") == dict.fromkeys(ids, "2.0\n")
    assert _captured(hosting, endpoint, "primary") == dict.fromkeys(ids, "1.0\n")
    wait_until(lambda: _sums(hosting, endpoint, "challenger", "Invocations") == len(ids), 10)
    assert _sums(hosting, endpoint, "primary", "Invocations") == len(ids)


def test_the_ratio_of_weights_is_the_share_of_copies_and_can_be_changed(hosting: Hosting, shadowed: Any) -> None:
    endpoint = shadowed("two", weight=0.25)
    for number in range(120):
        hosting.ask(endpoint, "1", InferenceId=str(number))
    hosting.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=endpoint,
        DesiredWeightsAndCapacities=[{"VariantName": "challenger", "DesiredWeight": 0.0, "DesiredInstanceCount": 2}],
    )
    (variant,) = hosting.settled(endpoint)["ShadowProductionVariants"]
    assert (variant["CurrentWeight"], variant["CurrentInstanceCount"]) == (0.0, 2)
    for number in range(20):
        hosting.ask(endpoint, "1", InferenceId=f"later-{number}")
    wait_until(lambda: len(_captured(hosting, endpoint, "primary")) == 140, 20)
    # The variants' files are written at different moments.
    wait_until(lambda: len(_captured(hosting, endpoint, "challenger")) >= 12, 20)
    copied = _captured(hosting, endpoint, "challenger")
    assert len(copied) <= 52
    assert not [name for name in copied if name.startswith("later")]


def test_a_slow_or_failing_shadow_costs_the_caller_nothing(hosting: Hosting, shadowed: Any) -> None:
    slow, faulty = shadowed("slow"), shadowed("faulty")
    began = time.perf_counter()
    assert {hosting.ask(slow, "1") for _ in range(5)} == {"1.0\n"}
    # One copy alone takes a second.
    assert time.perf_counter() - began < 1.0
    assert {hosting.ask(faulty, "1") for _ in range(5)} == {"1.0\n"}
    wait_until(lambda: _sums(hosting, faulty, "challenger", "Invocation5XXErrors") == 5, 10)
    assert _sums(hosting, faulty, "primary", "Invocation5XXErrors") == 0
    # Copies that are under way when the endpoint goes are waited for, not broken off.
    wait_until(lambda: _sums(hosting, slow, "challenger", "Invocations") == 5, 20)


def test_a_shadow_joins_and_leaves_under_guardrails_and_drops_no_request(
    hosting: Hosting, models: dict[str, str]
) -> None:
    hosting.config("sh-alone", models["one"])
    hosting.config("sh-with", models["one"], ShadowProductionVariants=[_shadow(models["two"])])
    hosting.deploy("sh", "sh-alone")
    routing = {
        "Type": "CANARY",
        "WaitIntervalInSeconds": 20,
        "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 50},
    }
    policy = {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing}}
    with hosting.fire("sh") as fire:
        for name in ("sh-with", "sh-alone"):
            hosting.sagemaker.update_endpoint(EndpointName="sh", EndpointConfigName=name, DeploymentConfig=policy)
            answer = hosting.settled("sh")
            assert answer["EndpointConfigName"] == name, answer
            assert ("ShadowProductionVariants" in answer) == (name == "sh-with")
    assert fire.errors == []
    assert set(fire.answers) == {"1.0\n"}
    hosting.delete("sh")


def test_one_shadow_of_one_production_variant(hosting: Hosting, models: dict[str, str]) -> None:
    with pytest.raises(ClientError, match="one production variant and one shadow variant"):
        hosting.config("no", models["one"], models["two"], ShadowProductionVariants=[_shadow(models["two"])])
    with pytest.raises(ClientError, match="Variant names must differ"):
        hosting.config(
            "no", models["one"], ShadowProductionVariants=[{**_shadow(models["two"]), "VariantName": "primary"}]
        )


def test_guardrails_refuse_another_set_of_variants_and_scaled_ones_cannot_be_removed(
    hosting: Hosting, models: dict[str, str]
) -> None:
    hosting.config("va-one", models["one"])
    hosting.config("va-two", models["one"], models["two"])
    hosting.deploy("va", "va-two")
    policy = {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE"}}}
    policy["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]["WaitIntervalInSeconds"] = 0
    with pytest.raises(ClientError, match="same variant names before"):
        hosting.sagemaker.update_endpoint(EndpointName="va", EndpointConfigName="va-one", DeploymentConfig=policy)
    scaling = hosting.cloud.client("application-autoscaling")
    target = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": "endpoint/va/variant/v1",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
    scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=2)
    with pytest.raises(ClientError, match="must be deregistered as scalable targets"):
        hosting.sagemaker.update_endpoint(EndpointName="va", EndpointConfigName="va-one")
    scaling.deregister_scalable_target(**target)
    hosting.sagemaker.update_endpoint(EndpointName="va", EndpointConfigName="va-one")
    assert hosting.settled("va")["EndpointConfigName"] == "va-one"
    hosting.delete("va")
