"""Small requests and waits that the tests of jobs share."""

import io
import tarfile
from typing import Any

from tests.local_cloud.conftest import ROLE, SCIKIT_LEARN, XGBOOST, Cloud, tar_gz, unique, wait_until

RESOURCES = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}
CLUSTER = {"ClusterConfig": RESOURCES}


def bucket(cloud: Cloud) -> str:
    name = unique("jobs")
    cloud.client("s3").create_bucket(Bucket=name)
    return name


def put(cloud: Cloud, uri: str, data: bytes | str) -> str:
    name, _, key = uri.removeprefix("s3://").partition("/")
    cloud.client("s3").put_object(Bucket=name, Key=key, Body=data)
    return uri


def get(cloud: Cloud, uri: str) -> bytes:
    name, _, key = uri.removeprefix("s3://").partition("/")
    return cloud.client("s3").get_object(Bucket=name, Key=key)["Body"].read()


def keys(cloud: Cloud, uri: str) -> list[str]:
    name, _, prefix = uri.removeprefix("s3://").partition("/")
    found = cloud.client("s3").list_objects_v2(Bucket=name, Prefix=prefix).get("Contents", [])
    return [item["Key"].removeprefix(prefix).lstrip("/") for item in found]


def unpack(data: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return {member.name: archive.extractfile(member).read() for member in archive if member.isfile()}


def channel(name: str, uri: str, **members: Any) -> dict[str, Any]:
    source = {"S3DataType": members.pop("S3DataType", "S3Prefix"), "S3Uri": uri}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}, **members}


def training_request(cloud: Cloud, where: str, script: str, **members: Any) -> dict[str, Any]:
    """A script-mode job that runs ``script``; ``where`` is its bucket. Extra members replace the request's own."""
    code = put(cloud, f"s3://{where}/{unique('code')}/source.tar.gz", tar_gz({"train.py": script}))
    parameters = {
        "sagemaker_program": '"train.py"',
        "sagemaker_submit_directory": '"/opt/ml/input/data/code/source.tar.gz"',
        **members.pop("HyperParameters", {}),
    }
    algorithm = {"TrainingImage": SCIKIT_LEARN, "TrainingInputMode": "File"}
    return {
        "TrainingJobName": unique("train"),
        "RoleArn": ROLE,
        "AlgorithmSpecification": {**algorithm, **members.pop("AlgorithmSpecification", {})},
        "HyperParameters": parameters,
        "InputDataConfig": [channel("code", code), *members.pop("InputDataConfig", [])],
        "OutputDataConfig": {"S3OutputPath": f"s3://{where}/models"},
        "ResourceConfig": RESOURCES,
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        **members,
    }


def bash_training(cloud: Cloud, where: str, command: str, **members: Any) -> dict[str, Any]:
    """A job with an entry point of its own, which starts in no time."""
    entry = {"ContainerEntrypoint": ["/bin/bash", "-c"], "ContainerArguments": [command]}
    request = training_request(cloud, where, "", AlgorithmSpecification={**entry}, **members)
    return {**request, "HyperParameters": members.get("HyperParameters", {})}


def processing_script(cloud: Cloud, where: str, script: str, **members: Any) -> dict[str, Any]:
    """A job whose script is longer than the 256 characters that a word of an entry point may have."""
    uri = put(cloud, f"s3://{where}/{unique('script')}/script.sh", script)
    request = processing_request(where, 'bash /opt/ml/processing/input/script/script.sh "$@"', **members)
    inputs = [*request.get("ProcessingInputs", []), s3_input("script", uri)]
    return {**request, "ProcessingInputs": inputs}


def processing_request(where: str, command: str, **members: Any) -> dict[str, Any]:
    return {
        "ProcessingJobName": unique("process"),
        "RoleArn": ROLE,
        "AppSpecification": {
            "ImageUri": XGBOOST,
            "ContainerEntrypoint": ["/bin/bash", "-c", command, "job"],
            **members.pop("AppSpecification", {}),
        },
        "ProcessingResources": CLUSTER,
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        **members,
    }


def s3_input(name: str, uri: str, **members: Any) -> dict[str, Any]:
    source = {"S3Uri": uri, "LocalPath": f"/opt/ml/processing/input/{name}", "S3DataType": "S3Prefix"}
    return {"InputName": name, "S3Input": {**source, "S3InputMode": "File", **members}}


def s3_output(name: str, uri: str, mode: str = "EndOfJob") -> dict[str, Any]:
    path = f"/opt/ml/processing/output/{name}"
    return {"OutputName": name, "S3Output": {"S3Uri": uri, "LocalPath": path, "S3UploadMode": mode}}


def train(cloud: Cloud, request: dict[str, Any]) -> dict[str, Any]:
    """Start a training job and wait for its end."""
    cloud.client("sagemaker").create_training_job(**request)
    return training_end(cloud, request["TrainingJobName"])


def training_end(cloud: Cloud, name: str) -> dict[str, Any]:
    client = cloud.client("sagemaker")

    def ended() -> dict[str, Any] | None:
        job = client.describe_training_job(TrainingJobName=name)
        return None if job["TrainingJobStatus"] in ("InProgress", "Stopping") else job

    return wait_until(ended)


def process(cloud: Cloud, request: dict[str, Any]) -> dict[str, Any]:
    """Start a processing job and wait for its end."""
    cloud.client("sagemaker").create_processing_job(**request)
    return processing_end(cloud, request["ProcessingJobName"])


def processing_end(cloud: Cloud, name: str) -> dict[str, Any]:
    client = cloud.client("sagemaker")

    def ended() -> dict[str, Any] | None:
        job = client.describe_processing_job(ProcessingJobName=name)
        return None if job["ProcessingJobStatus"] in ("InProgress", "Stopping") else job

    return wait_until(ended)


def log_lines(cloud: Cloud, group: str, job: str) -> list[str]:
    """What a job printed, from CloudWatch Logs."""
    logs = cloud.client("logs")
    streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{job}/")["logStreams"]
    lines: list[str] = []
    for stream in streams:
        events = logs.get_log_events(
            logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True, limit=10_000
        )
        lines += [event["message"] for event in events["events"]]
    return lines
