"""AWS::SageMaker::* resource types, each a row of a table over SageMaker's own API.

Create, Update and Delete go through the operations table, so templates are validated as API requests are. Which
properties replace a resource is a fact of CloudFormation's resource schemas, which the tests compare with cfn-lint's.
"""

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from local_cloud.cloudformation import endpoint_type, tags
from local_cloud.cloudformation.shapes import to_request
from local_cloud.hooks import cloudformation as hook
from local_cloud.sagemaker import arns
from local_cloud.sagemaker.errors import SageMakerError
from local_cloud.sagemaker.monitoring import executions
from local_cloud.sagemaker.operations import MODEL, call
from local_cloud.sagemaker.store import STORE

Record = dict[str, Any]
Change = Callable[[Record, Record], None]


@dataclass(frozen=True)
class SageMakerType:
    """How one resource type maps to operations.

    Attributes:
        kind: as in ``Create<kind>``.
        create_only: properties whose change replaces the resource.
        attributes: members of the record that ``Fn::GetAtt`` reads.
        name: property with the resource's name; ``None`` where the service gives the identity.
        generated: a resource without name gets one.
        arn: member with the ARN, which is also what ``Ref`` returns.
        ignored: properties that are accepted and have no effect, on AWS neither.
        extra: properties that are not members of the Create request, applied by ``change`` after it.
        change: applies in-place changes given the record and the new properties.
        settle: waits after a create or update; raises what makes the stack roll back.
        remove: deletes the resource; by default ``Delete<kind>``.
    """

    kind: str
    create_only: tuple[str, ...]
    attributes: tuple[str, ...] = ()
    name: str | None = None
    generated: bool = True
    arn: str = ""
    ignored: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    change: Change | None = None
    settle: Callable[[Record], None] | None = None
    remove: Callable[[Record], None] | None = None

    @property
    def resource_type(self) -> str:
        return f"AWS::SageMaker::{self.kind}"

    @property
    def arn_member(self) -> str:
        return self.arn or f"{self.kind}Arn"


def _monitoring_settled(record: Record) -> None:
    status = _wait(record, "MonitoringScheduleStatus", ("Pending",))
    if status == "Failed":
        raise ValueError(f"The monitoring schedule failed: {record.get('FailureReason')}")


def _change_schedule(record: Record, properties: Record) -> None:
    shape = MODEL.operation_model("UpdateMonitoringSchedule").input_shape
    request = {"MonitoringScheduleConfig": properties["MonitoringScheduleConfig"]}
    if to_request(request, shape)["MonitoringScheduleConfig"] != record.get("MonitoringScheduleConfig"):
        name = record["MonitoringScheduleName"]
        call("UpdateMonitoringSchedule", to_request({"MonitoringScheduleName": name, **request}, shape))


def _remove_schedule(record: Record) -> None:
    # SageMaker refuses to delete a schedule that is pending or has an execution in progress.
    name = {"MonitoringScheduleName": record["MonitoringScheduleName"]}
    _wait(record, "MonitoringScheduleStatus", ("Pending",))
    if record.get("MonitoringScheduleStatus") == "Scheduled":
        call("StopMonitoringSchedule", name)
        _wait(record, "MonitoringScheduleStatus", ("Pending", "Scheduled"))
    executions.stop(record["MonitoringScheduleName"])
    call("DeleteMonitoringSchedule", name)


def _change_group(record: Record, properties: Record) -> None:
    name = {"ModelPackageGroupName": record["ModelPackageGroupName"]}
    policy = properties.get("ModelPackageGroupPolicy")
    if policy:
        text = policy if isinstance(policy, str) else json.dumps(policy, sort_keys=True)
        call("PutModelPackageGroupPolicy", {**name, "ResourcePolicy": text})
    elif "ResourcePolicy" in record:
        call("DeleteModelPackageGroupPolicy", name)


_PACKAGE_UPDATE = ("ModelApprovalStatus", "ApprovalDescription", "CustomerMetadataProperties", "SourceUri", "ModelCard")


