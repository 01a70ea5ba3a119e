"""The endpoint: what a promotion relies on, and that nothing is there without a model."""

from __future__ import annotations

import re

import pytest

from stacks.constructs.challenger_parameters import GUARDRAILS
from stacks.constructs.challenger_parameters import PARAMETER as CHALLENGER
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
        challenges = "challenger" in name.lower()
        assert resource.get("Condition") == ("HasChallenger" if challenges else "HasModel"), name
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
    for model in assembly.resources("serving", "AWS::SageMaker::Model").values():
        assert "ModelName" not in model["Properties"]
    assert "EndpointConfigName" not in assembly.one("serving", "AWS::SageMaker::EndpointConfig")
    assert assembly.one("serving", "AWS::SageMaker::Endpoint")["EndpointName"] == (f"fraudstack-{assembly.environment}")


def test_generated_names_begin_as_the_promotion_role_expects(assembly: Assembly) -> None:
    compact = f"fraudstack{assembly.environment}"
    for kind, names in (("Model", ["model", "challenger"]), ("EndpointConfig", ["endpointconfig"])):
        assert list(assembly.resources("serving", f"AWS::SageMaker::{kind}")) == [compact + name for name in names]


def test_model_is_the_package_in_isolation(assembly: Assembly) -> None:
    models = assembly.resources("serving", "AWS::SageMaker::Model").values()
    for resource, parameter in zip(models, (PARAMETER, CHALLENGER), strict=True):
        model = resource["Properties"]
        assert model["EnableNetworkIsolation"] is True
        assert model["Containers"] == [{"ModelPackageName": {"Ref": parameter}}]
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
    scaled(assembly, "primary")


def test_a_challenger_is_scaled_where_it_may_have_more_instances(varied: Assembly) -> None:
    scaled(varied, "primary", "challenger")
    outputs = varied.template("serving")["Outputs"]
    assert outputs["ChallengerTarget"]["Value"] == "endpoint/fraudstack-staging/variant/challenger"


def test_nobody_takes_variants_out_of_scaling_where_none_is_scaled_that_comes_and_goes(assembly: Assembly) -> None:
    assert assembly.template("serving")["Outputs"]["ChallengerTarget"]["Value"] == "none"
    assert "deregisterScalableTarget" not in str(assembly.template("training")["Resources"])
    release = "People|ReleasePolicy|RetrainingRole"
    for name, policy in assembly.resources("identity", "AWS::IAM::ManagedPolicy").items():
        assert not re.match(release, name) or "application-autoscaling:" not in str(policy)


def scaled(assembly: Assembly, *variants: str) -> None:
    targets = assembly.resources("serving", "AWS::ApplicationAutoScaling::ScalableTarget").values()
    (endpoint,) = assembly.resources("serving", "AWS::SageMaker::Endpoint")
    for target, variant in zip(targets, variants, strict=True):
        assert target["DependsOn"] == [endpoint]
        resource = f"endpoint/fraudstack-{assembly.environment}/variant/{variant}"
        assert target["Properties"]["ResourceId"] == resource
    for policy in assembly.resources("serving", "AWS::ApplicationAutoScaling::ScalingPolicy").values():
        tracking = policy["Properties"]["TargetTrackingScalingPolicyConfiguration"]
        assert tracking["PredefinedMetricSpecification"] == {
            "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
        }


def test_every_alarm_tells_someone(assembly: Assembly) -> None:
    topic = f":fraudstack-{assembly.environment}-notifications"
    for concern in ("training", "serving", "scoring", "monitoring"):
        alarms = assembly.resources(concern, "AWS::CloudWatch::Alarm").values()
        assert alarms
        for alarm in alarms:
            (action,) = alarm["Properties"]["AlarmActions"]
            assert text(action).endswith(topic) or text(action).startswith("${Notifications")
            # Only what tells that nothing happened goes off without data.
            silent = "-monitoring-not-run-" in text(alarm["Properties"]["AlarmName"])
            assert alarm["Properties"]["TreatMissingData"] == ("breaching" if silent else "notBreaching")


def test_outputs_that_scripts_rely_on(assembly: Assembly) -> None:
    expected = {
        "keys": {"DataKeyArn", "OperationsKeyArn"},
        "storage": {"TransactionsBucket", "ArtifactsBucket", "CapturesBucket", "ReportsBucket"}
        | {"ProfilesTableName", "DecisionsTableName", "RulesTableName"},
        "training": {"StateMachineArn", "ModelPackageGroupName", "NotificationsTopicArn"},
        "serving": {"EndpointName", "ModelPackageArn", "EndpointConfigName", "ChallengerModelPackageArn"}
        | {"ChallengerMode", "PromotionRoleArn", "TransformRoleArn"},
        "scoring": {"ApiUrl", "FunctionName", "PaymentsPolicyArn", "AnalystsPolicyArn"},
        "monitoring": {"MonitoringEngine", "Monitors", "MonitoringMachineArn", "DashboardName", "ModelPackageArn"},
    }
    for concern, names in expected.items():
        assert names <= set(assembly.template(concern)["Outputs"])
    outputs = assembly.template("serving")["Outputs"]
    assert outputs["ModelPackageArn"]["Value"] == {"Fn::If": ["HasModel", {"Ref": PARAMETER}, "none"]}
    assert outputs["EndpointConfigName"]["Condition"] == "HasModel"


