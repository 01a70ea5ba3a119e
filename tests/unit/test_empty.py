"""Emptying a platform before its deletion: everything in dev, nothing where data are kept."""

import boto3
import pytest
from moto import mock_aws
from rich.console import Console

from scripts import empty
from scripts.retraining.clients import Clients

BUCKET = "fraudstack-dev-artifacts"


@pytest.fixture
def s3(monkeypatch):
    for name, value in {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket=BUCKET)
        client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        for version in range(3):
            client.put_object(Bucket=BUCKET, Key="runs/a", Body=str(version))
        client.delete_object(Bucket=BUCKET, Key="runs/a")
        yield client


@pytest.fixture
def packages(monkeypatch):
    """The stacks' resources and the registry as small fakes: moto serves neither with the packages of the lock."""
    resources = {"AWS::S3::Bucket": [BUCKET], "AWS::SageMaker::ModelPackageGroup": ["arn:…:group/fraudstack-dev"]}
    monkeypatch.setattr(empty, "_resources", lambda clients, stack, kind: resources[kind])
    monkeypatch.setattr(empty, "stop_monitors", lambda clients, prefix, console: stopped.append(prefix))
    deleted, stopped = [], []
    monkeypatch.setattr(empty, "_delete_packages", lambda clients, group: deleted.append(group) or 2)
    return deleted


def test_every_version_and_marker_goes(s3, packages):
    empty.empty(Clients(region="us-east-1"), "fraudstack-dev", Console(quiet=True))
    left = s3.list_object_versions(Bucket=BUCKET)
    assert not left.get("Versions") and not left.get("DeleteMarkers")
    assert packages == ["fraudstack-dev"]


def test_logs_of_the_platforms_jobs_go_and_others_stay(s3, packages):
    logs = boto3.client("logs", region_name="us-east-1")
    group = "/aws/sagemaker/TrainingJobs"
    logs.create_log_group(logGroupName=group)
    for stream in ("fraudstack-dev-r1-train/algo-1", "fraudstack-dev2-r1/algo-1", "others/algo-1"):
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
    empty.empty(Clients(region="us-east-1"), "fraudstack-dev", Console(quiet=True))
    left = [stream["logStreamName"] for stream in logs.describe_log_streams(logGroupName=group)["logStreams"]]
    assert sorted(left) == ["fraudstack-dev2-r1/algo-1", "others/algo-1"]


def test_data_that_are_kept_are_never_touched(s3, packages, capsys):
    assert empty.main(["--env", "prod", "--yes"]) == 0
    assert len(s3.list_object_versions(Bucket=BUCKET)["Versions"]) == 3
    assert packages == [] and "keeps its data" in capsys.readouterr().out


def test_without_the_platforms_name_nothing_is_deleted(s3, packages, monkeypatch, capsys):
    monkeypatch.setattr(Console, "input", lambda *_: "yes")
    assert empty.main(["--env", "dev"]) == 1
    assert len(s3.list_object_versions(Bucket=BUCKET)["Versions"]) == 3
    assert "not confirmed" in capsys.readouterr().err


def test_unknown_environment_is_named(capsys):
    assert empty.main(["--env", "test", "--yes"]) == 1
    assert "'test' is not an environment" in capsys.readouterr().err
