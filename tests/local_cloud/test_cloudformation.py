"""Resource types: an endpoint's whole life in one stack, replacement, rollback, refusals."""

import json
import re
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from local_cloud.cloudformation.sagemaker_types import TYPES
from tests.local_cloud.conftest import ACCOUNT, REPOSITORY, Cloud, unique, wait_until
from tests.local_cloud.stacks import BUCKET, ENDPOINT, ROLE, Stack, answer, container, serving, upload_model


@pytest.fixture(scope="module")
def deployed(cloud: Cloud) -> Iterator[Stack]:
    cloud.client("s3").create_bucket(Bucket=BUCKET)
    stack = Stack(cloud, "cfn-serving")
    status = stack.deploy(serving(upload_model(cloud, BUCKET, "one")))
    assert status == "CREATE_COMPLETE", stack.failures()
    yield stack
    stack.delete()


def test_attributes_and_typed_properties(cloud: Cloud, deployed: Stack) -> None:
    outputs, sagemaker = deployed.outputs(), cloud.client("sagemaker")
    model = sagemaker.describe_model(ModelName=outputs["ModelArn"].rpartition("/")[2])
    assert model["EnableNetworkIsolation"] is True
    assert outputs["ModelArn"] == model["ModelArn"]
    assert outputs["Endpoint"].endswith(f":endpoint/{ENDPOINT}")
    endpoint = sagemaker.describe_endpoint(EndpointName=ENDPOINT)
    assert endpoint["EndpointConfigName"] == outputs["Config"]
    assert endpoint["ProductionVariants"][0]["CurrentInstanceCount"] == 2
    tags = {tag["Key"]: tag["Value"] for tag in sagemaker.list_tags(ResourceArn=model["ModelArn"])["Tags"]}
    assert tags["team"] == "risk"
    assert tags["aws:cloudformation:stack-name"] == deployed.name


def test_autoscaling_is_recorded(cloud: Cloud, deployed: Stack) -> None:
    autoscaling = cloud.client("application-autoscaling")
    resource = f"endpoint/{ENDPOINT}/variant/primary"
    assert deployed.outputs()["Target"] == f"{resource}|sagemaker:variant:DesiredInstanceCount|sagemaker"
    target = autoscaling.describe_scalable_targets(ServiceNamespace="sagemaker", ResourceIds=[resource])
    assert [target["ScalableTargets"][0][key] for key in ("MinCapacity", "MaxCapacity")] == [1, 3]
    policy = autoscaling.describe_scaling_policies(ServiceNamespace="sagemaker", ResourceId=resource)
    assert policy["ScalingPolicies"][0]["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] == 100.0


def test_rest_api_reaches_the_endpoint(cloud: Cloud, deployed: Stack) -> None:
    gateway = cloud.client("apigateway")
    api = gateway.create_rest_api(name="scores")["id"]
    root = gateway.get_resources(restApiId=api)["items"][0]["id"]
    score = gateway.create_resource(restApiId=api, parentId=root, pathPart="score")["id"]
    where = {"restApiId": api, "resourceId": score, "httpMethod": "POST"}
    gateway.put_method(**where, authorizationType="NONE")
    gateway.put_method_response(**where, statusCode="200")
    gateway.put_integration(
        **where,
        type="AWS",
        integrationHttpMethod="POST",
        uri=f"arn:aws:apigateway:us-east-1:runtime.sagemaker:path//endpoints/{ENDPOINT}/invocations",
        requestParameters={"integration.request.header.Content-Type": "'text/csv'"},
        credentials=ROLE,
    )
    gateway.put_integration_response(**where, statusCode="200")
    gateway.create_deployment(restApiId=api, stageName="prod")
    url = f"{cloud.endpoint_url}/restapis/{api}/prod/_user_request_/score"
    request = urllib.request.Request(url, data=b"1,2\n3,4", method="POST")
    with urllib.request.urlopen(request, timeout=30) as response:
        assert response.read().decode().split() == ["one", "one"]


def test_state_machine_reaches_the_endpoint(cloud: Cloud, deployed: Stack) -> None:
    client = cloud.client("stepfunctions")
    call = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:sagemakerruntime:invokeEndpoint",
        "Arguments": {"EndpointName": ENDPOINT, "ContentType": "text/csv", "Body": "1,2"},
        "Output": "{% $states.result.Body & ' by ' & $states.result.InvokedProductionVariant %}",
        "End": True,
    }
    definition = json.dumps({"QueryLanguage": "JSONata", "StartAt": "Call", "States": {"Call": call}})
    machine = client.create_state_machine(name="cfn-invoke", definition=definition, roleArn=ROLE)["stateMachineArn"]
    execution = client.start_execution(stateMachineArn=machine)["executionArn"]
    wait_until(lambda: client.describe_execution(executionArn=execution)["status"] != "RUNNING")
    assert client.describe_execution(executionArn=execution).get("output") == '"one by primary"'


