"""The data scientist: trains, and changes nothing that is deployed from."""

from typing import Any

from tests.e2e.people.calls import (
    CLUSTER,
    FOLLOW,
    IMAGE,
    INSIDE,
    ISOLATED,
    LOOK,
    NOBODY,
    PROCESSING,
    PROMOTE,
    READ_DATASET,
    READ_DECISION,
    READ_PREPARED,
    RETRAIN,
    Call,
    lists,
)
from tests.e2e.people.place import PREFIX, role_arn

LAB, BATCH, TUNING = f"{PREFIX}-lab-{{now}}", f"{PREFIX}-batch-{{now}}", f"{PREFIX}-{{now}}"
TAGS = [{"Key": "purpose", "Value": "lab"}]
DEFINITION = {
    "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
    "RoleArn": role_arn("lab"),
    "OutputDataConfig": {"S3OutputPath": "s3://{artifacts}/lab"},
    "ResourceConfig": CLUSTER,
    "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    **ISOLATED,
}
TRAINING = {"TrainingJobName": LAB, **DEFINITION}
MODEL = {
    "ModelName": BATCH,
    "ExecutionRoleArn": role_arn("transform"),
    "Containers": [{"ModelPackageName": "{package}"}],
    "EnableNetworkIsolation": True,
    "VpcConfig": INSIDE,
}
_DATA = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://{artifacts}/lab/nothing/"}}
TRANSFORM = {
    "TransformJobName": BATCH,
    "ModelName": BATCH,
    "TransformInput": {
        "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://{reports}/batch/nothing/"}}
    },
    "TransformOutput": {"S3OutputPath": "s3://{reports}/batch/{now}/"},
    "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeKmsKeyId": "{data_key}"},
}

_READS = (("data", "s3://{transactions}/{dataset}"), ("run", "s3://{artifacts}/{prepared}"))
# Reads what models are made of, says something and keeps something.
STUDY = {
    **PROCESSING,
    "ProcessingJobName": f"{PREFIX}-study-{{now}}",
    "AppSpecification": {
        "ImageUri": IMAGE,
        "ContainerEntrypoint": ["sh", "-c", "ls /opt/ml/processing | tee /opt/ml/processing/found/names"],
    },
    "ProcessingInputs": [
        {
            "InputName": name,
            "S3Input": {
                "S3Uri": uri,
                "LocalPath": f"/opt/ml/processing/{name}",
                "S3DataType": "S3Prefix",
                "S3InputMode": "File",
            },
        }
        for name, uri in _READS
    ],
    "ProcessingOutputConfig": {
        "Outputs": [
            {
                "OutputName": "found",
                "S3Output": {
                    "S3Uri": "s3://{artifacts}/lab/{now}",
                    "LocalPath": "/opt/ml/processing/found",
                    "S3UploadMode": "EndOfJob",
                },
            }
        ]
    },
}


def tuning(**changes: Any) -> dict[str, Any]:
    """A tuning job whose trials differ from a job that may be started by `changes`."""
    objective = {"Type": "Maximize", "MetricName": "validation:auc"}
    ranges = {"IntegerParameterRanges": [{"Name": "max_depth", "MinValue": "2", "MaxValue": "3"}]}
    return {
        "HyperParameterTuningJobName": TUNING,
        "HyperParameterTuningJobConfig": {
            "Strategy": "Random",
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 1, "MaxParallelTrainingJobs": 1},
        },
        "TrainingJobDefinitions": [
            {
                **DEFINITION,
                "DefinitionName": "one",
                "TuningObjective": objective,
                "HyperParameterRanges": ranges,
                "StaticHyperParameters": {"num_round": "1", "objective": "binary:logistic"},
                "InputDataConfig": [{"ChannelName": "train", "DataSource": _DATA, "ContentType": "text/csv"}],
                **changes,
            }
        ],
    }


def without(request: dict[str, Any], *path: str, value: Any = None) -> dict[str, Any]:
    """The request without one of its members, or with another value of it."""
    first, *rest = path
    if rest:
        return {**request, first: without(request[first], *rest, value=value)}
    kept = {key: member for key, member in request.items() if key != first}
    return kept if value is None else {**kept, first: value}


