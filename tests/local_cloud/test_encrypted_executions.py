"""A state machine under a customer's key: its role needs the key to run, and whoever reads an execution to read."""

import json

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.local_cloud.conftest import ACCOUNT, REGION, Cloud, wait_until

MACHINE = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:secret"
CONTEXT = "kms:EncryptionContext:aws:states:stateMachineArn"
DEFINITION = json.dumps({"StartAt": "Done", "States": {"Done": {"Type": "Pass", "End": True}}})


def allow(*actions: str, resource: str = "*", condition: dict | None = None) -> str:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": resource, "Condition": condition or {}}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_the_machines_role_and_its_readers_need_the_key(own_cloud: Cloud) -> None:
    own_cloud.environment["AUTH"] = "true"
    own_cloud.run("up")
    iam, kms, states = (own_cloud.client(service) for service in ("iam", "kms", "stepfunctions"))
    # As in the platform's keys: the account uses it through services, and machines by their context.
    root = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Resource": "*"}
    through = {"StringEquals": {"kms:ViaService": f"states.{REGION}.amazonaws.com"}}
    policy = [
        {**root, "Action": ["kms:PutKeyPolicy", "kms:DescribeKey"]},
        {**root, "Action": "kms:Decrypt", "Condition": through},
        {**root, "Action": ["kms:Decrypt", "kms:GenerateDataKey"], "Condition": {"ArnLike": {CONTEXT: MACHINE}}},
    ]
    document = json.dumps({"Version": "2012-10-17", "Statement": policy})
    key = kms.create_key(Policy=document)["KeyMetadata"]["Arn"]
    trust = {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(RoleName="runs", AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))["Role"]
    encryption = {"type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": key}
    states.create_state_machine(
        name="secret", definition=DEFINITION, roleArn=role["Arn"], encryptionConfiguration=encryption
    )

    with pytest.raises(ClientError, match=r"KmsAccessDenied.*kms:GenerateDataKey"):
        states.start_execution(stateMachineArn=MACHINE)
    # Step Functions calls as the role, not through a service: a condition on one would keep it from running.
    iam.put_role_policy(
        RoleName="runs",
        PolicyName="key",
        PolicyDocument=allow("kms:Decrypt", "kms:GenerateDataKey", resource=key, condition=through),
    )
    with pytest.raises(ClientError, match="KmsAccessDenied"):
        states.start_execution(stateMachineArn=MACHINE)
    own = {"StringEquals": {CONTEXT: MACHINE}}
    iam.put_role_policy(
        RoleName="runs",
        PolicyName="key",
        PolicyDocument=allow("kms:Decrypt", "kms:GenerateDataKey", resource=key, condition=own),
    )
    execution = states.start_execution(stateMachineArn=MACHINE)["executionArn"]
    wait_until(lambda: states.describe_execution(executionArn=execution)["status"] == "SUCCEEDED")

    iam.create_user(UserName="reader")
    reads = ("states:DescribeExecution", "states:GetExecutionHistory", "states:DescribeStateMachine")
    iam.put_user_policy(UserName="reader", PolicyName="read", PolicyDocument=allow(*reads))
    given = iam.create_access_key(UserName="reader")["AccessKey"]
    session = boto3.Session(given["AccessKeyId"], given["SecretAccessKey"], region_name=REGION)
    reader = session.client("stepfunctions", endpoint_url=own_cloud.endpoint_url)
    looks = {
        "describe_execution": {"executionArn": execution},
        "get_execution_history": {"executionArn": execution},
        "describe_state_machine": {"stateMachineArn": MACHINE},
    }
    for operation, arguments in looks.items():
        with pytest.raises(ClientError, match="AccessDenied"):
            getattr(reader, operation)(**arguments)
    # Metadata is not encrypted.
    reader.describe_execution(executionArn=execution, includedData="METADATA_ONLY")
    iam.put_user_policy(
        UserName="reader",
        PolicyName="decrypt",
        PolicyDocument=allow("kms:Decrypt", resource=key, condition=through),
    )
    for operation, arguments in looks.items():
        getattr(reader, operation)(**arguments)
