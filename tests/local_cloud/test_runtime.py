"""InvokeEndpoint: headers, errors as AWS reports them, limits, metrics, and the script-mode contract behind it."""

import contextlib
import io
import json
import time
from collections.abc import Iterator

import joblib
import numpy
import pytest
import xgboost
from botocore.exceptions import ClientError
from sklearn.linear_model import LinearRegression

from tests.local_cloud.conftest import Cloud, tar_gz, wait_until
from tests.local_cloud.hosting import BUCKET, IMAGE, ROLE, Hosting

ECHO = """
import json
class Teapot(Exception):
    status_code = 418
def model_fn(folder): return None
def transform_fn(model, body, content_type, accept):
    if body == "bad": raise ValueError("amount must be a number")
    if body == "bug": raise KeyError("secret")
    if body == "pot": raise Teapot("short and stout")
    return json.dumps([type(body).__name__, body if isinstance(body, str) else len(body), content_type, accept]), accept
"""


@pytest.fixture(scope="module")
def hosting(cloud: Cloud) -> Hosting:
    return Hosting(cloud)


@pytest.fixture(scope="module")
def echo(hosting: Hosting) -> Iterator[str]:
    hosting.config("echo", hosting.model("echo", code=ECHO))
    hosting.deploy("echo", "echo")
    yield "echo"
    hosting.delete("echo")


def test_types_reach_the_handler_as_in_the_prebuilt_containers(hosting: Hosting, echo: str) -> None:
    assert json.loads(hosting.ask(echo, "1,2")) == ["str", "1,2", "text/csv", "application/json"]
    answer = hosting.runtime.invoke_endpoint(
        EndpointName=echo, Body=b"\x00\xff", ContentType="application/x-parquet", Accept="text/csv"
    )
    assert json.loads(answer["Body"].read()) == ["bytes", 2, "application/x-parquet", "text/csv"]
    assert answer["ContentType"] == "text/csv"
    assert answer["InvokedProductionVariant"] == "primary"


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [("bad", 400, "amount must be a number"), ("bug", 500, "KeyError: 'secret'"), ("pot", 418, "short and stout")],
)
def test_errors_of_the_container(hosting: Hosting, echo: str, body: str, status: int, said: str) -> None:
    with pytest.raises(hosting.runtime.exceptions.ModelError) as caught:
        hosting.ask(echo, body)
    answer = caught.value.response
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert (answer["OriginalStatusCode"], answer["OriginalMessage"]) == (status, said)
    side = "client" if status < 500 else "server"
    assert f'Received {side} error ({status}) from primary with message "{said}".' in answer["Error"]["Message"]


def test_refusals(hosting: Hosting, echo: str) -> None:
    with pytest.raises(ClientError, match="Endpoint nobody of account 000000000000 not found") as caught:
        hosting.ask("nobody")
    assert caught.value.response["Error"]["Code"] == "ValidationError"
    with pytest.raises(ClientError, match="HTTP content length exceeded 6291456 bytes") as caught:
        hosting.ask(echo, "x" * 6_291_457)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413
    assert json.loads(hosting.ask(echo, "x" * 6_291_456))[0] == "str"
    with pytest.raises(ClientError, match="not available in the local cloud"):
        hosting.runtime.invoke_endpoint_with_response_stream(EndpointName=echo, Body=b"1")
    with pytest.raises(ClientError, match="longer than 1024"):
        hosting.ask(echo, CustomAttributes="x" * 1025)


def test_another_account_has_endpoints_of_its_own(hosting: Hosting, echo: str) -> None:
    stranger = hosting.cloud.client("sagemaker-runtime", account="111111111111")
    with pytest.raises(ClientError, match="of account 111111111111 not found"):
        stranger.invoke_endpoint(EndpointName=echo, Body=b"1")


def test_metrics_count_calls_and_errors(hosting: Hosting) -> None:
    hosting.config("counted", hosting.model("counted", code=ECHO))
    hosting.deploy("counted", "counted")
    for body in ("1", "2", "3", "bad", "bug"):
        with contextlib.suppress(ClientError):
            hosting.ask("counted", body)
    dimensions = [{"Name": "EndpointName", "Value": "counted"}, {"Name": "VariantName", "Value": "primary"}]

    def statistic(metric: str, name: str) -> float:
        now = time.time()
        points = hosting.cloud.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/SageMaker", MetricName=metric, Dimensions=dimensions, StartTime=now - 300, EndTime=now + 60,
            Period=600, Statistics=[name],
        )["Datapoints"]  # fmt: skip
        return sum(point[name] for point in points)

    wait_until(lambda: statistic("Invocations", "Sum") == 5, 10)
    assert statistic("Invocation4XXErrors", "Sum") == 1
    assert statistic("Invocation5XXErrors", "Sum") == 1
    assert 100 < statistic("ModelLatency", "Average") < 1e6
    assert 0 < statistic("OverheadLatency", "Average") < 1e5
    hosting.delete("counted")


def test_default_handlers_serve_models_without_code(hosting: Hosting) -> None:
    rows = numpy.array([[1.0, 2.0], [3.0, 5.0]])
    linear = LinearRegression().fit(rows, [1.0, 2.0])
    pickled = io.BytesIO()
    joblib.dump(linear, pickled)
    booster = xgboost.train({"max_depth": 1}, xgboost.DMatrix(rows, [1.0, 2.0]), 2)
    artifacts = {
        "plain-linear": {"model.joblib": pickled.getvalue()},
        "plain-xgb": {"xgboost-model": bytes(booster.save_raw())},
    }
    expected = {"plain-linear": linear.predict(rows), "plain-xgb": booster.inplace_predict(rows)}
    for name, files in artifacts.items():
        hosting.s3.put_object(Bucket=BUCKET, Key=f"models/{name}.tar.gz", Body=tar_gz(files))
        container = {"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/models/{name}.tar.gz"}
        hosting.sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer=container)
    hosting.config("plain", *artifacts)
    hosting.deploy("plain", "plain")
    for index, name in enumerate(artifacts):
        answer = hosting.ask("plain", "1,2\n3,5", TargetVariant=f"v{index}")
        assert json.loads(answer) == pytest.approx(expected[name].tolist(), rel=1e-6)
        answer = hosting.ask("plain", '{"instances": [[1, 2]]}', ContentType="application/json", Accept="text/csv")
        assert len(answer.splitlines()) == 1
    with pytest.raises(ClientError, match=r"\(415\).*image/png is not supported"):
        hosting.ask("plain", "1", ContentType="image/png")
    hosting.delete("plain")


def test_model_refusals_name_the_remedy(hosting: Hosting) -> None:
    def create(**members: object) -> None:
        hosting.sagemaker.create_model(ModelName="refused", ExecutionRoleArn=ROLE, **members)

    with pytest.raises(ClientError, match="one container that does all steps"):
        create(Containers=[{"Image": IMAGE}, {"Image": IMAGE}])
    with pytest.raises(ClientError, match="MultiModel does not run"):
        create(PrimaryContainer={"Image": IMAGE, "Mode": "MultiModel"})
    create(PrimaryContainer={"Image": "example.com/unknown:1"})
    hosting.config("refused", "refused")
    with pytest.raises(ClientError, match=r"does not know how to run the image example\.com/unknown:1"):
        hosting.sagemaker.create_endpoint(EndpointName="refused", EndpointConfigName="refused")
    assert "refused" not in hosting.endpoints()
