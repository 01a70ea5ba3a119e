"""An approval in the model registry starts a state machine through EventBridge."""

import json

from tests.local_cloud.conftest import Cloud, wait_until
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
