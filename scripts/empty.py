"""Delete what `cdk destroy` cannot: objects in a platform's buckets, its model packages, and its jobs' logs.

Its monitors are stopped first, so that no run of theirs writes on. Logs of jobs are streams in groups that SageMaker
makes for the whole account; those of other jobs stay.

Only where the environment's configuration has `storage.removal: destroy`; anywhere else it changes nothing.
"""

import argparse
import json
import sys
from pathlib import Path

from botocore.exceptions import ClientError
from rich.console import Console

from scripts.retraining.clients import Clients
from scripts.retraining.errors import AWS_ERRORS, OperatorError, explain
from scripts.stopping import stop_monitors
from stacks.config import ConfigurationError, load_config

CDK_JSON = Path(__file__).resolve().parent.parent / "cdk.json"
_BATCH = 1000  # what DeleteObjects takes
_JOB_LOGS = tuple(f"/aws/sagemaker/{kind}" for kind in ("ProcessingJobs", "TrainingJobs", "TransformJobs"))


def main(arguments: list[str] | None = None) -> int:
    """Entry point; 0 when there is nothing left to keep a deletion, 1 with the cause otherwise."""
    parser = argparse.ArgumentParser(prog="scripts.empty", description=__doc__)
    parser.add_argument("--env", default="dev", help="environment of cdk.json (default dev)")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--endpoint-url", help="another cloud than AWS")
    parser.add_argument("--region", help="default: that of the configuration")
    options = parser.parse_args(arguments)
    console, errors = Console(highlight=False), Console(stderr=True, highlight=False)
    try:
        config = load_config({**json.loads(CDK_JSON.read_text())["context"], "env": options.env})
        prefix = f"{config.project}-{config.environment}"
        if config.storage.removal != "destroy":
            console.print(f"{prefix} keeps its data (storage.removal: {config.storage.removal}); nothing is emptied.")
            return 0
        if not options.yes and console.input(f"Delete all data and models of {prefix}? Type its name: ") != prefix:
            raise OperatorError("not confirmed; nothing was deleted")
        empty(Clients(options.endpoint_url, options.region or config.region), prefix, console)
    except (ConfigurationError, OperatorError) as error:
        errors.print(f"[red]error:[/] {error}")
        return 1
    except AWS_ERRORS as error:
        errors.print(f"[red]error:[/] {explain(error)}")
        return 1
    return 0


def empty(clients: Clients, prefix: str, console: Console) -> None:
    """Stop the monitors, empty the storage stack's buckets, every version, delete the model packages and jobs' logs."""
    stop_monitors(clients, prefix, console)
    for bucket in _resources(clients, f"{prefix}-storage", "AWS::S3::Bucket"):
        console.print(f"{bucket}: {_empty_bucket(clients, bucket)} object versions deleted")
    for group in _resources(clients, f"{prefix}-training", "AWS::SageMaker::ModelPackageGroup"):
        name = group.rpartition("/")[2]
        console.print(f"{name}: {_delete_packages(clients, name)} model packages deleted")
    for group in _JOB_LOGS:
        console.print(f"{group}: {_delete_streams(clients, group, prefix)} log streams deleted")


def _resources(clients: Clients, stack: str, kind: str) -> list[str]:
    """Physical ids of a stack's resources of one type; none where the stack does not exist."""
    try:
        pages = clients.cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
        found = [item for page in pages for item in page["StackResourceSummaries"]]
    except ClientError as error:
        if "does not exist" in str(error):
            return []
        raise
    return [item["PhysicalResourceId"] for item in found if item["ResourceType"] == kind]


def _empty_bucket(clients: Clients, bucket: str) -> int:
    deleted = 0
    try:
        for page in clients.s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            objects = [{"Key": item["Key"], "VersionId": item["VersionId"]} for item in found]
            for start in range(0, len(objects), _BATCH):
                batch = {"Objects": objects[start : start + _BATCH], "Quiet": True}
                answer = clients.s3.delete_objects(Bucket=bucket, Delete=batch)
                if refused := answer.get("Errors"):
                    raise OperatorError(f"{bucket}: {refused[0]['Key']}: {refused[0].get('Message', 'not deleted')}")
            deleted += len(objects)
    except clients.s3.exceptions.NoSuchBucket:
        return 0
    return deleted


def _delete_packages(clients: Clients, group: str) -> int:
    pages = clients.sagemaker.get_paginator("list_model_packages").paginate(ModelPackageGroupName=group)
    packages = [item["ModelPackageArn"] for page in pages for item in page["ModelPackageSummaryList"]]
    for package in packages:
        clients.sagemaker.delete_model_package(ModelPackageName=package)
    return len(packages)


def _delete_streams(clients: Clients, group: str, prefix: str) -> int:
    """Delete the streams of the platform's jobs, which begin with its name."""
    pages = clients.logs.get_paginator("describe_log_streams").paginate(
        logGroupName=group, logStreamNamePrefix=f"{prefix}-"
    )
    try:
        streams = [item["logStreamName"] for page in pages for item in page["logStreams"]]
    except clients.logs.exceptions.ResourceNotFoundException:
        return 0
    for stream in streams:
        clients.logs.delete_log_stream(logGroupName=group, logStreamName=stream)
    return len(streams)


if __name__ == "__main__":
    sys.exit(main())
