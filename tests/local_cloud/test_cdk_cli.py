"""The real CDK CLI: bootstrap, deploy, diff, promotion beside it, a later deploy, destroy."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.cdk import run_cdk
from tests.local_cloud import project
from tests.local_cloud.conftest import ACCOUNT, REGION, Cloud
from tests.local_cloud.stacks import Stack, container, upload_model

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
        """Edit the serving template as another synth would have written it, under an asset hash of its own."""
        path = self.assembly / f"{NAME}-serving.template.json"
        old = hashlib.sha256(path.read_bytes()).hexdigest()
        template = json.loads(path.read_text(encoding="utf-8"))
        alarms = [item for item in template["Resources"].values() if item["Type"] == "AWS::CloudWatch::Alarm"]
        alarms[0]["Properties"]["Threshold"] = alarm_threshold
        path.write_text(json.dumps(template, indent=1), encoding="utf-8")
        new = hashlib.sha256(path.read_bytes()).hexdigest()
        for name in ("manifest.json", f"{NAME}-serving.assets.json"):
            file = self.assembly / name
            text = file.read_text(encoding="utf-8")
            assert old in text
            file.write_text(text.replace(old, new), encoding="utf-8")


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


def deployed_model(cloud: Cloud) -> str:
    parameters = Stack(cloud, f"{NAME}-serving").describe()["Parameters"]
    return next(item["ParameterValue"] for item in parameters if item["ParameterKey"] == PARAMETER)


def answer(cloud: Cloud) -> str:
    response = cloud.client("sagemaker-runtime").invoke_endpoint(EndpointName=NAME, ContentType="text/csv", Body="1")
    return response["Body"].read().decode()


# The tests below are one story, in this order.


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
    assert output.count("(no changes)") == len(project.CONCERNS), output
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
