"""What each persona can do and cannot, as calls: (service, operation, arguments), and what AWS says to a call that may
be made and comes to nothing. Texts in arguments are filled in from `Place`."""

import datetime as dt
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import asdict, dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import ClientError

from scripts import guard, promote, rules
from scripts.cdk import ACCOUNT, REGION
from scripts.scoring.client import Refused, ScoringClient
from tests.e2e.conftest import Demo

PREFIX = "fraudstack-dev"
PERSONAS = ("platform-engineer", "data-scientist", "analyst", "auditor")
DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "KmsAccessDeniedException")
_IMAGE = f"683313688378.dkr.ecr.{REGION}.amazonaws.com/sagemaker-xgboost:3.2-0"


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
    decision: str
    role: str
    data_key: str
    policy: str
    served: str
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
    scanned = demo.client("dynamodb").scan(TableName=storage["DecisionsTableName"], Limit=1)["Items"]
    role = f"arn:aws:iam::{ACCOUNT}:role/{PREFIX}-training-{REGION}"
    attached = demo.client("iam").list_attached_role_policies(RoleName=role.rpartition("/")[2])["AttachedPolicies"]
    config = demo.client("sagemaker").describe_endpoint_config(
        EndpointConfigName=outputs["serving"]["EndpointConfigName"]
    )
    stack = demo.client("cloudformation").describe_stacks(StackName=f"{PREFIX}-serving")["Stacks"][0]
    executions = demo.client("stepfunctions").list_executions(stateMachineArn=machine, statusFilter="SUCCEEDED")
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
        decision=scanned[0]["id"]["S"],
        role=role,
        data_key=outputs["keys"]["DataKeyArn"],
        policy=attached[0]["PolicyArn"],
        served=config["ProductionVariants"][0]["ModelName"],
        parameters=[{"ParameterKey": item["ParameterKey"], "UsePreviousValue": True} for item in stack["Parameters"]],
        now=dt.datetime.now(dt.UTC).strftime("%H%M%S%f"),
    )


