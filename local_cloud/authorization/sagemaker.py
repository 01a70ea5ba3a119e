"""What a call of SageMaker demands: AWS's Service Authorization Reference for the operations that are offered here."""

from collections.abc import Iterator, Mapping
from typing import Any

from local_cloud.authorization.principal import acting_role, demand
from local_cloud.hooks import iam
from local_cloud.sagemaker.arns import arn, last_part

Record = Mapping[str, Any]
# An action, its resource, and its condition keys with "__" for the colon
Check = tuple[str, str, dict[str, Any]]

# What an operation's name ends in -> the resource type in ARNs and the request's member that names it
_KINDS = {
    "AutoMLJobV2": ("automl-job", "AutoMLJobName"),
    "DataQualityJobDefinition": ("data-quality-job-definition", "JobDefinitionName"),
    "EndpointConfig": ("endpoint-config", "EndpointConfigName"),
    "EndpointWeightsAndCapacities": ("endpoint", "EndpointName"),
    "Endpoint": ("endpoint", "EndpointName"),
    "HyperParameterTuningJob": ("hyper-parameter-tuning-job", "HyperParameterTuningJobName"),
    "ModelBiasJobDefinition": ("model-bias-job-definition", "JobDefinitionName"),
    "ModelExplainabilityJobDefinition": ("model-explainability-job-definition", "JobDefinitionName"),
    "ModelPackageGroup": ("model-package-group", "ModelPackageGroupName"),
    "ModelPackage": ("model-package", "ModelPackageName"),
    "ModelQualityJobDefinition": ("model-quality-job-definition", "JobDefinitionName"),
    "Model": ("model", "ModelName"),
    "MonitoringExecutions": ("monitoring-schedule", "MonitoringScheduleName"),
    "MonitoringSchedule": ("monitoring-schedule", "MonitoringScheduleName"),
    "ProcessingJob": ("processing-job", "ProcessingJobName"),
    "TrainingJob": ("training-job", "TrainingJobName"),
    "TransformJob": ("transform-job", "TransformJobName"),
}
_BY_LENGTH = sorted(_KINDS, key=len, reverse=True)


def authorize(operation: str, request: Record) -> None:
    """Ask whoever acts for everything that the call demands.

    Raises:
        Refused: naming the first action that is not allowed.
    """
    if iam.enforced() and (acting_role() or iam.caller()):
        for action, resource, context in checks(operation, request):
            demand(action, resource, **context)


def checks(operation: str, request: Record) -> Iterator[Check]:
    """Everything a call demands: itself on each resource, tagging, and the roles it hands on."""
    resources = resources_of(operation, request)
    for context in contexts(request):
        for resource in resources:
            yield f"sagemaker:{operation}", resource, context
    if request.get("Tags") and operation.startswith("Create"):
        yield "sagemaker:AddTags", resources[0], {"sagemaker__TaggingAction": operation}
    if operation == "CreateEndpointConfig" and (key := iam.key_arn(request.get("KmsKeyId", ""))):
        yield "kms:CreateGrant", key, {"kms__GrantIsForAWSResource": "true"}
        yield "kms:DescribeKey", key, {}
    for role in _roles(request):
        yield "iam:PassRole", role, {"iam__PassedToService": "sagemaker.amazonaws.com"}


def resources_of(operation: str, request: Record) -> list[str]:
    """ARNs of the resources that policies must name; ``*`` where the operation knows none."""
    if operation in ("AddTags", "DeleteTags", "ListTags"):
        return [request.get("ResourceArn", "*")]
    if operation == "CreateModelPackage" and request.get("ModelPackageGroupName"):
        group = last_part(request["ModelPackageGroupName"])
        return [arn("model-package", f"{group}/*"), arn("model-package-group", group)]
    if operation == "ListModelPackages" and request.get("ModelPackageGroupName"):
        return [arn("model-package", f"{last_part(request['ModelPackageGroupName'])}/*")]
    if operation in ("UpdateModelPackage", "DescribeModelPackage", "DeleteModelPackage"):
        given = request.get("ModelPackageArn") or request.get("ModelPackageName", "")
        return [given if given.startswith("arn:") else arn("model-package", given)]
    if operation == "ListTrainingJobsForHyperParameterTuningJob":
        return [arn("hyper-parameter-tuning-job", request["HyperParameterTuningJobName"])]
    if operation.startswith("List"):
        return ["*"]
    kind = next((kind for kind in _BY_LENGTH if operation.endswith(kind)), None)
    if kind is None:
        return ["*"]
    resource_type, member = _KINDS[kind]
    own = arn(resource_type, last_part(str(request.get(member, "*"))))
    if operation in ("CreateEndpoint", "UpdateEndpoint") and request.get("EndpointConfigName"):
        return [own, arn("endpoint-config", request["EndpointConfigName"])]
    return [own]


def contexts(request: Record) -> list[dict[str, Any]]:
    """SageMaker's condition keys, once for each definition of a training job that the request holds."""
    return [_context(request, definition) for definition in _definitions(request) or [request]]


def _context(request: Record, place: Record) -> dict[str, Any]:
    network = place.get("NetworkConfig") or place
    vpc = network.get("VpcConfig") or {}
    cluster = (place.get("ProcessingResources") or place.get("JobResources") or {}).get("ClusterConfig") or {}
    tuned = place.get("HyperParameterTuningResourceConfig")
    resources = place.get("ResourceConfig") or place.get("TransformResources") or tuned or cluster
    found = {
        "sagemaker__NetworkIsolation": _flag(network.get("EnableNetworkIsolation")),
        "sagemaker__InterContainerTrafficEncryption": _flag(network.get("EnableInterContainerTrafficEncryption")),
        "sagemaker__VolumeKmsKey": resources.get("VolumeKmsKeyId"),
        "sagemaker__InstanceTypes": resources.get("InstanceType"),
        "sagemaker__VpcSubnets": vpc.get("Subnets"),
        "sagemaker__VpcSecurityGroupIds": vpc.get("SecurityGroupIds"),
        "sagemaker__ModelApprovalStatus": request.get("ModelApprovalStatus"),
    }
    return {key: value for key, value in found.items() if value is not None}


def _flag(value: bool | None) -> str | None:
    return None if value is None else str(value).lower()


def _roles(request: Record) -> list[str]:
    found = [
        place.get(member) for place in [request, *_definitions(request)] for member in ("RoleArn", "ExecutionRoleArn")
    ]
    return list(dict.fromkeys(role for role in found if role))


def _definitions(request: Record) -> list[Record]:
    several = [request.get("TrainingJobDefinition"), *(request.get("TrainingJobDefinitions") or [])]
    return [definition for definition in several if definition]
