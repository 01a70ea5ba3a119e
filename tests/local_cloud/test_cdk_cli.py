"""The real CDK CLI: bootstrap, deploy, diff, promotion beside it, a later deploy, destroy."""

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from fraud.features.schema import Feature, FeatureSchema
from scripts import preflight as preflight_command
from scripts.cdk import run_cdk
from tests.infra.conftest import CONCERNS
from tests.local_cloud import project
from tests.local_cloud.conftest import ACCOUNT, REGION, REPOSITORY, Cloud, free_port, tar_gz, wait_until
from tests.local_cloud.stacks import Stack, container, edit_template, upload_model

NAME = "fraudstack-dev"
PROMOTION = f"arn:aws:iam::{ACCOUNT}:role/promotion-of-the-test"


class Cdk:
    """The CLI on a copy of the dev assembly; each call returns its exit code and output."""

    def __init__(self, cloud: Cloud, assembly: Path):
        self.cloud, self.assembly = cloud, assembly

    def __call__(self, *arguments: str) -> tuple[int, str]:
        lines: list[str] = []
        code = run_cdk([*arguments, "--app", str(self.assembly)], self.cloud.endpoint_url, on_line=lines.append)
        return code, "\n".join(lines)

    def deploy(self, *stacks: str) -> str:
        code, output = self("deploy", *(stacks or ("--all",)), "--require-approval", "never", "--progress", "events")
        assert code == 0, output
        return output

    def change_serving(self, alarm_threshold: int) -> None:
        """Another threshold for one of the serving stack's alarms."""

        def change(template: dict[str, Any]) -> None:
            alarms = [item for item in template["Resources"].values() if item["Type"] == "AWS::CloudWatch::Alarm"]
            alarms[0]["Properties"]["Threshold"] = alarm_threshold

        edit_template(self.assembly, f"{NAME}-serving", change)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A server of this module's own: the shared one may have the same stacks."""
    cloud = Cloud(tmp_path_factory.mktemp("cdk") / "state")
    cloud.run("up")
    yield cloud
    cloud.run("down", check=False)


