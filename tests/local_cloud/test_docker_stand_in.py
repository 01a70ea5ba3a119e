"""Image assets are deployed by the real CDK CLI without Docker."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.cdk import CLI, ROOT, environment
from tests.local_cloud.conftest import ACCOUNT, REGION, Cloud

STAND_IN = ROOT / "local_cloud" / "docker_stand_in.py"

APP = """
import sys
from aws_cdk import App, CfnOutput, CfnResource, Environment, Stack
from aws_cdk.aws_ecr_assets import DockerImageAsset, Platform

app = App(outdir=sys.argv[2])
stack = Stack(app, "image-asset", env=Environment(account=sys.argv[3], region=sys.argv[4]))
image = DockerImageAsset(stack, "Image", directory=sys.argv[1], platform=Platform.LINUX_AMD64)
properties = {"Type": "String", "Value": image.image_uri}
CfnResource(stack, "Parameter", type="AWS::SSM::Parameter", properties=properties)
CfnOutput(stack, "Uri", value=image.image_uri)
app.synth()
"""


@pytest.fixture
def context(tmp_path: Path) -> Path:
    folder = tmp_path / "context"
    (folder / "server").mkdir(parents=True)
    (folder / "Dockerfile").write_text("FROM python:3.12-slim\nCOPY server ./server\n")
    (folder / "server" / "main.py").write_text("print(1)\n")
    return folder


def docker(
    *arguments: str, folder: Path, endpoint: str = "", directory: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the stand-in as the CDK CLI runs docker; what it remembers is kept in the folder."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        [str(STAND_IN), "--config", str(folder), *arguments],
        env={"PATH": path, "HOME": str(folder), "AWS_ENDPOINT_URL": endpoint},
        cwd=directory,
        capture_output=True,
        text=True,
        input="password",
        timeout=60,
    )


def test_an_image_that_was_not_built_is_not_found(tmp_path: Path) -> None:
    found = docker("inspect", "cdkasset-x", folder=tmp_path)
    assert (found.returncode, found.stdout) == (1, "")
    assert "No such image: cdkasset-x" in found.stderr


def test_what_docker_would_be_needed_for_is_refused(tmp_path: Path, context: Path) -> None:
    assert "run is not available without Docker" in docker("run", "image", folder=tmp_path).stderr
    (context / "Dockerfile").unlink()
    found = docker("build", "--tag", "a", ".", folder=tmp_path, directory=context)
    assert (found.returncode, "Dockerfile is no file" in found.stderr) == (1, True)
    assert "no tag in an ECR repository" in docker("push", "elsewhere/image:1", folder=tmp_path).stderr


def test_the_digest_is_that_of_the_context(tmp_path: Path, context: Path) -> None:
    def built() -> str:
        assert docker("build", "--tag", "a", ".", folder=tmp_path, directory=context).returncode == 0
        return json.loads(docker("inspect", "a", folder=tmp_path).stdout)[0]["Id"]

    first = built()
    assert built() == first
    (context / "server" / "main.py").write_text("print(2)\n")
    assert built() != first


def test_a_pushed_image_is_in_its_repository(cloud: Cloud, tmp_path: Path, context: Path) -> None:
    client = cloud.client("ecr")
    client.create_repository(repositoryName="stand-in/images")
    with pytest.raises(client.exceptions.ImageNotFoundException):
        client.describe_images(repositoryName="stand-in/images", imageIds=[{"imageTag": "one"}])
    target = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/stand-in/images:one"
    for arguments in (
        ["login", "--username", "AWS", "--password-stdin", target.partition("/")[0]],
        ["build", "--build-arg", "A=1", "--tag", "a", "--platform", "linux/amd64", "."],
        ["tag", "a", target],
        ["push", target],
        ["push", target],
    ):
        found = docker(*arguments, folder=tmp_path, endpoint=cloud.endpoint_url, directory=context)
        assert found.returncode == 0, found.stderr
    described = client.describe_images(repositoryName="stand-in/images", imageIds=[{"imageTag": "one"}])
    assert len(described["imageDetails"]) == 1
    missing = target.replace("stand-in", "absent")
    assert docker("tag", "a", missing, folder=tmp_path).returncode == 0
    found = docker("push", missing, folder=tmp_path, endpoint=cloud.endpoint_url)
    assert (found.returncode, "cdk bootstrap" in found.stderr) == (1, True)


def test_the_cdk_cli_deploys_an_image_asset(own_cloud: Cloud, tmp_path: Path, context: Path) -> None:
    own_cloud.run("up")
    assembly = tmp_path / "cdk.out"
    command = [sys.executable, "-c", APP, str(context), str(assembly), ACCOUNT, REGION]
    subprocess.run(command, check=True, timeout=120, cwd=tmp_path)
    variables = {**environment(own_cloud.endpoint_url, str(tmp_path / "home")), "CDK_DOCKER": str(STAND_IN)}

    def cdk(*arguments: str) -> str:
        result = subprocess.run(
            [str(CLI), *arguments, "--app", str(assembly)],
            env=variables,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout + result.stderr

    cdk("bootstrap", f"aws://{ACCOUNT}/{REGION}")
    cdk("deploy", "--all", "--require-approval", "never")
    stack = own_cloud.client("cloudformation").describe_stacks(StackName="image-asset")["Stacks"][0]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    uri = next(output["OutputValue"] for output in stack["Outputs"] if output["OutputKey"] == "Uri")
    repository, _, tag = uri.partition("/")[2].partition(":")
    images = own_cloud.client("ecr").describe_images(repositoryName=repository, imageIds=[{"imageTag": tag}])
    assert len(images["imageDetails"]) == 1