def _role(job: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{PREFIX}-{job}-{REGION}"


def _bootstrap(role: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/cdk-hnb659fds-{role}-role-{ACCOUNT}-{REGION}"


_HOUR = {"StartTime": "2026-01-01T00:00:00Z", "EndTime": "2026-01-01T01:00:00Z"}
_METRIC = {"Namespace": "AWS/SageMaker", "MetricName": "Invocations"}
_CLUSTER = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
_TRAINING = {
    "AlgorithmSpecification": {"TrainingImage": _IMAGE, "TrainingInputMode": "File"},
    "RoleArn": _role("training"),
    "OutputDataConfig": {"S3OutputPath": "s3://{artifacts}/runs/lab"},
    "ResourceConfig": _CLUSTER,
    "StoppingCondition": {"MaxRuntimeInSeconds": 60},
}
_PROCESSING = {
    "ProcessingJobName": f"{PREFIX}-lab-{{now}}",
    "RoleArn": _role("processing"),
    "AppSpecification": {"ImageUri": _IMAGE, "ContainerEntrypoint": ["true"]},
    "ProcessingResources": {"ClusterConfig": _CLUSTER},
}
_PACKAGE = {
    "ModelPackageGroupName": "{package_group}",
    "InferenceSpecification": {
        "Containers": [{"Image": _IMAGE, "ModelDataUrl": "s3://{artifacts}/{model}"}],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    },
}
_UPDATE = {"StackName": f"{PREFIX}-serving", "UsePreviousTemplate": True, "Parameters": "{parameters}"}
_UPDATE |= {"Capabilities": ["CAPABILITY_IAM"]}


def _lists(**prefixes: tuple[str, ...]) -> list[Call]:
    return [
        Call("s3", "list_objects_v2", {"Bucket": f"{{{bucket}}}", "Prefix": prefix})
        for bucket, several in prefixes.items()
        for prefix in several
    ]


def _tuning() -> list[Call]:
    tuning = f"{PREFIX}-{{now}}"
    data = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://{artifacts}/runs/nothing/"}}
    static = {key: value for key, value in _TRAINING.items()}
    return [
        Call(
            "sagemaker",
            "create_hyper_parameter_tuning_job",
            {
                "HyperParameterTuningJobName": tuning,
                "HyperParameterTuningJobConfig": {
                    "Strategy": "Random",
                    "ResourceLimits": {"MaxNumberOfTrainingJobs": 1, "MaxParallelTrainingJobs": 1},
                    "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "validation:auc"},
                    "ParameterRanges": {
                        "IntegerParameterRanges": [{"Name": "max_depth", "MinValue": "2", "MaxValue": "3"}]
                    },
                },
                "TrainingJobDefinition": {
                    **static,
                    "StaticHyperParameters": {"num_round": "1", "objective": "binary:logistic"},
                    "InputDataConfig": [{"ChannelName": "train", "DataSource": data, "ContentType": "text/csv"}],
                },
            },
        ),
        Call("sagemaker", "describe_hyper_parameter_tuning_job", {"HyperParameterTuningJobName": tuning}),
        Call(
            "sagemaker",
            "list_training_jobs_for_hyper_parameter_tuning_job",
            {"HyperParameterTuningJobName": tuning},
        ),
        Call("sagemaker", "stop_hyper_parameter_tuning_job", {"HyperParameterTuningJobName": tuning}, but="Validation"),
    ]


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
    Call("sagemaker", "describe_endpoint", {"EndpointName": PREFIX}),
    Call("sagemaker", "list_model_packages", {"ModelPackageGroupName": "{package_group}"}),
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
    Call("logs", "filter_log_events", {"logGroupName": f"/aws/lambda/{PREFIX}-scoring"}),
    Call("sagemaker", "describe_model_package", {"ModelPackageName": "{package}"}),
    Call("sagemaker", "create_model_package", {**_PACKAGE, "ModelApprovalStatus": "PendingManualApproval"}),
]
CAN: dict[str, list[Call]] = {
    "platform-engineer": [
        *LOOK,
        *FOLLOW,
        *(
            Call("sts", "assume_role", {"RoleArn": _bootstrap(role), "RoleSessionName": "deploy"})
            for role in ("deploy", "file-publishing", "image-publishing", "lookup")
        ),
        # The demo has just retrained: the guard refuses.
        Call("stepfunctions", "start_execution", {"stateMachineArn": "{guard}", "input": "{{}}"}),
        # Nothing is different, so nothing is updated.
        Call("cloudformation", "update_stack", {**_UPDATE, "RoleARN": _role("promotion")}, but="ValidationError"),
        Call("cloudformation", "describe_stack_events", {"StackName": f"{PREFIX}-serving"}),
        Call(
            "sagemaker",
            "update_model_package",
            {"ModelPackageArn": "{package}", "ModelApprovalStatus": "Approved", "ApprovalDescription": "looked at"},
        ),
        Call(
            "application-autoscaling",
            "deregister_scalable_target",
            {
                "ServiceNamespace": "sagemaker",
                "ResourceId": f"endpoint/{PREFIX}/variant/nobody",
                "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
            },
            but="ObjectNotFound",
        ),
        Call("s3", "get_object", {"Bucket": "{artifacts}", "Key": "{model}"}),
    ],
    "data-scientist": [
        *LOOK,
        *FOLLOW,
        # The machine refuses an input without a data set.
        Call("stepfunctions", "start_execution", {"stateMachineArn": "{machine}", "input": "{{}}"}),
        Call("sagemaker", "create_processing_job", _PROCESSING),
        Call("sagemaker", "describe_processing_job", {"ProcessingJobName": f"{PREFIX}-lab-{{now}}"}),
        Call("sagemaker", "stop_processing_job", {"ProcessingJobName": f"{PREFIX}-lab-{{now}}"}, but="Validation"),
        *_tuning(),
        Call("sagemaker", "create_training_job", {"TrainingJobName": f"{PREFIX}-lab-{{now}}", **_TRAINING}),
        Call("sagemaker", "describe_training_job", {"TrainingJobName": f"{PREFIX}-lab-{{now}}"}),
        Call("sagemaker", "stop_training_job", {"TrainingJobName": f"{PREFIX}-lab-{{now}}"}, but="Validation"),
        Call(
            "sagemaker",
            "create_model",
            {
                "ModelName": f"{PREFIX}-batch-{{now}}",
                "ExecutionRoleArn": _role("transform"),
                "Containers": [{"ModelPackageName": "{package}"}],
            },
        ),
        Call("sagemaker", "describe_model", {"ModelName": f"{PREFIX}-batch-{{now}}"}),
        Call(
            "sagemaker",
            "create_transform_job",
            {
                "TransformJobName": f"{PREFIX}-batch-{{now}}",
                "ModelName": f"{PREFIX}-batch-{{now}}",
                "TransformInput": {
                    "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://{reports}/batch/nothing/"}}
                },
                "TransformOutput": {"S3OutputPath": "s3://{reports}/batch/{now}/"},
                "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
            },
        ),
        Call("sagemaker", "describe_transform_job", {"TransformJobName": f"{PREFIX}-batch-{{now}}"}),
        Call("sagemaker", "stop_transform_job", {"TransformJobName": f"{PREFIX}-batch-{{now}}"}, but="Validation"),
        Call("sagemaker", "delete_model", {"ModelName": f"{PREFIX}-batch-{{now}}"}),
        *_lists(
            transactions=("datasets/", "collections/"),
            artifacts=("runs/", "model-packages/"),
            captures=("data-capture/", "ground-truth/"),
            reports=("monitoring/", "monitoring-history/", "batch/"),
        ),
        Call("s3", "get_object", {"Bucket": "{transactions}", "Key": "{dataset}"}),
        Call("s3", "get_object", {"Bucket": "{artifacts}", "Key": "{prepared}"}),
        Call("s3", "get_object", {"Bucket": "{captures}", "Key": "data-capture/none"}, but="NoSuchKey"),
        Call("s3", "get_object", {"Bucket": "{reports}", "Key": "monitoring/none"}, but="NoSuchKey"),
        Call("s3", "put_object", {"Bucket": "{transactions}", "Key": "datasets/lab/x", "Body": b"x"}),
        Call("s3", "put_object", {"Bucket": "{reports}", "Key": "batch/lab/x", "Body": b"x"}),
    ],
    "analyst": [
        *LOOK,
        *_lists(reports=("monitoring/", "monitoring-history/")),
        Call("s3", "get_object", {"Bucket": "{reports}", "Key": "monitoring/none"}, but="NoSuchKey"),
    ],
    "auditor": [
        *LOOK,
        Call("iam", "list_roles"),
        Call("iam", "get_role", {"RoleName": f"{PREFIX}-auditor-{REGION}"}),
        Call("iam", "list_role_policies", {"RoleName": f"{PREFIX}-scoring-{REGION}"}),
        Call("iam", "list_attached_role_policies", {"RoleName": f"{PREFIX}-scoring-{REGION}"}),
        Call("iam", "get_policy", {"PolicyArn": "{policy}"}),
        Call("iam", "get_policy_version", {"PolicyArn": "{policy}", "VersionId": "v1"}),
        Call("kms", "describe_key", {"KeyId": "{data_key}"}),
        Call("kms", "get_key_policy", {"KeyId": "{data_key}"}),
        Call("kms", "get_key_rotation_status", {"KeyId": "{data_key}"}),
        Call("kms", "list_grants", {"KeyId": "{data_key}"}),
        *(
            Call("s3", f"get_{what}", {"Bucket": "{transactions}"})
            for what in (
                *("bucket_logging", "bucket_policy", "public_access_block", "bucket_versioning", "bucket_encryption"),
                "bucket_lifecycle_configuration",
            )
        ),
        Call("dynamodb", "describe_table", {"TableName": f"{PREFIX}-decisions"}),
        Call("dynamodb", "describe_continuous_backups", {"TableName": f"{PREFIX}-decisions"}),
        Call("logs", "describe_log_groups"),
        Call("cloudtrail", "describe_trails"),
        Call("cloudtrail", "lookup_events"),
        Call("config", "describe_config_rules"),
        Call("config", "describe_compliance_by_config_rule"),
        Call("config", "describe_configuration_recorders"),
        Call("ec2", "describe_flow_logs"),
        Call("ec2", "describe_security_groups"),
        Call("ec2", "describe_vpc_endpoints"),
        Call("sagemaker", "list_monitoring_schedules"),
        Call("stepfunctions", "list_state_machines"),
    ],
}

