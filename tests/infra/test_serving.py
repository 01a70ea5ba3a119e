"""The endpoint and its monitor: what a promotion relies on, and that nothing is there without a model."""

from __future__ import annotations

import re

import pytest

from stacks.constructs.model_parameter import PARAMETER
from tests.infra.conftest import Assembly, text

MODEL_TYPES = (
    "AWS::SageMaker::",
    "AWS::ApplicationAutoScaling::",
)


@pytest.mark.parametrize("concern", ["serving", "monitoring"])
def test_without_a_package_every_model_resource_is_left_out(assembly: Assembly, concern: str) -> None:
    template = assembly.template(concern)
    assert template["Conditions"]["HasModel"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": PARAMETER}, ""]}]}
    dependent = {k: v for k, v in template["Resources"].items() if v["Type"].startswith(MODEL_TYPES)}
    assert dependent
    for name, resource in dependent.items():
        assert resource.get("Condition") == "HasModel", name
    free = {k for k, v in template["Resources"].items() if "Condition" not in v}
    assert free, "a stack needs at least one resource"
    for name in free:
        body = str(template["Resources"][name])
        assert not [other for other in dependent if f"'{other}'" in body], name


@pytest.mark.parametrize("concern", ["serving", "monitoring"])
def test_parameter_takes_nothing_or_a_version_of_this_group(assembly: Assembly, concern: str) -> None:
    parameter = assembly.template(concern)["Parameters"][PARAMETER]
    assert parameter["Default"] == ""
    group = f"fraudstack-{assembly.environment}"
    arn = f"arn:aws:sagemaker:us-east-1:123456789012:model-package/{group}/12"
    # CloudFormation anchors the pattern at both ends.
    pattern = re.compile(parameter["AllowedPattern"])
    assert pattern.fullmatch("") and pattern.fullmatch(arn)
    for wrong in ("latest", f"{arn}/1", arn.replace(group, "other"), arn.removesuffix("12")):
        assert not pattern.fullmatch(wrong), wrong


def test_model_and_configuration_have_no_names_and_the_endpoint_has(assembly: Assembly) -> None:
    assert "ModelName" not in assembly.one("serving", "AWS::SageMaker::Model")
    assert "EndpointConfigName" not in assembly.one("serving", "AWS::SageMaker::EndpointConfig")
    assert assembly.one("serving", "AWS::SageMaker::Endpoint")["EndpointName"] == (f"fraudstack-{assembly.environment}")


def test_generated_names_begin_as_the_promotion_role_expects(assembly: Assembly) -> None:
    compact = f"fraudstack{assembly.environment}"
    for kind, name in (("Model", "model"), ("EndpointConfig", "endpointconfig")):
        assert list(assembly.resources("serving", f"AWS::SageMaker::{kind}")) == [compact + name]


def test_model_is_the_package_in_isolation(assembly: Assembly) -> None:
    model = assembly.one("serving", "AWS::SageMaker::Model")
    assert model["EnableNetworkIsolation"] is True
    assert model["Containers"] == [{"ModelPackageName": {"Ref": PARAMETER}}]
    assert text(model["ExecutionRoleArn"]).endswith(f"fraudstack-{assembly.environment}-model-us-east-1")


def test_update_shifts_traffic_watches_alarms_and_keeps_capacity(assembly: Assembly) -> None:
    endpoint = assembly.one("serving", "AWS::SageMaker::Endpoint")
    policy = endpoint["DeploymentConfig"]["BlueGreenUpdatePolicy"]
    assert policy["TrafficRoutingConfiguration"]["Type"] == "CANARY"
    assert policy["TrafficRoutingConfiguration"]["CanarySize"]["Value"] <= 50
    assert endpoint["RetainAllVariantProperties"] is True
    assert endpoint["ExcludeRetainedVariantProperties"] == [{"VariantPropertyType": "DesiredWeight"}]
    alarms = assembly.resources("serving", "AWS::CloudWatch::Alarm")
    watched = endpoint["DeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"]
    names = [alarms[alarm["AlarmName"]["Ref"]]["Properties"]["AlarmName"] for alarm in watched]
    prefix = f"fraudstack-{assembly.environment}"
    # The promotion role may look at exactly these.
    assert names == [f"{prefix}-errors-5xx", f"{prefix}-latency"]


def test_captures_and_volumes_are_under_the_data_key(assembly: Assembly) -> None:
    configuration = assembly.one("serving", "AWS::SageMaker::EndpointConfig")
    key = f"${{import:fraudstack-{assembly.environment}-data-key-arn}}"
    capture = configuration["DataCaptureConfig"]
    assert text(configuration["KmsKeyId"]) == text(capture["KmsKeyId"]) == key
    assert capture["EnableCapture"] is True
    assert {option["CaptureMode"] for option in capture["CaptureOptions"]} == {"Input", "Output"}
    assert text(capture["DestinationS3Uri"]).endswith("/data-capture")
    (variant,) = configuration["ProductionVariants"]
    assert variant["VariantName"] == "primary"
    assert variant["InitialInstanceCount"] >= 2


def test_scaling_waits_for_the_endpoint(assembly: Assembly) -> None:
    (target,) = assembly.resources("serving", "AWS::ApplicationAutoScaling::ScalableTarget").values()
    (endpoint,) = assembly.resources("serving", "AWS::SageMaker::Endpoint")
    assert target["DependsOn"] == [endpoint]
    resource = f"endpoint/fraudstack-{assembly.environment}/variant/primary"
    assert target["Properties"]["ResourceId"] == resource
    policy = assembly.one("serving", "AWS::ApplicationAutoScaling::ScalingPolicy")
    tracking = policy["TargetTrackingScalingPolicyConfiguration"]
    assert tracking["PredefinedMetricSpecification"] == {
        "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
    }


def test_every_alarm_tells_someone(assembly: Assembly) -> None:
    topic = f":fraudstack-{assembly.environment}-notifications"
    for concern in ("training", "serving", "monitoring"):
        alarms = assembly.resources(concern, "AWS::CloudWatch::Alarm").values()
        assert alarms
        for alarm in alarms:
            (action,) = alarm["Properties"]["AlarmActions"]
            assert text(action).endswith(topic) or text(action).startswith("${Notifications")
            assert alarm["Properties"]["TreatMissingData"] == "notBreaching"


def test_monitor_compares_with_the_baseline_of_the_deployed_version(assembly: Assembly) -> None:
    definition = assembly.one("monitoring", "AWS::SageMaker::DataQualityJobDefinition")
    baseline = definition["DataQualityBaselineConfig"]
    version = {"Fn::Select": [2, {"Fn::Split": ["/", {"Ref": PARAMETER}]}]}
    group = f"fraudstack-{assembly.environment}"
    for resource, name in (("StatisticsResource", "statistics"), ("ConstraintsResource", "constraints")):
        parts = baseline[resource]["S3Uri"]["Fn::Join"][1]
        assert version in parts
        assert parts[-1] == f"/{name}.json" and parts[-3].endswith(f"/model-packages/{group}/")


def test_definition_is_named_after_its_content_and_version(assemblies: dict[str, Assembly]) -> None:
    names = {}
    for environment, assembly in assemblies.items():
        definition = assembly.one("monitoring", "AWS::SageMaker::DataQualityJobDefinition")
        parts = definition["JobDefinitionName"]["Fn::Join"][1]
        match = re.fullmatch(rf"fraudstack-{environment}-dq-([0-9a-f]{{8}})-v", parts[0])
        assert match and parts[1]["Fn::Select"][0] == 2
        names[environment] = match[1]
        schedule = assembly.one("monitoring", "AWS::SageMaker::MonitoringSchedule")
        config = schedule["MonitoringScheduleConfig"]
        assert config["MonitoringJobDefinitionName"] == definition["JobDefinitionName"]
        assert len(parts[0]) + 10 <= 63
    assert len(set(names.values())) == 3


def test_monitor_is_isolated_encrypted_and_under_its_own_role(assembly: Assembly) -> None:
    definition = assembly.one("monitoring", "AWS::SageMaker::DataQualityJobDefinition")
    key = f"${{import:fraudstack-{assembly.environment}-data-key-arn}}"
    assert definition["NetworkConfig"] == {
        "EnableNetworkIsolation": True,
        "EnableInterContainerTrafficEncryption": True,
    }
    assert text(definition["DataQualityJobOutputConfig"]["KmsKeyId"]) == key
    assert text(definition["JobResources"]["ClusterConfig"]["VolumeKmsKeyId"]) == key
    assert text(definition["RoleArn"]).endswith(f"fraudstack-{assembly.environment}-monitoring-us-east-1")


def test_outputs_that_scripts_rely_on(assembly: Assembly) -> None:
    expected = {
        "storage": {"TransactionsBucket", "ArtifactsBucket", "CapturesBucket", "ReportsBucket", "DataKeyArn"},
        "training": {"StateMachineArn", "ModelPackageGroupName", "NotificationsTopicArn"},
        "serving": {"EndpointName", "ModelPackageArn", "EndpointConfigName"},
        "monitoring": {"MonitoringScheduleName", "DashboardName", "ModelPackageArn"},
    }
    for concern, names in expected.items():
        assert names <= set(assembly.template(concern)["Outputs"])
    outputs = assembly.template("serving")["Outputs"]
    assert outputs["ModelPackageArn"]["Value"] == {"Fn::If": ["HasModel", {"Ref": PARAMETER}, "none"]}
    assert outputs["EndpointConfigName"]["Condition"] == "HasModel"