def _change_package(record: Record, properties: Record) -> None:
    shape = MODEL.operation_model("UpdateModelPackage").input_shape
    wanted = to_request({key: properties[key] for key in _PACKAGE_UPDATE if key in properties}, shape)
    changed = {key: value for key, value in wanted.items() if record.get(key) != value}
    if changed:
        call("UpdateModelPackage", {"ModelPackageArn": record["ModelPackageArn"], **changed})


def _remove_package(record: Record) -> None:
    call("DeleteModelPackage", {"ModelPackageName": record["ModelPackageArn"]})


def _job_definition(what: str) -> SageMakerType:
    return SageMakerType(
        kind=f"{what}JobDefinition",
        name="JobDefinitionName",
        arn="JobDefinitionArn",
        attributes=("CreationTime", "JobDefinitionArn"),
        create_only=(
            "JobDefinitionName", f"{what}AppSpecification", f"{what}BaselineConfig", f"{what}JobInput",
            f"{what}JobOutputConfig", "JobResources", "NetworkConfig", "RoleArn", "StoppingCondition", "Tags",
            "EndpointName",
        ),
        ignored=("EndpointName",),
    )  # fmt: skip


TYPES = [
    SageMakerType(
        kind="Model",
        name="ModelName",
        attributes=("ModelName", "ModelArn"),
        create_only=(
            "ExecutionRoleArn", "EnableNetworkIsolation", "InferenceExecutionConfig", "PrimaryContainer", "ModelName",
            "VpcConfig", "Containers",
        ),
    ),
    SageMakerType(
        kind="EndpointConfig",
        name="EndpointConfigName",
        attributes=("EndpointConfigName", "EndpointConfigArn"),
        create_only=(
            "KmsKeyId", "AsyncInferenceConfig", "ExecutionRoleArn", "ShadowProductionVariants",
            "EnableNetworkIsolation", "ProductionVariants", "DataCaptureConfig", "ExplainerConfig", "MetricsConfig",
            "EndpointConfigName", "VpcConfig",
        ),
    ),
    SageMakerType(
        kind="Endpoint",
        name="EndpointName",
        attributes=("EndpointName", "EndpointArn"),
        create_only=("EndpointName",),
        extra=endpoint_type.UPDATE_ONLY,
        change=endpoint_type.change,
        settle=endpoint_type.settle,
        remove=endpoint_type.remove,
    ),
    SageMakerType(
        kind="ModelPackageGroup",
        name="ModelPackageGroupName",
        generated=False,
        attributes=("CreationTime", "ModelPackageGroupArn", "ModelPackageGroupStatus"),
        create_only=("ModelPackageGroupName", "ModelPackageGroupDescription"),
        extra=("ModelPackageGroupPolicy",),
        change=_change_group,
    ),
    SageMakerType(
        kind="ModelPackage",
        attributes=("CreationTime", "LastModifiedTime", "ModelPackageArn", "ModelPackageName", "ModelPackageStatus"),
        create_only=(
            "ModelPackageGroupName", "ModelPackageDescription", "InferenceSpecification", "ValidationSpecification",
            "SourceAlgorithmSpecification", "MetadataProperties", "ModelMetrics", "ClientToken",
            "DriftCheckBaselines", "Domain", "Task", "SamplePayloadUrl", "SecurityConfig",
        ),
        change=_change_package,
        remove=_remove_package,
    ),
    SageMakerType(
        kind="MonitoringSchedule",
        name="MonitoringScheduleName",
        generated=False,
        attributes=("CreationTime", "LastModifiedTime", "MonitoringScheduleArn"),
        create_only=("MonitoringScheduleName",),
        ignored=("EndpointName",),
        change=_change_schedule,
        settle=_monitoring_settled,
        remove=_remove_schedule,
    ),
    *(_job_definition(what) for what in ("DataQuality", "ModelQuality", "ModelBias", "ModelExplainability")),
]  # fmt: skip


def install() -> None:
    """Register every type of the table."""
    for spec in TYPES:
        hook.register(
            spec.resource_type,
            create=_creator(spec),
            update=_updater(spec),
            delete=_deleter(spec),
            create_only=spec.create_only,
            name_property=spec.name,
            tagged=True,
        )