_READ_DATASET = Call("s3", "get_object", {"Bucket": "{transactions}", "Key": "{dataset}"})
_READ_PREPARED = Call("s3", "get_object", {"Bucket": "{artifacts}", "Key": "{prepared}"})
_READ_DECISION = Call("dynamodb", "get_item", {"TableName": f"{PREFIX}-decisions", "Key": {"id": {"S": "{decision}"}}})
_APPROVE = Call(
    "sagemaker", "update_model_package", {"ModelPackageArn": "{package}", "ModelApprovalStatus": "Approved"}
)
_PROMOTE = Call("cloudformation", "update_stack", {**_UPDATE, "RoleARN": _role("promotion")})
_RETRAIN = Call("stepfunctions", "start_execution", {"stateMachineArn": "{machine}", "input": "{{}}"})
_DEPLOY = Call("sts", "assume_role", {"RoleArn": _bootstrap("deploy"), "RoleSessionName": "deploy"})
_DELETE_ENDPOINT = Call("sagemaker", "delete_endpoint", {"EndpointName": PREFIX})
_INVOKE = Call(
    "sagemaker-runtime", "invoke_endpoint", {"EndpointName": PREFIX, "Body": b"1", "ContentType": "text/csv"}
)
_ENCRYPT = Call("kms", "generate_data_key", {"KeyId": "{data_key}", "KeySpec": "AES_256"})
_GRANT = Call("iam", "attach_role_policy", {"RoleName": f"{PREFIX}-{{persona}}-{REGION}", "PolicyArn": "{policy}"})
_NOBODY = [_DELETE_ENDPOINT, _INVOKE, _ENCRYPT, _GRANT, Call("dynamodb", "scan", {"TableName": f"{PREFIX}-decisions"})]
CANNOT: dict[str, list[Call]] = {
    "platform-engineer": [
        *_NOBODY,
        *(_READ_DATASET, _READ_PREPARED, _READ_DECISION),
        Call("s3", "list_objects_v2", {"Bucket": "{transactions}"}),
        Call("cloudformation", "update_stack", _UPDATE),
        Call("cloudformation", "update_stack", {**_UPDATE, "RoleARN": _role("model")}),
        Call("cloudformation", "update_stack", {**_UPDATE, "StackName": f"{PREFIX}-storage"}),
        Call("sagemaker", "create_processing_job", _PROCESSING),
        Call("sagemaker", "create_model_package", {**_PACKAGE, "ModelApprovalStatus": "Approved"}),
        Call("sts", "assume_role", {"RoleArn": _bootstrap("cfn-exec"), "RoleSessionName": "deploy"}),
    ],
    "data-scientist": [
        *_NOBODY,
        *(_APPROVE, _PROMOTE, _DEPLOY, _READ_DECISION),
        Call("sagemaker", "create_model_package", {**_PACKAGE, "ModelApprovalStatus": "Approved"}),
        Call("sagemaker", "create_processing_job", {**_PROCESSING, "RoleArn": _role("promotion")}),
        Call("sagemaker", "create_processing_job", {**_PROCESSING, "ProcessingJobName": "another-deployments"}),
        Call("sagemaker", "delete_model", {"ModelName": "{served}"}),
        Call("sagemaker", "update_endpoint", {"EndpointName": PREFIX, "EndpointConfigName": "x"}),
        Call("stepfunctions", "start_execution", {"stateMachineArn": "{guard}", "input": "{{}}"}),
        Call("s3", "put_object", {"Bucket": "{artifacts}", "Key": "{model}", "Body": b"x"}),
        Call("s3", "put_object", {"Bucket": "{captures}", "Key": "ground-truth/x", "Body": b"x"}),
        Call("s3", "delete_object", {"Bucket": "{transactions}", "Key": "{dataset}"}),
        Call("dynamodb", "put_item", {"TableName": f"{PREFIX}-rules", "Item": {"name": {"S": "x"}}}),
    ],
    "analyst": [
        *_NOBODY,
        *(_READ_DATASET, _READ_PREPARED, _READ_DECISION, _RETRAIN, _APPROVE, _PROMOTE, _DEPLOY),
        Call("s3", "get_object", {"Bucket": "{captures}", "Key": "data-capture/x"}),
        Call("dynamodb", "get_item", {"TableName": f"{PREFIX}-profiles", "Key": {"key": {"S": "x"}}}),
        Call("dynamodb", "delete_item", {"TableName": f"{PREFIX}-rules", "Key": {"name": {"S": "ruleset"}}}),
        Call("dynamodb", "delete_table", {"TableName": f"{PREFIX}-rules"}),
        Call("stepfunctions", "describe_execution", {"executionArn": "{execution}"}),
        Call("logs", "filter_log_events", {"logGroupName": f"/aws/lambda/{PREFIX}-scoring"}),
        Call("sagemaker", "create_model_package", _PACKAGE),
    ],
    "auditor": [
        *_NOBODY,
        *(_READ_DATASET, _READ_PREPARED, _READ_DECISION, _RETRAIN, _APPROVE, _PROMOTE, _DEPLOY),
        Call("s3", "get_object", {"Bucket": "{reports}", "Key": "monitoring/x"}),
        Call("s3", "list_objects_v2", {"Bucket": "{transactions}"}),
        Call("s3", "delete_bucket_policy", {"Bucket": "{transactions}"}),
        Call("dynamodb", "query", {"TableName": f"{PREFIX}-rules", "KeyConditionExpression": "x = y"}),
        Call("kms", "disable_key", {"KeyId": "{data_key}"}),
        Call("logs", "get_log_events", {"logGroupName": f"/aws/lambda/{PREFIX}-scoring", "logStreamName": "x"}),
        Call("stepfunctions", "describe_execution", {"executionArn": "{execution}"}),
        Call("iam", "update_assume_role_policy", {"RoleName": f"{PREFIX}-auditor-{REGION}", "PolicyDocument": "{{}}"}),
        Call("sagemaker", "create_model_package", _PACKAGE),
    ],
}