CAN = [
    *LOOK,
    *FOLLOW,
    # The machine refuses an input without a data set.
    RETRAIN,
    Call("sagemaker", "create_processing_job", STUDY),
    Call("sagemaker", "create_processing_job", PROCESSING),
    Call("sagemaker", "describe_processing_job", {"ProcessingJobName": LAB}),
    Call("sagemaker", "stop_processing_job", {"ProcessingJobName": LAB}, but="Validation"),
    Call("sagemaker", "create_hyper_parameter_tuning_job", tuning()),
    Call("sagemaker", "describe_hyper_parameter_tuning_job", {"HyperParameterTuningJobName": TUNING}),
    Call("sagemaker", "list_training_jobs_for_hyper_parameter_tuning_job", {"HyperParameterTuningJobName": TUNING}),
    Call("sagemaker", "stop_hyper_parameter_tuning_job", {"HyperParameterTuningJobName": TUNING}, but="Validation"),
    Call("sagemaker", "create_training_job", {**TRAINING, "Tags": TAGS}),
    Call("sagemaker", "describe_training_job", {"TrainingJobName": LAB}),
    Call("sagemaker", "stop_training_job", {"TrainingJobName": LAB}, but="Validation"),
    Call("sagemaker", "create_model", MODEL),
    Call("sagemaker", "describe_model", {"ModelName": BATCH}),
    Call("sagemaker", "create_transform_job", TRANSFORM),
    Call("sagemaker", "describe_transform_job", {"TransformJobName": BATCH}),
    Call("sagemaker", "stop_transform_job", {"TransformJobName": BATCH}, but="Validation"),
    Call("sagemaker", "delete_model", {"ModelName": BATCH}),
    *lists(
        transactions=("datasets/", "collections/"),
        artifacts=("runs/", "model-packages/", "lab/"),
        captures=("data-capture/", "ground-truth/"),
        reports=("monitoring/", "monitoring-history/", "batch/"),
    ),
    *(READ_DATASET, READ_PREPARED),
    Call("s3", "get_object", {"Bucket": "{captures}", "Key": "data-capture/none"}, but="NoSuchKey"),
    Call("s3", "get_object", {"Bucket": "{reports}", "Key": "monitoring/none"}, but="NoSuchKey"),
    Call("s3", "put_object", {"Bucket": "{transactions}", "Key": "datasets/lab/x", "Body": b"x"}),
    Call("s3", "put_object", {"Bucket": "{artifacts}", "Key": "lab/x", "Body": b"x"}),
    Call("s3", "put_object", {"Bucket": "{reports}", "Key": "batch/lab/x", "Body": b"x"}),
]

_OPEN = [
    ("VpcConfig", None),
    ("EnableNetworkIsolation", None),
    ("EnableInterContainerTrafficEncryption", None),
    ("EnableNetworkIsolation", False),
]
_ELSEWHERE = {"Subnets": ["subnet-0123456789abcdef0"], "SecurityGroupIds": "{groups}"}
# Jobs with a way out of the network, on a volume under another key, or in another network.
UNSAFE = [
    *(
        Call("sagemaker", "create_training_job", without(TRAINING, *path, value=value))
        for path, value in (
            *(((member,), value) for member, value in _OPEN),
            (("VpcConfig",), _ELSEWHERE),
            (("ResourceConfig", "VolumeKmsKeyId"), None),
            (("ResourceConfig", "VolumeKmsKeyId"), "alias/aws/ebs"),
        )
    ),
    *(
        Call("sagemaker", "create_processing_job", without(PROCESSING, *path, value=value))
        for path, value in (
            (("NetworkConfig",), None),
            *((("NetworkConfig", member), value) for member, value in _OPEN),
            (("ProcessingResources", "ClusterConfig", "VolumeKmsKeyId"), None),
        )
    ),
    *(
        Call("sagemaker", "create_hyper_parameter_tuning_job", tuning(**changes))
        for changes in (
            {"VpcConfig": _ELSEWHERE},
            {"EnableNetworkIsolation": False},
            {"ResourceConfig": without(CLUSTER, "VolumeKmsKeyId")},
        )
    ),
    Call("sagemaker", "create_model", without(MODEL, "VpcConfig")),
    Call("sagemaker", "create_model", without(MODEL, "EnableNetworkIsolation")),
    Call("sagemaker", "create_transform_job", without(TRANSFORM, "TransformResources", "VolumeKmsKeyId")),
]
CANNOT = [
    *NOBODY,
    *UNSAFE,
    *(PROMOTE, READ_DECISION),
    Call("sqs", "receive_message", {"QueueUrl": "{undelivered}"}),
    # A job has what its role has: whoever handed on a role of a run's could overwrite a model by a job.
    *(
        Call("sagemaker", "create_processing_job", {**PROCESSING, "RoleArn": role_arn(job)})
        for job in ("processing", "training", "collection", "model", "monitoring", "promotion", "scoring")
    ),
    Call("sagemaker", "create_training_job", {**TRAINING, "RoleArn": role_arn("training")}),
    Call("sagemaker", "create_processing_job", {**PROCESSING, "ProcessingJobName": "another-deployments"}),
    Call("sagemaker", "add_tags", {"ResourceArn": "{package}", "Tags": TAGS}),
    Call("sagemaker", "delete_model", {"ModelName": "{served}"}),
    Call("sagemaker", "update_endpoint", {"EndpointName": PREFIX, "EndpointConfigName": "x"}),
    Call("stepfunctions", "start_execution", {"stateMachineArn": "{guard}", "input": "{{}}"}),
    Call("s3", "put_object", {"Bucket": "{artifacts}", "Key": "{model}", "Body": b"x"}),
    Call("s3", "put_object", {"Bucket": "{captures}", "Key": "ground-truth/x", "Body": b"x"}),
    Call("s3", "delete_object", {"Bucket": "{transactions}", "Key": "{dataset}"}),
    Call("dynamodb", "put_item", {"TableName": f"{PREFIX}-rules", "Item": {"name": {"S": "x"}}}),
]
