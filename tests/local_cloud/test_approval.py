"""An approval in the model registry starts a state machine through EventBridge; what cannot start one is kept."""

import json

from tests.local_cloud.conftest import ACCOUNT, REGION, Cloud, unique, wait_until
from tests.local_cloud.stacks import IMAGE, ROLE


def test_approval_of_a_model_package_starts_a_machine(cloud: Cloud) -> None:
    sagemaker, events = cloud.client("sagemaker"), cloud.client("events")
    client = cloud.client("stepfunctions")
    definition = json.dumps({"StartAt": "Note", "States": {"Note": {"Type": "Succeed"}}})
    machine = client.create_state_machine(name="promote", definition=definition, roleArn=ROLE)["stateMachineArn"]
    sagemaker.create_model_package_group(ModelPackageGroupName="sfn-group")
    pattern = {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Model Package State Change"],
        "detail": {"ModelPackageGroupName": ["sfn-group"], "ModelApprovalStatus": ["Approved"]},
    }
    events.put_rule(Name="approvals", EventPattern=json.dumps(pattern))
    transformer = {
        "InputPathsMap": {"arn": "$.detail.ModelPackageArn"},
        "InputTemplate": '{"modelPackageArn": <arn>}',
    }
    target = {"Id": "machine", "Arn": machine, "RoleArn": ROLE, "InputTransformer": transformer}
    events.put_targets(Rule="approvals", Targets=[target])
    package = sagemaker.create_model_package(
        ModelPackageGroupName="sfn-group",
        ModelApprovalStatus="PendingManualApproval",
        InferenceSpecification={
            "Containers": [{"Image": IMAGE, "ModelDataUrl": "s3://sfn/model.tar.gz"}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
    )["ModelPackageArn"]
    sagemaker.update_model_package(ModelPackageArn=package, ModelApprovalStatus="Approved")

    def inputs() -> list[str]:
        executions = client.list_executions(stateMachineArn=machine)["executions"]
        return [client.describe_execution(executionArn=e["executionArn"])["input"] for e in executions]

    wait_until(lambda: inputs(), 10)
    assert [json.loads(text) for text in inputs()] == [{"modelPackageArn": package}]


def test_an_event_for_a_machine_that_is_not_there_goes_to_the_dead_letter_queue(cloud: Cloud) -> None:
    events, sqs = cloud.client("events"), cloud.client("sqs")
    name = unique("undelivered")
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    dead_letters = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    rule = events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))["RuleArn"]
    machine = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{name}"
    target = {
        "Id": "machine",
        "Arn": machine,
        "RoleArn": ROLE,
        "Input": "{}",
        "DeadLetterConfig": {"Arn": dead_letters},
    }
    events.put_targets(Rule=name, Targets=[target])
    events.put_events(Entries=[{"Source": name, "DetailType": "approval", "Detail": '{"version": 3}'}])

    def received() -> list[dict]:
        return sqs.receive_message(QueueUrl=queue, MessageAttributeNames=["All"]).get("Messages", [])

    (message,) = wait_until(received, 10)
    assert json.loads(message["Body"])["detail"] == {"version": 3}
    said = {key: value["StringValue"] for key, value in message["MessageAttributes"].items()}
    assert said.pop("ERROR_MESSAGE").startswith("State Machine Does Not Exist")
    assert said == {"ERROR_CODE": "RESOURCE_NOT_FOUND", "RULE_ARN": rule, "TARGET_ARN": machine}