class Persona:
    """Credentials of a persona's role, taken with a second factor."""

    def __init__(self, demo: Demo, name: str, session: str):
        self._demo, self.name = demo, name
        given = demo.client("sts").assume_role(
            RoleArn=_role(name),
            RoleSessionName=session,
            SerialNumber=f"arn:aws:iam::{ACCOUNT}:mfa/somebody",
            TokenCode="123456",
        )["Credentials"]
        self._keys = given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"]
        self._session, self._clients = boto3.Session(*self._keys, region_name=REGION), {}

    def answer(self, call: Call, at: Place) -> str:
        """The error code that a call ends in, or nothing."""
        if call.service not in self._clients:
            self._clients[call.service] = self._session.client(call.service, endpoint_url=self._demo.endpoint_url)
        client = self._clients[call.service]
        arguments = _fill(call.arguments, {**asdict(at), "persona": self.name})
        try:
            getattr(client, call.operation)(**arguments)
        except ClientError as error:
            return error.response["Error"]["Code"]
        return ""

    @property
    def api(self) -> ScoringClient:
        """The API, called by the persona."""
        with self.environment():
            url = self._demo.outputs("scoring")["ApiUrl"]
            return ScoringClient(url, REGION, endpoint_url=self._demo.endpoint_url)

    @contextmanager
    def environment(self) -> Iterator[None]:
        """Variables under which the operators' commands act as the persona."""
        names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
        before = dict(os.environ)
        os.environ.update(self._demo.environment, **dict(zip(names, self._keys, strict=True)))
        os.environ.pop("AWS_PROFILE", None)
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)

    def command(self, main: Callable[[list[str]], int], *arguments: object) -> str:
        """What a command says that does not end in success; nothing otherwise."""
        said = StringIO()
        with self.environment(), redirect_stdout(said), redirect_stderr(said):
            code = main([str(argument) for argument in arguments])
        return said.getvalue() if code else ""