def test_update_replaces_what_is_immutable_and_keeps_the_endpoint(cloud: Cloud, deployed: Stack) -> None:
    before = deployed.physical_ids()
    assert deployed.deploy(serving(upload_model(cloud, BUCKET, "two"))) == "UPDATE_COMPLETE", deployed.failures()
    after = deployed.physical_ids()
    assert answer(cloud) == "two"
    assert before["Model"] != after["Model"]
    assert before["Config"] != after["Config"]
    assert before["Endpoint"] == after["Endpoint"]
    with pytest.raises(ClientError, match=r"Could not find [Mm]odel"):
        cloud.client("sagemaker").describe_model(ModelName=before["Model"].rpartition("/")[2])


def test_failed_update_rolls_back_to_the_old_model(cloud: Cloud, deployed: Stack) -> None:
    good = serving(upload_model(cloud, BUCKET, "three"))
    assert deployed.deploy(good) == "UPDATE_COMPLETE", deployed.failures()
    config = deployed.outputs()["Config"]
    models = {model["ModelName"] for model in cloud.client("sagemaker").list_models()["Models"]}
    assert deployed.deploy(serving(upload_model(cloud, BUCKET, "broken"))) == "UPDATE_ROLLBACK_COMPLETE"
    assert "rolled back by SageMaker" in deployed.failures()
    assert answer(cloud) == "three"
    sagemaker = cloud.client("sagemaker")
    assert sagemaker.describe_endpoint(EndpointName=ENDPOINT)["EndpointConfigName"] == config
    assert {model["ModelName"] for model in sagemaker.list_models()["Models"]} == models
    # The stack is usable after it: the same template again changes nothing.
    with pytest.raises(ClientError, match="No updates are to be performed"):
        deployed.deploy(good)


def test_failed_create_leaves_nothing(cloud: Cloud, deployed: Stack) -> None:
    template = serving(upload_model(cloud, BUCKET, "broken"))
    template["Resources"] = {key: template["Resources"][key] for key in ("Model", "Config", "Endpoint")}
    template["Resources"]["Endpoint"]["Properties"]["EndpointName"] = "cfn-never"
    del template["Outputs"]
    stack = Stack(cloud, "cfn-broken")
    assert stack.deploy(template) == "ROLLBACK_COMPLETE"
    assert "Endpoint cfn-never is Failed" in stack.failures()
    with pytest.raises(ClientError, match=r"Could not find [Ee]ndpoint"):
        cloud.client("sagemaker").describe_endpoint(EndpointName="cfn-never")
    stack.delete()


