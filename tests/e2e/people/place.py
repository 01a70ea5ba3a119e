"""Names and ARNs of the demo that calls are filled in with."""

import datetime as dt
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from scripts.cdk import ACCOUNT, REGION
from tests.e2e.conftest import Demo

PREFIX = "fraudstack-dev"


@dataclass(frozen=True)
class Place:
    """Names and ARNs of the demo."""

    transactions: str
    artifacts: str
    captures: str
    reports: str
    dataset: str
    prepared: str
    model: str
    package: str
    package_group: str
    machine: str
    guard: str
    execution: str
    stream: str
    executions: str
    undelivered: str
    decision: str
    role: str
    data_key: str
    policy: str
    served: str
    subnets: list[str]
    groups: list[str]
    parameters: list[dict[str, Any]]
    now: str


def place(demo: Demo) -> Place:
    """Look up, as the account's root, what the calls name."""
    outputs = {name: demo.outputs(name) for name in ("storage", "training", "serving", "keys", "retraining-loop")}
    storage, machine = outputs["storage"], outputs["training"]["StateMachineArn"]
    package = outputs["serving"]["ModelPackageArn"]
    described = demo.client("sagemaker").describe_model_package(ModelPackageName=package)
    model = urlsplit(described["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]).path[1:]
    objects = demo.client("s3").list_objects_v2(Bucket=storage["ArtifactsBucket"], Prefix="runs/")["Contents"]
    prepared = next(o["Key"] for o in objects if not o["Key"].endswith("model.tar.gz"))
    datasets = demo.client("s3").list_objects_v2(Bucket=storage["TransactionsBucket"], Prefix="datasets/")["Contents"]
    streams = demo.client("logs").describe_log_streams(logGroupName="/aws/sagemaker/ProcessingJobs")["logStreams"]
    logged = [group["logGroupName"] for group in demo.client("logs").describe_log_groups()["logGroups"]]
    scanned = demo.client("dynamodb").scan(TableName=storage["DecisionsTableName"], Limit=1)["Items"]
    role = f"arn:aws:iam::{ACCOUNT}:role/{PREFIX}-training-{REGION}"
    attached = demo.client("iam").list_attached_role_policies(RoleName=role.rpartition("/")[2])["AttachedPolicies"]
    config = demo.client("sagemaker").describe_endpoint_config(
        EndpointConfigName=outputs["serving"]["EndpointConfigName"]
    )
    stack = demo.client("cloudformation").describe_stacks(StackName=f"{PREFIX}-serving")["Stacks"][0]
    executions = demo.client("stepfunctions").list_executions(stateMachineArn=machine, statusFilter="SUCCEEDED")
    exported = demo.client("cloudformation").get_paginator("list_exports").paginate()
    network = {item["Name"]: item["Value"] for page in exported for item in page["Exports"]}
    return Place(
        transactions=storage["TransactionsBucket"],
        artifacts=storage["ArtifactsBucket"],
        captures=storage["CapturesBucket"],
        reports=storage["ReportsBucket"],
        dataset=datasets[0]["Key"],
        prepared=prepared,
        model=model,
        package=package,
        package_group=outputs["training"]["ModelPackageGroupName"],
        machine=machine,
        guard=outputs["retraining-loop"]["GuardArn"],
        execution=executions["executions"][0]["executionArn"],
        stream=next(s["logStreamName"] for s in streams if s["logStreamName"].startswith(f"{PREFIX}-r")),
        executions=next(name for name in logged if name.startswith("API-Gateway-Execution-Logs_")),
        undelivered=demo.client("sqs").get_queue_url(QueueName=f"{PREFIX}-undelivered")["QueueUrl"],
        decision=scanned[0]["id"]["S"],
        role=role,
        data_key=outputs["keys"]["DataKeyArn"],
        policy=attached[0]["PolicyArn"],
        served=config["ProductionVariants"][0]["ModelName"],
        subnets=[value for name, value in network.items() if name.startswith(f"{PREFIX}-subnet-")],
        groups=[network[f"{PREFIX}-containers-group-id"]],
        parameters=[{"ParameterKey": item["ParameterKey"], "UsePreviousValue": True} for item in stack["Parameters"]],
        now=dt.datetime.now(dt.UTC).strftime("%H%M%S%f"),
    )


def role_arn(job: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{PREFIX}-{job}-{REGION}"


def bootstrap_arn(role: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/cdk-hnb659fds-{role}-role-{ACCOUNT}-{REGION}"
