"""The auditor: reads how this deployment is set up, and nothing of what it holds."""

from scripts.cdk import ACCOUNT, REGION
from tests.e2e.people.calls import (
    LOOK,
    NOBODY,
    PROMOTE,
    READ_DATASET,
    READ_DECISION,
    READ_PREPARED,
    RETRAIN,
    Call,
)
from tests.e2e.people.place import PREFIX

CAN = [
    *LOOK,
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
    # How it is logged, traced and encrypted; its definition would need the key.
    Call("stepfunctions", "describe_state_machine", {"stateMachineArn": "{machine}", "includedData": "METADATA_ONLY"}),
    Call("stepfunctions", "list_executions", {"stateMachineArn": "{machine}"}),
]
CANNOT = [
    *NOBODY,
    *(READ_DATASET, READ_PREPARED, READ_DECISION, RETRAIN, PROMOTE),
    Call("iam", "get_role", {"RoleName": f"cdk-hnb659fds-deploy-role-{ACCOUNT}-{REGION}"}),
    Call("iam", "get_policy", {"PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}),
    Call("s3", "get_object", {"Bucket": "{reports}", "Key": "monitoring/x"}),
    Call("s3", "list_objects_v2", {"Bucket": "{transactions}"}),
    Call("s3", "delete_bucket_policy", {"Bucket": "{transactions}"}),
    Call("dynamodb", "query", {"TableName": f"{PREFIX}-rules", "KeyConditionExpression": "x = y"}),
    Call("kms", "disable_key", {"KeyId": "{data_key}"}),
    Call("logs", "get_log_events", {"logGroupName": f"/aws/lambda/{PREFIX}-scoring", "logStreamName": "x"}),
    Call("stepfunctions", "describe_state_machine", {"stateMachineArn": "{machine}"}),
    Call("stepfunctions", "describe_execution", {"executionArn": "{execution}"}),
    Call("iam", "update_assume_role_policy", {"RoleName": f"{PREFIX}-auditor-{REGION}", "PolicyDocument": "{{}}"}),
]