def test_first_deployment_that_fails_leaves_no_name_taken_but_those_of_tables(cloud: Cloud) -> None:
    """Promised: where data is kept, a failed creation keeps none of it, so that the next can take the same names.

    Tables are protected from being deleted, by a rollback as well; scripts.preflight says what to do about them.
    """
    prefix = unique("failed")
    key = cloud.client("kms").create_key()["KeyMetadata"]["Arn"]
    reviewed = REPOSITORY / "tests" / "infra" / "snapshots" / "prod" / "fraudstack-prod-storage.json"
    template = json.loads(reviewed.read_text().replace("fraudstack-prod", prefix))
    resources = {name: one for name, one in template["Resources"].items() if one["Type"] != "AWS::S3::BucketPolicy"}
    for table in [one for one in resources.values() if one["Type"] == "AWS::DynamoDB::Table"]:
        table["Properties"]["SSESpecification"]["KMSMasterKeyId"] = key
    for bucket in [one for one in resources.values() if one["Type"] == "AWS::S3::Bucket"]:
        (rule,) = bucket["Properties"]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        if rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms":
            rule["ServerSideEncryptionByDefault"]["KMSMasterKeyID"] = key
    broken = {"Type": "AWS::SageMaker::Endpoint", "Properties": {"EndpointConfigName": "nowhere"}}
    broken["DependsOn"] = sorted(resources)
    stack = Stack(cloud, f"{prefix}-storage")
    assert stack.deploy({"Resources": {**resources, "Broken": broken}}) == "ROLLBACK_COMPLETE"
    assert "nowhere" in stack.failures()
    buckets = [bucket["Name"] for bucket in cloud.client("s3").list_buckets()["Buckets"]]
    assert not [name for name in buckets if name.startswith(prefix)]
    tables = [name for name in cloud.client("dynamodb").list_tables()["TableNames"] if name.startswith(prefix)]
    assert sorted(tables) == [f"{prefix}-{purpose}" for purpose in ("decisions", "profiles", "rules")]


@pytest.mark.parametrize(
    ("resource", "reason"),
    [
        (
            {"Type": "AWS::SageMaker::Model", "Properties": {"ExecutionRoleArn": ROLE, "PrimaryContainr": {}}},
            r"extraneous key \[PrimaryContainr\] is not permitted",
        ),
        (
            {
                "Type": "AWS::SageMaker::Model",
                "Properties": {"ExecutionRoleArn": ROLE, "PrimaryContainer": {"Image": "x", "Colour": "red"}},
            },
            r"#/PrimaryContainer: extraneous key \[Colour\]",
        ),
        (
            {
                "Type": "AWS::SageMaker::EndpointConfig",
                "Properties": {"ProductionVariants": [{"VariantName": "a", "InitialInstanceCount": "two"}]},
            },
            r"#/ProductionVariants/0/InitialInstanceCount: expected a number, found 'two'",
        ),
        (
            {
                "Type": "AWS::ApplicationAutoScaling::ScalableTarget",
                "Properties": {
                    "ServiceNamespace": "sagemaker",
                    "ResourceId": "endpoint/absent/variant/primary",
                    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
                    "MinCapacity": 1,
                    "MaxCapacity": 2,
                },
            },
            "endpoint/absent/variant/primary does not exist",
        ),
    ],
    ids=["property", "nested property", "type", "variant"],
)
def test_wrong_properties_are_named(cloud: Cloud, resource: dict[str, Any], reason: str) -> None:
    stack = Stack(cloud, "cfn-wrong")
    assert stack.deploy({"Resources": {"Thing": resource}}) == "ROLLBACK_COMPLETE"
    assert re.search(reason, stack.failures()), stack.failures()
    stack.delete()


def waiting(seconds: int) -> str:
    """A template whose stack waits so long for a signal that never comes, and is rolled back."""
    wait = {"Handle": {"Ref": "Handle"}, "Timeout": str(seconds)}
    resources = {
        "Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
        "Signal": {"Type": "AWS::CloudFormation::WaitCondition", "Properties": wait},
    }
    return json.dumps({"Resources": resources})