def test_a_challenger_gets_copies_only_while_there_is_one(assembly: Assembly) -> None:
    template = assembly.template("serving")
    given = {"Fn::Not": [{"Fn::Equals": [{"Ref": CHALLENGER}, ""]}]}
    assert template["Conditions"]["HasChallenger"] == {"Fn::And": [{"Condition": "HasModel"}, given]}
    assert template["Parameters"][CHALLENGER]["Default"] == ""
    assert template["Parameters"][CHALLENGER]["AllowedPattern"] == template["Parameters"][PARAMETER]["AllowedPattern"]
    configuration = assembly.one("serving", "AWS::SageMaker::EndpointConfig")
    condition, (shadow,), otherwise = configuration["ShadowProductionVariants"]["Fn::If"]
    assert (condition, otherwise) == ("HasChallenger", {"Ref": "AWS::NoValue"})
    assert (shadow["VariantName"], shadow["InitialVariantWeight"]) == ("challenger", 1)
    assert shadow["ModelName"] == {"Fn::GetAtt": [f"fraudstack{assembly.environment}challenger", "ModelName"]}
    (champion,) = configuration["ProductionVariants"]
    assert champion["InitialVariantWeight"] == 1
    assert shadow["InstanceType"] == champion["InstanceType"]
    # The names of production variants do not change, so guardrails watch every update.
    assert "BlueGreenUpdatePolicy" in assembly.one("serving", "AWS::SageMaker::Endpoint")["DeploymentConfig"]
    assert GUARDRAILS not in template["Parameters"]


def test_a_challengers_alarms_undo_no_deployment(assembly: Assembly) -> None:
    alarms = assembly.resources("serving", "AWS::CloudWatch::Alarm")
    own = {
        name: alarm["Properties"]
        for name, alarm in alarms.items()
        if {"Name": "VariantName", "Value": "challenger"} in alarm["Properties"]["Dimensions"]
    }
    prefix = f"fraudstack-{assembly.environment}-challenger-"
    assert {alarm["AlarmName"] for alarm in own.values()} == {
        prefix + name for name in ("errors-5xx", "latency", "errors-4xx")
    }
    endpoint = assembly.one("serving", "AWS::SageMaker::Endpoint")
    watched = endpoint["DeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"]
    assert not {alarm["AlarmName"]["Ref"] for alarm in watched} & own.keys()


def test_an_ab_test_shares_requests_and_begins_and_ends_without_guardrails(varied: Assembly) -> None:
    configuration = varied.one("serving", "AWS::SageMaker::EndpointConfig")
    assert "ShadowProductionVariants" not in configuration
    champion, challenger = configuration["ProductionVariants"]
    condition, variant, otherwise = challenger["Fn::If"]
    assert (condition, otherwise) == ("HasChallenger", {"Ref": "AWS::NoValue"})
    assert (champion["InitialVariantWeight"], variant["InitialVariantWeight"]) == (80, 20)
    assert (variant["VariantName"], variant["InstanceType"]) == ("challenger", "ml.c5.large")
    condition, policy, otherwise = varied.one("serving", "AWS::SageMaker::Endpoint")["DeploymentConfig"]["Fn::If"]
    assert (condition, otherwise) == ("Guarded", {"Ref": "AWS::NoValue"})
    assert set(policy) == {"BlueGreenUpdatePolicy", "AutoRollbackConfiguration"}
    assert varied.template("serving")["Parameters"][GUARDRAILS]["Default"] == "on"
    targets = varied.resources("serving", "AWS::ApplicationAutoScaling::ScalableTarget").values()
    assert [target["Properties"]["MaxCapacity"] for target in targets] == [4, 3]


def test_without_a_challenger_mode_nothing_of_it_is_there(unscored: Assembly) -> None:
    template = unscored.template("serving")
    assert CHALLENGER not in template["Parameters"] and "HasChallenger" not in template["Conditions"]
    assert template["Outputs"]["ChallengerMode"]["Value"] == "none"
    assert "challenger" not in str(template["Resources"]).lower()
    machine = str(unscored.template("training")["Resources"])
    assert "deregisterScalableTarget" not in machine
