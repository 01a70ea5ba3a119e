"""The platform engineer: promotes what a run has made, and sees no data."""

from scripts.cdk import REGION
from tests.e2e.people.calls import (
    FOLLOW,
    LOOK,
    NOBODY,
    PROCESSING,
    READ_DATASET,
    READ_DECISION,
    READ_PREPARED,
    UPDATE,
    Call,
)
from tests.e2e.people.place import PREFIX, role_arn

CAN = [
    *LOOK,
    *FOLLOW,
    # The demo has just retrained: the guard refuses.
    Call("stepfunctions", "start_execution", {"stateMachineArn": "{guard}", "input": "{{}}"}),
    # Nothing is different, so nothing is updated.
    Call("cloudformation", "update_stack", {**UPDATE, "RoleARN": role_arn("promotion")}, but="ValidationError"),
    Call("cloudformation", "describe_stack_events", {"StackName": f"{PREFIX}-serving"}),
    Call("s3", "get_object", {"Bucket": "{artifacts}", "Key": "{model}"}),
    # No event is undelivered: there is nothing to take away.
    Call("sqs", "get_queue_url", {"QueueName": f"{PREFIX}-undelivered"}),
    Call("sqs", "get_queue_attributes", {"QueueUrl": "{undelivered}", "AttributeNames": ["All"]}),
    Call("sqs", "receive_message", {"QueueUrl": "{undelivered}"}),
    Call("sqs", "delete_message", {"QueueUrl": "{undelivered}", "ReceiptHandle": "x"}, but="ReceiptHandleIsInvalid"),
]
CANNOT = [
    *NOBODY,
    *(READ_DATASET, READ_PREPARED, READ_DECISION),
    Call("s3", "list_objects_v2", {"Bucket": "{transactions}"}),
    Call("s3", "put_object", {"Bucket": "{artifacts}", "Key": "{model}", "Body": b"x"}),
    # Promotion is by the promotion role, in the serving stack, or not at all.
    Call("cloudformation", "update_stack", UPDATE),
    *(Call("cloudformation", "update_stack", {**UPDATE, "RoleARN": role_arn(job)}) for job in ("model", "lab")),
    Call(
        "cloudformation",
        "update_stack",
        {**UPDATE, "StackName": f"{PREFIX}-storage", "RoleARN": role_arn("promotion")},
    ),
    Call(
        "cloudformation",
        "create_stack",
        {"StackName": f"{PREFIX}-mine", "TemplateBody": "{{}}", "RoleARN": role_arn("promotion")},
    ),
    Call("cloudformation", "delete_stack", {"StackName": f"{PREFIX}-serving", "RoleARN": role_arn("promotion")}),
    Call("stepfunctions", "update_state_machine", {"stateMachineArn": "{machine}", "roleArn": role_arn("promotion")}),
    Call("sagemaker", "create_processing_job", PROCESSING),
    Call(
        "application-autoscaling",
        "deregister_scalable_target",
        {
            "ServiceNamespace": "sagemaker",
            "ResourceId": f"endpoint/{PREFIX}/variant/primary",
            "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
        },
    ),
    # Only EventBridge says what could not be delivered.
    Call("sqs", "send_message", {"QueueUrl": "{undelivered}", "MessageBody": "x"}),
    Call("iam", "update_assume_role_policy", {"RoleName": f"{PREFIX}-lab-{REGION}", "PolicyDocument": "{{}}"}),
]