def test_short_operation_is_over_when_it_is_answered(cloud: Cloud) -> None:
    """A client that looks once is served; the CDK looks every five seconds, boto3's waiters every thirty."""
    cloudformation = cloud.client("cloudformation")
    cloudformation.create_stack(StackName="cfn-short", TemplateBody=waiting(1))
    assert Stack(cloud, "cfn-short").status() == "ROLLBACK_COMPLETE"
    cloudformation.delete_stack(StackName="cfn-short")
    with pytest.raises(ClientError, match="does not exist"):
        cloudformation.describe_stacks(StackName="cfn-short")


def test_long_operation_is_answered_while_it_lasts_and_refuses_another(cloud: Cloud) -> None:
    cloudformation, stack = cloud.client("cloudformation"), Stack(cloud, "cfn-long")
    cloudformation.create_stack(StackName=stack.name, TemplateBody=waiting(4))
    assert stack.status() == "CREATE_IN_PROGRESS"
    with pytest.raises(ClientError, match="CREATE_IN_PROGRESS"):
        cloudformation.update_stack(StackName=stack.name, TemplateBody=waiting(5))
    assert stack.wait() == "ROLLBACK_COMPLETE"
    stack.delete()


def test_type_that_is_not_offered_is_refused(cloud: Cloud) -> None:
    template = {"Resources": {"Domain": {"Type": "AWS::SageMaker::Domain", "Properties": {}}}}
    with pytest.raises(ClientError, match="AWS::SageMaker::Domain"):
        cloud.client("cloudformation").create_stack(StackName="cfn-domain", TemplateBody=json.dumps(template))


