"""What a call is, and the calls that several personas can make, or nobody."""

from dataclasses import dataclass, field
from typing import Any

from scripts.cdk import REGION
from tests.e2e.people.place import PREFIX, bootstrap_arn, role_arn

IMAGE = f"683313688378.dkr.ecr.{REGION}.amazonaws.com/sagemaker-xgboost:3.2-0"


@dataclass(frozen=True)
class Call:
    """One call; `but` begins the error code that an allowed one may end in."""

    service: str
    operation: str
    arguments: dict[str, Any] = field(default_factory=dict)
    but: str = ""

    def __str__(self) -> str:
        return f"{self.service}.{self.operation}"

    def expects(self, code: str) -> bool:
        """Whether an allowed call may end in this error."""
        return bool(self.but) and code.startswith(self.but)


def lists(**prefixes: tuple[str, ...]) -> list[Call]:
    """Listings of buckets, each below prefixes."""
    return [
        Call("s3", "list_objects_v2", {"Bucket": f"{{{bucket}}}", "Prefix": prefix})
        for bucket, several in prefixes.items()
        for prefix in several
    ]


CLUSTER = {
    "InstanceCount": 1,
    "InstanceType": "ml.m5.large",
    "VolumeSizeInGB": 1,
    "VolumeKmsKeyId": "{data_key}",
}
INSIDE = {"Subnets": "{subnets}", "SecurityGroupIds": "{groups}"}
ISOLATED = {"EnableNetworkIsolation": True, "EnableInterContainerTrafficEncryption": True, "VpcConfig": INSIDE}
PROCESSING = {
    "ProcessingJobName": f"{PREFIX}-lab-{{now}}",
    "RoleArn": role_arn("lab"),
    "AppSpecification": {"ImageUri": IMAGE, "ContainerEntrypoint": ["true"]},
    "ProcessingResources": {"ClusterConfig": CLUSTER},
    "NetworkConfig": ISOLATED,
    "Tags": [{"Key": "purpose", "Value": "lab"}],
}
PACKAGE = {
    "ModelPackageGroupName": "{package_group}",
    "InferenceSpecification": {
        "Containers": [{"Image": IMAGE, "ModelDataUrl": "s3://{artifacts}/{model}"}],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    },
}
UPDATE = {"StackName": f"{PREFIX}-serving", "UsePreviousTemplate": True, "Parameters": "{parameters}"}
UPDATE |= {"Capabilities": ["CAPABILITY_IAM"]}
_HOUR = {"StartTime": "2026-01-01T00:00:00Z", "EndTime": "2026-01-01T01:00:00Z"}
_METRIC = {"Namespace": "AWS/SageMaker", "MetricName": "Invocations"}

LOOK = [
    Call("cloudformation", "describe_stacks", {"StackName": f"{PREFIX}-serving"}),
    Call("cloudformation", "get_template", {"StackName": f"{PREFIX}-serving"}),
    Call("cloudwatch", "describe_alarms"),
    Call("cloudwatch", "list_metrics"),
    Call("cloudwatch", "get_metric_statistics", {**_METRIC, **_HOUR, "Period": 60, "Statistics": ["Sum"]}),
    Call(
        "cloudwatch",
        "get_metric_data",
        {**_HOUR, "MetricDataQueries": [{"Id": "m", "MetricStat": {"Metric": _METRIC, "Period": 60, "Stat": "Sum"}}]},
    ),
    Call("cloudwatch", "get_dashboard", {"DashboardName": PREFIX}),
    Call("ec2", "describe_flow_logs"),
    Call("ec2", "describe_security_groups"),
    Call("ec2", "describe_vpc_endpoints"),
    Call("logs", "describe_log_groups"),
    Call("sagemaker", "describe_endpoint", {"EndpointName": PREFIX}),
    Call("sagemaker", "list_monitoring_executions"),
]
FOLLOW = [
    Call("stepfunctions", "describe_state_machine", {"stateMachineArn": "{machine}"}),
    Call("stepfunctions", "list_executions", {"stateMachineArn": "{machine}"}),
    Call("stepfunctions", "describe_execution", {"executionArn": "{execution}"}),
    Call("stepfunctions", "get_execution_history", {"executionArn": "{execution}"}),
    # It has ended: nothing is stopped.
    Call("stepfunctions", "stop_execution", {"executionArn": "{execution}"}, but="Validation"),
    Call("logs", "describe_log_streams", {"logGroupName": "/aws/sagemaker/ProcessingJobs"}),
    Call("logs", "get_log_events", {"logGroupName": "/aws/sagemaker/ProcessingJobs", "logStreamName": "{stream}"}),
    *(
        Call("logs", "filter_log_events", {"logGroupName": group})
        for group in (f"/aws/lambda/{PREFIX}-scoring", f"/aws/vendedlogs/states/{PREFIX}-retraining", "{executions}")
    ),
    Call("sagemaker", "describe_model_package", {"ModelPackageName": "{package}"}),
    Call("sagemaker", "list_model_packages", {"ModelPackageGroupName": "{package_group}"}),
]

READ_DATASET = Call("s3", "get_object", {"Bucket": "{transactions}", "Key": "{dataset}"})
READ_PREPARED = Call("s3", "get_object", {"Bucket": "{artifacts}", "Key": "{prepared}"})
READ_DECISION = Call("dynamodb", "get_item", {"TableName": f"{PREFIX}-decisions", "Key": {"id": {"S": "{decision}"}}})
PROMOTE = Call("cloudformation", "update_stack", {**UPDATE, "RoleARN": role_arn("promotion")})
RETRAIN = Call("stepfunctions", "start_execution", {"stateMachineArn": "{machine}", "input": "{{}}"})
NOBODY = [
    Call("sagemaker", "delete_endpoint", {"EndpointName": PREFIX}),
    Call("sagemaker-runtime", "invoke_endpoint", {"EndpointName": PREFIX, "Body": b"1", "ContentType": "text/csv"}),
    Call("kms", "schedule_key_deletion", {"KeyId": "{data_key}"}),
    Call("kms", "generate_data_key", {"KeyId": "{data_key}", "KeySpec": "AES_256"}),
    Call("iam", "attach_role_policy", {"RoleName": f"{PREFIX}-{{persona}}-{REGION}", "PolicyArn": "{policy}"}),
    Call("iam", "list_roles"),
    Call("cloudtrail", "lookup_events"),
    Call("dynamodb", "scan", {"TableName": f"{PREFIX}-decisions"}),
    Call("logs", "get_log_events", {"logGroupName": "/aws/sagemaker/ProcessingJobs", "logStreamName": "another/x"}),
    # A version that is registered comes from a run, whose gate it has passed.
    *(
        Call("sagemaker", "create_model_package", {**PACKAGE, "ModelApprovalStatus": status})
        for status in ("Approved", "PendingManualApproval")
    ),
    # Where approval is automatic there is nothing for people to approve.
    Call("sagemaker", "update_model_package", {"ModelPackageArn": "{package}", "ModelApprovalStatus": "Approved"}),
    # Roles of the platform, and what may do anything in the account.
    *(
        Call("sts", "assume_role", {"RoleArn": role, "RoleSessionName": "attack"})
        for role in (
            *(role_arn(job) for job in ("lab", "processing", "promotion", "scoring")),
            *(bootstrap_arn(role) for role in ("deploy", "cfn-exec", "file-publishing", "lookup")),
        )
    ),
]