@pytest.fixture(scope="module")
def cdk(own: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Cdk:
    """Bootstrapped and deployed without a model."""
    assembly = tmp_path_factory.mktemp("assembly") / "cdk.out"
    shutil.copytree(project.assemblies() / "dev", assembly)
    cli = Cdk(own, assembly)
    code, output = cli("bootstrap", f"aws://{ACCOUNT}/{REGION}")
    assert code == 0, output
    cli.deploy()
    return cli


def package(cloud: Cloud, version: str) -> str:
    bucket = f"{NAME}-artifacts-{ACCOUNT}-{REGION}"
    return cloud.client("sagemaker").create_model_package(
        ModelPackageGroupName=NAME,
        ModelApprovalStatus="Approved",
        InferenceSpecification={
            "Containers": [container(upload_model(cloud, bucket, version))],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
    )["ModelPackageArn"]


def promote(cloud: Cloud, concern: str, model: str) -> str:
    """What the state machine does: one parameter, everything else as it was, by a role of its own."""
    stack = Stack(cloud, f"{NAME}-{concern}")
    others = [item["ParameterKey"] for item in stack.describe()["Parameters"] if item["ParameterKey"] != PARAMETER]
    cloud.client("cloudformation").update_stack(
        StackName=stack.name,
        UsePreviousTemplate=True,
        RoleARN=PROMOTION,
        Parameters=[
            {"ParameterKey": PARAMETER, "ParameterValue": model},
            *({"ParameterKey": name, "UsePreviousValue": True} for name in others),
        ],
    )
    return stack.wait()


PARAMETER = "ModelPackageArn"


def deployed_model(cloud: Cloud, concern: str = "serving") -> str:
    parameters = Stack(cloud, f"{NAME}-{concern}").describe()["Parameters"]
    return next(item["ParameterValue"] for item in parameters if item["ParameterKey"] == PARAMETER)


def answer(cloud: Cloud) -> str:
    response = cloud.client("sagemaker-runtime").invoke_endpoint(EndpointName=NAME, ContentType="text/csv", Body="1")
    return response["Body"].read().decode()


# The tests below are one story, in this order.


@pytest.fixture
def preflight(own: Cloud, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str]]:
    """The command as an operator of this cloud would give it: its exit code and what it says."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", own.endpoint_url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCOUNT)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")

    def look(*checks: str) -> tuple[int, str]:
        said = io.StringIO()
        wanted = [word for check in checks for word in ("--check", check)]
        return preflight_command.main(["--env", "dev", *wanted], Console(file=said, width=500)), said.getvalue()

    return look


def test_preflight_of_a_bare_account_names_what_is_missing(preflight) -> None:
    code, said = preflight()
    assert code == 1
    assert (
        "✗ the CDK is not bootstrapped in us-east-1" in said and "→ node_modules/.bin/cdk bootstrap -c env=dev" in said
    )
    assert said.count("✗") == 1, said
    assert "this is the first deployment" in said and "the first deployment makes them" in said
    assert "! cannot be judged in a local cloud: it does not know ListServiceQuotas" in said


def test_preflight_passes_what_is_deployed(cdk: Cdk, preflight) -> None:
    code, said = preflight()
    assert code == 0, said
    assert "✓ the CDK is bootstrapped, version" in said and "✓ the caller may assume the CDK's roles" in said
    assert f"✓ 9 stacks of {NAME} can be updated" in said
    assert f"✓ alias/{NAME}-data and alias/{NAME}-operations can be used" in said


def test_preflight_names_a_key_that_is_going_and_a_bootstrap_that_is_old(cdk: Cdk, preflight) -> None:
    kms, ssm, version = cdk.cloud.client("kms"), cdk.cloud.client("ssm"), "/cdk-bootstrap/hnb659fds/version"
    key = kms.describe_key(KeyId=f"alias/{NAME}-data")["KeyMetadata"]["KeyId"]
    newest = ssm.get_parameter(Name=version)["Parameter"]["Value"]
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    ssm.put_parameter(Name=version, Value="5", Type="String", Overwrite=True)
    code, said = preflight("bootstrap", "keys")
    ssm.put_parameter(Name=version, Value=newest, Type="String", Overwrite=True)
    kms.cancel_key_deletion(KeyId=key)
    assert code == 1 and "the bootstrap has version 5; 6 is needed" in said
    assert f"({key}) is PendingDeletion and is deleted on" in said and f"cancel-key-deletion --region {REGION}" in said
    code, said = preflight("bootstrap", "keys")
    assert code == 1 and f"({key}) is Disabled" in said and said.count("✗") == 1
    kms.enable_key(KeyId=key)
    assert preflight("bootstrap", "keys")[0] == 0


def test_preflight_stops_where_nobody_answers(preflight, monkeypatch) -> None:
    for endpoint, reason in (
        (f"http://127.0.0.1:{free_port()}", "Nothing answers at"),
        ("127.0.0.1:4566", "→ correct AWS_ENDPOINT_URL, which begins with http:// or https://"),
    ):
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        code, said = preflight()
        assert code == 1 and reason in said and said.count("✗") == said.count("→") == 1, said


def test_first_deploy_has_no_endpoint_and_diff_finds_nothing(cdk: Cdk) -> None:
    assert not cdk.cloud.client("sagemaker").list_endpoints()["Endpoints"]
    code, output = cdk("diff", "--all", "--fail")
    assert code == 0, output
    assert "Number of stacks with differences: 0" in output


def test_promotion_makes_the_endpoint(cdk: Cdk) -> None:
    model = package(cdk.cloud, "one")
    assert promote(cdk.cloud, "serving", model) == "UPDATE_COMPLETE", Stack(cdk.cloud, f"{NAME}-serving").failures()
    assert promote(cdk.cloud, "monitoring", model) == "UPDATE_COMPLETE"
    assert answer(cdk.cloud) == "one"
    assert Stack(cdk.cloud, f"{NAME}-serving").describe()["RoleARN"] == PROMOTION


def test_bad_promotion_rolls_back_and_the_old_model_answers(cdk: Cdk) -> None:
    model, stack = deployed_model(cdk.cloud), Stack(cdk.cloud, f"{NAME}-serving")
    assert promote(cdk.cloud, "serving", package(cdk.cloud, "broken")) == "UPDATE_ROLLBACK_COMPLETE"
    assert "rolled back by SageMaker" in stack.failures()
    assert deployed_model(cdk.cloud) == model
    assert answer(cdk.cloud) == "one"
    endpoint = cdk.cloud.client("sagemaker").describe_endpoint(EndpointName=NAME)
    assert endpoint["EndpointConfigName"] == stack.outputs()["EndpointConfigName"]


def test_a_later_deploy_keeps_the_model(cdk: Cdk) -> None:
    output = cdk.deploy()
    assert output.count("(no changes)") == len(CONCERNS), output
    # And one that changes something else of the same stack.
    cdk.change_serving(alarm_threshold=7)
    model, config = deployed_model(cdk.cloud), Stack(cdk.cloud, f"{NAME}-serving").outputs()["EndpointConfigName"]
    cdk.deploy(f"{NAME}-serving", "--exclusively")
    stack = Stack(cdk.cloud, f"{NAME}-serving")
    assert stack.status() == "UPDATE_COMPLETE"
    assert deployed_model(cdk.cloud) == model
    assert stack.outputs()["EndpointConfigName"] == config
    assert answer(cdk.cloud) == "one"
    alarms = cdk.cloud.client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert 7 in [alarm["Threshold"] for alarm in alarms]
    # CloudFormation goes on using the role of the last operation: the CLI has to name its own again.
    assert "cfn-exec-role" in stack.describe()["RoleARN"]


def rival(cloud: Cloud, version: str, column: int, features: tuple[str, ...] = ("amount", "weak", "strong")) -> str:
    """A package whose probability is a column of the request, with a feature schema as real ones have."""
    schema = FeatureSchema({}, tuple(Feature(name, "float") for name in features), label="fraud", amount="amount")
    files = {
        "column.txt": str(column),
        "code/inference.py": COLUMN,
        "feature_schema.json": json.dumps(schema.to_json()),
    }
    bucket = f"{NAME}-artifacts-{ACCOUNT}-{REGION}"
    cloud.client("s3").put_object(Bucket=bucket, Key=f"models/{version}/model.tar.gz", Body=tar_gz(files))
    return cloud.client("sagemaker").create_model_package(
        ModelPackageGroupName=NAME,
        ModelApprovalStatus="Approved",
        InferenceSpecification={
            "Containers": [container(f"s3://{bucket}/models/{version}/model.tar.gz")],
            "SupportedContentTypes": ["application/json"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
    )["ModelPackageArn"]


COLUMN = """
import json
def model_fn(folder): return int(open(folder + "/column.txt").read())
def input_fn(body, content_type): return json.loads(body)["instances"]
def predict_fn(rows, column): return {"predictions": [{"probability": row[column]} for row in rows]}
def output_fn(answer, accept): return json.dumps(answer), "application/json"
"""


def promote_command(cloud: Cloud, *words: str) -> tuple[int, str]:
    """`python -m scripts.promote …` against this cloud: exit code and everything printed."""
    keys = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_DEFAULT_REGION": REGION}
    done = subprocess.run(
        [sys.executable, "-m", "scripts.promote", *words, "--endpoint-url", cloud.endpoint_url],
        cwd=REPOSITORY,
        env={**os.environ, **keys},
        capture_output=True,
        text=True,
        timeout=240,
    )
    return done.returncode, done.stdout + done.stderr


def live(cloud: Cloud) -> tuple[str, list[str]]:
    """The champion's package, and the names of shadow variants."""
    endpoint = cloud.client("sagemaker").describe_endpoint(EndpointName=NAME)
    return deployed_model(cloud), [item["VariantName"] for item in endpoint.get("ShadowProductionVariants", [])]


def traffic_with_labels(cloud: Cloud) -> None:
    """Sixty transactions, every second one a fraud that the third column knows and the second does not."""
    runtime, s3 = cloud.client("sagemaker-runtime"), cloud.client("s3")
    bucket = f"{NAME}-captures-{ACCOUNT}-{REGION}"
    hour = datetime.now(UTC).strftime("%Y/%m/%d/%H")
    for number in range(60):
        fraud = number % 2
        row = [100.0, (number * 37 % 60) / 60, 0.9 if fraud else 0.05]
        answer = runtime.invoke_endpoint(
            EndpointName=NAME,
            ContentType="application/json",
            InferenceId=f"t-{number}",
            Body=json.dumps({"instances": [row]}),
        )
        assert json.load(answer["Body"])["predictions"][0]["probability"] == row[1]
        line = {"groundTruthData": {"data": str(fraud), "encoding": "CSV"}, "eventMetadata": {"eventId": f"t-{number}"}}
        key = f"ground-truth/{hour}/t-{number}.jsonl"
        s3.put_object(Bucket=bucket, Key=key, Body=json.dumps({**line, "eventVersion": "0"}).encode())

    def captured() -> bool:
        keys = s3.list_objects_v2(Bucket=bucket, Prefix=f"data-capture/{NAME}/challenger/").get("Contents", [])
        bodies = [s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read() for item in keys]
        return sum(body.count(b"\n") for body in bodies) >= 60

    wait_until(captured, 30, every=0.5)


def test_a_challenger_is_refused_where_it_cannot_challenge(cdk: Cdk) -> None:
    cloud = cdk.cloud
    other = rival(cloud, "other", 1, ("amount", "weak", "new"))
    champion = rival(cloud, "weak", 1)
    for concern in ("serving", "monitoring"):
        assert promote(cloud, concern, champion) == "UPDATE_COMPLETE"
    refused = {
        ("start", "99"): "There is no model package",
        ("start", champion): "is the champion itself",
        ("start", other.rsplit("/", 1)[1]): "it lacks strong; it adds new",
        ("start", "four"): "give a version's number",
        ("promote",): "There is no challenger to promote",
        ("compare",): "There is no challenger",
    }
    for words, text in refused.items():
        code, output = promote_command(cloud, *words)
        assert (code, text in output) == (2, True), output
    assert live(cloud) == (champion, [])


def test_a_challenger_is_started_compared_and_promoted(cdk: Cdk, tmp_path: Path) -> None:
    cloud, champion = cdk.cloud, deployed_model(cdk.cloud)
    challenger = rival(cloud, "strong", 2)
    code, output = promote_command(cloud, "start", "latest", "--dry-run")
    assert code == 0 and "Nothing was changed" in output and live(cloud) == (champion, []), output
    code, output = promote_command(cloud, "start", "latest")
    assert code == 0, output
    assert live(cloud) == (champion, ["challenger"])
    code, output = promote_command(cloud, "start", champion.rsplit("/", 1)[0] + "/1")
    assert code == 2 and "withdraw or promote it first" in output, output
    traffic_with_labels(cloud)

    code, output = promote_command(cloud, "compare", "--out", str(tmp_path / "c.html"), "--samples", "200")
    assert code == 0 and "Verdict: better" in output, output
    document = json.loads((tmp_path / "c.json").read_text())
    assert document["transactions"]["challenger"] == {"rows": 60, "frauds": 30}
    assert document["metrics"]["saved_per_1000"]["challenger"]["value"] == pytest.approx(1000 * 0.5 * 95)
    assert "<svg" in (tmp_path / "c.html").read_text()

    code, output = promote_command(cloud, "promote")
    assert code == 0, output
    assert live(cloud) == (challenger, [])
    parameters = Stack(cloud, f"{NAME}-serving").describe()["Parameters"]
    assert {p["ParameterKey"]: p["ParameterValue"] for p in parameters}["ChallengerModelPackageArn"] == ""
    targets = cloud.client("application-autoscaling").describe_scalable_targets(ServiceNamespace="sagemaker")
    assert [t["ResourceId"] for t in targets["ScalableTargets"]] == [f"endpoint/{NAME}/variant/primary"]
    assert deployed_model(cloud, "monitoring") == challenger


def test_a_challenger_is_withdrawn_and_an_earlier_version_comes_back(cdk: Cdk) -> None:
    cloud, champion = cdk.cloud, deployed_model(cdk.cloud)
    earlier = champion.rsplit("/", 1)[0] + f"/{int(champion.rsplit('/', 1)[1]) - 1}"
    code, output = promote_command(cloud, "start", earlier)
    assert code == 0 and live(cloud) == (champion, ["challenger"]), output
    code, output = promote_command(cloud, "withdraw")
    assert code == 0 and live(cloud) == (champion, []), output
    code, output = promote_command(cloud, "promote", earlier)
    assert code == 0 and live(cloud) == (earlier, []), output


def test_destroy_refuses_full_buckets_then_removes_everything(cdk: Cdk) -> None:
    sagemaker, s3 = cdk.cloud.client("sagemaker"), cdk.cloud.client("s3")
    for summary in sagemaker.list_model_packages(ModelPackageGroupName=NAME)["ModelPackageSummaryList"]:
        sagemaker.delete_model_package(ModelPackageName=summary["ModelPackageArn"])
    code, output = cdk("destroy", "--all", "--force")
    assert code != 0
    assert "is not empty" in Stack(cdk.cloud, f"{NAME}-storage").failures()
    for bucket in s3.list_buckets()["Buckets"]:
        if bucket["Name"].startswith(NAME):
            versions = s3.list_object_versions(Bucket=bucket["Name"])
            for item in (*versions.get("Versions", []), *versions.get("DeleteMarkers", [])):
                s3.delete_object(Bucket=bucket["Name"], Key=item["Key"], VersionId=item["VersionId"])
    code, output = cdk("destroy", "--all", "--force")
    assert code == 0, output
    assert not sagemaker.list_endpoints()["Endpoints"]
    assert not sagemaker.list_models()["Models"]
    assert not [bucket for bucket in s3.list_buckets()["Buckets"] if bucket["Name"].startswith(NAME)]
    stacks = cdk.cloud.client("cloudformation").describe_stacks()["Stacks"]
    assert [stack["StackName"] for stack in stacks] == ["CDKToolkit"]
