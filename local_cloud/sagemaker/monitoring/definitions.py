"""Monitoring job definitions of the four kinds, and the one form an execution needs."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from local_cloud.sagemaker import listing
from local_cloud.sagemaker.arns import arn
from local_cloud.sagemaker.errors import ResourceInUse, ValidationError
from local_cloud.sagemaker.operations import operation
from local_cloud.sagemaker.store import STORE

Record = dict[str, Any]

# Kind of record, and its segment in the ARN.
KINDS = {
    "DataQuality": "data-quality-job-definition",
    "ModelQuality": "model-quality-job-definition",
    "ModelBias": "model-bias-job-definition",
    "ModelExplainability": "model-explainability-job-definition",
}


@dataclass(frozen=True)
class Definition:
    """A monitoring job, whether defined on its own or inside a schedule.

    Attributes:
        application: ImageUri, ContainerEntrypoint, ContainerArguments, RecordPreprocessorSourceUri, ….
        source: the EndpointInput.
        output: S3Uri and LocalPath of the first output.
        baseline: ConstraintsResource and StatisticsResource.
        ground_truth: S3 URI of the labels, for model quality and bias.
    """

    application: Record
    source: Record
    output: Record
    resources: Record
    role: str
    kms_key: str | None = None
    baseline: Record = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    network: Record | None = None
    stopping: Record | None = None
    ground_truth: str | None = None


def of_schedule(config: Record, kind: str) -> Definition:
    """The definition a MonitoringScheduleConfig names or contains.

    Raises:
        ValidationError: there is none, or its input is no endpoint.
    """
    if name := config.get("MonitoringJobDefinitionName"):
        record = require(kind, name)
        application = record[f"{kind}AppSpecification"]
        return Definition(
            application=application,
            source=_endpoint_input(record[f"{kind}JobInput"]),
            output=record[f"{kind}JobOutputConfig"]["MonitoringOutputs"][0]["S3Output"],
            resources=record["JobResources"],
            role=record["RoleArn"],
            kms_key=record[f"{kind}JobOutputConfig"].get("KmsKeyId"),
            baseline=record.get(f"{kind}BaselineConfig", {}),
            environment=application.get("Environment", {}),
            network=record.get("NetworkConfig"),
            stopping=record.get("StoppingCondition"),
            ground_truth=record[f"{kind}JobInput"].get("GroundTruthS3Input", {}).get("S3Uri"),
        )
    inline = config.get("MonitoringJobDefinition")
    if inline is None:
        raise ValidationError("MonitoringScheduleConfig needs MonitoringJobDefinition or MonitoringJobDefinitionName.")
    if len(inline["MonitoringInputs"]) != 1:
        raise ValidationError("MonitoringJobDefinition.MonitoringInputs must have one input.")
    return Definition(
        application=inline["MonitoringAppSpecification"],
        source=_endpoint_input(inline["MonitoringInputs"][0]),
        output=inline["MonitoringOutputConfig"]["MonitoringOutputs"][0]["S3Output"],
        resources=inline["MonitoringResources"],
        role=inline["RoleArn"],
        kms_key=inline["MonitoringOutputConfig"].get("KmsKeyId"),
        baseline=inline.get("BaselineConfig", {}),
        environment=inline.get("Environment", {}),
        network=inline.get("NetworkConfig"),
        stopping=inline.get("StoppingCondition"),
    )


def require(kind: str, name: str) -> Record:
    return STORE.require(f"{kind}JobDefinition", name)


def _endpoint_input(source: Record) -> Record:
    if "EndpointInput" not in source:
        raise ValidationError(
            "The input must be an EndpointInput: monitoring of batch transforms does not run in the local cloud."
        )
    return source["EndpointInput"]


def _creator(kind: str) -> Callable[[Record], Record]:
    def create(request: Record) -> Record:
        name = request["JobDefinitionName"]
        if STORE.find(f"{kind}JobDefinition", name):
            raise ResourceInUse(f"A {kind} job definition named {name} exists already; definitions are immutable.")
        source = request[f"{kind}JobInput"]
        any_input = source.get("EndpointInput") or source.get("BatchTransformInput")
        if any_input is None:
            raise ValidationError(f"{kind}JobInput needs an EndpointInput or a BatchTransformInput.")
        record = {**request, "JobDefinitionArn": arn(KINDS[kind], name), "CreationTime": time.time()}
        return STORE.put(f"{kind}JobDefinition", name, record)

    return create


def _describer(kind: str) -> Callable[[Record], Record]:
    return lambda request: require(kind, request["JobDefinitionName"])


def _deleter(kind: str) -> Callable[[Record], Record]:
    def delete(request: Record) -> Record:
        STORE.remove(f"{kind}JobDefinition", request["JobDefinitionName"])
        return {}

    return delete


def _lister(kind: str) -> Callable[[Record], Record]:
    def list_definitions(request: Record) -> Record:
        rows = [
            {
                "MonitoringJobDefinitionName": record["JobDefinitionName"],
                "MonitoringJobDefinitionArn": record["JobDefinitionArn"],
                "CreationTime": record["CreationTime"],
                "EndpointName": record[f"{kind}JobInput"].get("EndpointInput", {}).get("EndpointName", ""),
            }
            for record in STORE.all(f"{kind}JobDefinition")
        ]
        if endpoint := request.get("EndpointName"):
            rows = [row for row in rows if row["EndpointName"] == endpoint]
        return listing.answer(f"List{kind}JobDefinitions", request, rows, name="MonitoringJobDefinitionName")

    return list_definitions


for _kind in KINDS:
    operation(f"Create{_kind}JobDefinition")(_creator(_kind))
    operation(f"Describe{_kind}JobDefinition")(_describer(_kind))
    operation(f"Delete{_kind}JobDefinition")(_deleter(_kind))
    operation(f"List{_kind}JobDefinitions")(_lister(_kind))