def remove_unrecorded(stack_id: str, known: set[str]) -> None:
    """Delete what was made for a stack, as its tags say, and is not among the physical ids that the stack knows."""
    for spec in reversed(TYPES):
        for record in STORE.all(spec.kind):
            tagged = {tag["Key"]: tag["Value"] for tag in record.get("Tags", [])}
            if tagged.get("aws:cloudformation:stack-id") == stack_id and record[spec.arn_member] not in known:
                _remove(spec, record)


def _creator(spec: SageMakerType) -> hook.Create:
    operation = f"Create{spec.kind}"
    shape = MODEL.operation_model(operation).input_shape

    def create(logical_id: str, properties: Record, stack_name: str) -> tuple[str, Record]:
        # Before anything is made: the properties that are applied after the create are checked too.
        _check_known(spec, properties)
        direct = {key: value for key, value in properties.items() if key not in spec.extra + spec.ignored}
        if spec.name and spec.generated:
            direct.setdefault(spec.name, _generated_name(stack_name, logical_id))
        arn = call(operation, to_request(direct, shape))[spec.arn_member]
        record = arns.record_of(arn)
        try:
            if spec.change and set(spec.extra) & set(properties):
                spec.change(record, properties)
            if spec.settle:
                spec.settle(record)
        except Exception:
            _remove(spec, record)
            raise
        return _answer(spec, record)

    return create


def _updater(spec: SageMakerType) -> hook.Update:
    def update(
        physical_id: str, old: Record, new: Record, stack_name: str, logical_id: str
    ) -> tuple[str, dict[str, Any]]:
        _check_known(spec, new)
        record = arns.record_of(physical_id)
        if record is None:
            raise ValueError(f"Resource handler returned message: {physical_id} does not exist (NotFound)")
        if spec.change:
            spec.change(record, new)
        tags.apply_sagemaker(physical_id, old.get("Tags"), new.get("Tags"))
        if spec.settle:
            spec.settle(record)
        return _answer(spec, record)

    return update


def _deleter(spec: SageMakerType) -> hook.Delete:
    def delete(physical_id: str, properties: Record) -> None:
        record = arns.record_of(physical_id)
        if record is not None:
            _remove(spec, record)

    return delete


def _remove(spec: SageMakerType, record: Record) -> None:
    try:
        if spec.remove:
            spec.remove(record)
        else:
            call(f"Delete{spec.kind}", {spec.name: record[spec.name]})
    except SageMakerError as error:
        # Deleting is idempotent: somebody else may have been faster.
        if arns.record_of(record[spec.arn_member]) is not None:
            raise ValueError(f"Resource handler returned message: {error} ({error.code})") from error


def _generated_name(stack_name: str, logical_id: str) -> str:
    """SageMaker's resources are named after the logical id and a random part, without the stack's name."""
    digest = hashlib.sha256(hook.physical_name(stack_name, logical_id, 128).encode()).hexdigest()
    return f"{logical_id[:50]}-{digest[:12]}"


def _check_known(spec: SageMakerType, properties: Record) -> None:
    permitted = {*MODEL.operation_model(f"Create{spec.kind}").input_shape.members, *spec.extra, *spec.ignored}
    unknown = sorted(set(properties) - permitted)
    if unknown:
        raise ValueError(
            f"Properties validation failed for {spec.resource_type}: #: extraneous key [{unknown[0]}] is not "
            f"permitted; permitted are {', '.join(sorted(permitted))}"
        )


def _answer(spec: SageMakerType, record: Record) -> tuple[str, dict[str, Any]]:
    attributes = {name: record[name] for name in spec.attributes if name in record}
    for name, value in attributes.items():
        if name.endswith("Time"):
            attributes[name] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(value))
    return record[spec.arn_member], attributes


def _wait(record: Record, member: str, while_in: tuple[str, ...], timeout: float = 900.0) -> str:
    deadline = time.monotonic() + timeout
    while record.get(member) in while_in:
        if time.monotonic() > deadline:
            raise ValueError(f"{member} was still {record[member]} after {timeout:.0f} s")
        time.sleep(0.05)
    return record.get(member, "")