def exercise(demo: Demo, folder: Path) -> dict[str, list[str]]:
    """Do everything that each persona can do; return what was refused after all, by persona."""
    at, refused = place(demo), {}
    for name, calls in CAN.items():
        persona = Persona(demo, name, "persona")
        answers = [(call, persona.answer(call, at)) for call in calls]
        refused[name] = [f"{call}: {code}" for call, code in answers if code and not call.expects(code)]
        refused[name] += _commands(persona, at, folder)
    _clean(demo, at)
    return refused


def _commands(persona: Persona, at: Place, folder: Path) -> list[str]:
    if persona.name == "platform-engineer":
        found = [persona.command(guard.main, "status"), persona.command(promote.main, "status")]
    elif persona.name == "analyst":
        texts = folder / "blocked.txt"
        texts.write_text(f"customer-{at.now}\n", encoding="utf-8")
        lists = ("lists", "publish", "persona_test", texts, "--comment", "a test")
        found = [persona.command(rules.main, *lists), persona.command(rules.main, "lists", "list")]
        try:
            decision = persona.api.decision(at.decision)
            persona.api.label(at.decision, "genuine")
            entity, value = next(iter(decision.get("entities", {"": ""}).items()))
            persona.api.decisions(f"{entity}:{value}" if entity else "customer:1")
        except Refused as error:
            found.append(str(error))
    else:
        found = []
    return [text for text in found if text]


def _clean(demo: Demo, at: Place) -> None:
    s3, sagemaker = demo.client("s3"), demo.client("sagemaker")
    s3.delete_object(Bucket=at.transactions, Key="datasets/lab/x")
    s3.delete_object(Bucket=at.reports, Key="batch/lab/x")
    pending = sagemaker.list_model_packages(
        ModelPackageGroupName=at.package_group, ModelApprovalStatus="PendingManualApproval"
    )
    for package in pending["ModelPackageSummaryList"]:
        sagemaker.delete_model_package(ModelPackageName=package["ModelPackageArn"])


def _fill(value: Any, texts: dict[str, Any]) -> Any:
    if value == "{parameters}":
        return texts["parameters"]
    if isinstance(value, dict):
        return {key: _fill(item, texts) for key, item in value.items()}
    if isinstance(value, list):
        return [_fill(item, texts) for item in value]
    return value.format(**texts) if isinstance(value, str) else value