def test_registry_and_monitoring_types(cloud: Cloud, deployed: Stack) -> None:
    def template(description: str, cron: str, approval: str) -> dict[str, Any]:
        package = {
            "ModelPackageGroupName": {"Fn::GetAtt": ["Group", "ModelPackageGroupArn"]},
            "ModelApprovalStatus": approval,
            "InferenceSpecification": {
                "Containers": [{"Image": container("")["Image"], "ModelDataUrl": f"s3://{BUCKET}/model.tar.gz"}],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
        }
        definition = {
            "RoleArn": ROLE,
            "DataQualityAppSpecification": {
                "ImageUri": "156813124566.dkr.ecr.us-east-1.amazonaws.com/sagemaker-model-monitor-analyzer",
                "Environment": {"note": description},
            },
            "DataQualityJobInput": {
                "EndpointInput": {"EndpointName": ENDPOINT, "LocalPath": "/opt/ml/processing/input"}
            },
            "DataQualityJobOutputConfig": {
                "MonitoringOutputs": [
                    {"S3Output": {"S3Uri": f"s3://{BUCKET}/reports", "LocalPath": "/opt/ml/processing/output"}}
                ]
            },
            "JobResources": {
                "ClusterConfig": {"InstanceCount": "1", "InstanceType": "ml.m5.large", "VolumeSizeInGB": 20}
            },
        }
        schedule = {
            "MonitoringScheduleName": "cfn-schedule",
            "MonitoringScheduleConfig": {
                "ScheduleConfig": {"ScheduleExpression": cron},
                "MonitoringJobDefinitionName": {"Fn::Select": [1, {"Fn::Split": ["/", {"Ref": "Definition"}]}]},
                "MonitoringType": "DataQuality",
            },
        }
        return {
            "Resources": {
                "Group": {
                    "Type": "AWS::SageMaker::ModelPackageGroup",
                    "Properties": {"ModelPackageGroupName": "cfn-group"},
                },
                "Package": {"Type": "AWS::SageMaker::ModelPackage", "Properties": package},
                "Definition": {"Type": "AWS::SageMaker::DataQualityJobDefinition", "Properties": definition},
                "Schedule": {"Type": "AWS::SageMaker::MonitoringSchedule", "Properties": schedule},
            }
        }

    sagemaker, stack = cloud.client("sagemaker"), Stack(cloud, "cfn-registry")
    first = template("first", "cron(0 0 ? * * *)", "PendingManualApproval")
    assert stack.deploy(first) == "CREATE_COMPLETE", stack.failures()
    before = stack.physical_ids()
    second = template("second", "cron(0 * ? * * *)", "Approved")
    assert stack.deploy(second) == "UPDATE_COMPLETE", stack.failures()
    after = stack.physical_ids()
    assert before["Definition"] != after["Definition"]
    assert before["Package"] == after["Package"]
    assert sagemaker.describe_model_package(ModelPackageName=after["Package"])["ModelApprovalStatus"] == "Approved"
    schedule = sagemaker.describe_monitoring_schedule(MonitoringScheduleName="cfn-schedule")
    config = schedule["MonitoringScheduleConfig"]
    assert config["ScheduleConfig"]["ScheduleExpression"] == "cron(0 * ? * * *)"
    assert after["Definition"].endswith(config["MonitoringJobDefinitionName"])
    assert stack.delete() == "DELETE_COMPLETE", stack.failures()


@pytest.mark.parametrize("spec", TYPES, ids=lambda spec: spec.kind)
def test_replacement_rules_are_cloudformations(spec: Any) -> None:
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", spec.resource_type).schema
    create_only = {path.removeprefix("/properties/") for path in schema["createOnlyProperties"]}
    assert set(spec.create_only) == create_only


def test_security_group_rules_flow_logs_and_composite_alarms(cloud: Cloud) -> None:
    alarm = {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmName": "cfn-single",
            "Namespace": "demo",
            "MetricName": "errors",
            "ComparisonOperator": "GreaterThanThreshold",
            "Threshold": 1,
            "EvaluationPeriods": 1,
            "Period": 60,
            "Statistic": "Sum",
        },
    }
    template = {
        "Resources": {
            "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.9.0.0/16"}},
            "Group": {
                "Type": "AWS::EC2::SecurityGroup",
                "Properties": {"GroupDescription": "x", "VpcId": {"Ref": "Vpc"}},
            },
            "Ingress": {
                "Type": "AWS::EC2::SecurityGroupIngress",
                "Properties": {
                    "GroupId": {"Fn::GetAtt": ["Group", "GroupId"]},
                    "IpProtocol": "tcp",
                    "FromPort": "443",
                    "ToPort": "443",
                    "CidrIp": "10.9.0.0/16",
                },
            },
            "FlowLog": {
                "Type": "AWS::EC2::FlowLog",
                "Properties": {
                    "ResourceId": {"Ref": "Vpc"},
                    "ResourceType": "VPC",
                    "TrafficType": "REJECT",
                    "LogDestinationType": "s3",
                    "LogDestination": f"arn:aws:s3:::{BUCKET}",
                },
            },
            "Alarm": alarm,
            "Both": {
                "Type": "AWS::CloudWatch::CompositeAlarm",
                "DependsOn": "Alarm",
                "Properties": {"AlarmName": "cfn-both", "AlarmRule": 'ALARM("cfn-single")'},
            },
        }
    }
    stack = Stack(cloud, "cfn-others")
    assert stack.deploy(template) == "CREATE_COMPLETE", stack.failures()
    ids, ec2 = stack.physical_ids(), cloud.client("ec2")
    (group,) = ec2.describe_security_groups(GroupIds=[ids["Group"]])["SecurityGroups"]
    assert group["IpPermissions"][0]["IpRanges"][0]["CidrIp"] == "10.9.0.0/16"
    (log,) = ec2.describe_flow_logs(FlowLogIds=[ids["FlowLog"]])["FlowLogs"]
    assert log["TrafficType"] == "REJECT"
    (both,) = cloud.client("cloudwatch").describe_alarms(AlarmNames=["cfn-both"], AlarmTypes=["CompositeAlarm"])[
        "CompositeAlarms"
    ]
    assert both["AlarmRule"] == 'ALARM("cfn-single")'
    assert stack.delete() == "DELETE_COMPLETE", stack.failures()
    assert not ec2.describe_flow_logs(FlowLogIds=[ids["FlowLog"]])["FlowLogs"]
    assert ACCOUNT in both["AlarmArn"]
