"""The monitors of both engines: what each reads and when, under which role, and which alarms listen."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from stacks.constructs.model_parameter import PARAMETER
from tests.infra.conftest import Assembly, text

KINDS = {
    "data-quality": "DataQuality",
    "model-quality": "ModelQuality",
    "model-bias": "ModelBias",
    "model-explainability": "ModelExplainability",
}
LABELLED = ("model-quality", "model-bias")


def definition_of(assembly: Assembly, kind: str) -> dict[str, Any]:
    """A job definition with its kind taken out of the names of its properties."""
    body = assembly.one("monitoring", f"AWS::SageMaker::{KINDS[kind]}JobDefinition")
    return {key.removeprefix(KINDS[kind]): value for key, value in body.items()}


def schedules(assembly: Assembly) -> dict[str, dict[str, Any]]:
    found = assembly.resources("monitoring", "AWS::SageMaker::MonitoringSchedule").values()
    return {each["Properties"]["MonitoringScheduleName"]: each for each in found}


def alarms(assembly: Assembly) -> dict[str, dict[str, Any]]:
    prefix = f"fraudstack-{assembly.environment}-"
    found = assembly.resources("monitoring", "AWS::CloudWatch::Alarm").values()
    return {each["Properties"]["AlarmName"].removeprefix(prefix): each["Properties"] for each in found}


@pytest.mark.parametrize("kind", KINDS)
def test_a_monitor_compares_with_the_baseline_of_the_deployed_version(assembly: Assembly, kind: str) -> None:
    version = {"Fn::Select": [2, {"Fn::Split": ["/", {"Ref": PARAMETER}]}]}
    clarify = kind in ("model-bias", "model-explainability")
    baseline = dict(definition_of(assembly, kind)["BaselineConfig"])
    if clarify:
        baseline["Config"] = {"S3Uri": definition_of(assembly, kind)["AppSpecification"]["ConfigUri"]}
    files = {resource: text(value["S3Uri"]).rsplit("/", 1)[1] for resource, value in baseline.items()}
    expected = {"ConstraintsResource": "analysis.json" if kind == "model-explainability" else "constraints.json"}
    expected |= {"Config": "analysis_config.json"} if clarify else {}
    expected |= {"StatisticsResource": "statistics.json"} if kind == "data-quality" else {}
    assert files == expected
    for value in baseline.values():
        assert version in value["S3Uri"]["Fn::Join"][1]
        place = re.sub(r"\$\{select:.*\}", "VERSION", text(value["S3Uri"]))
        assert f"/model-packages/fraudstack-{assembly.environment}/VERSION/{kind}/" in place


@pytest.mark.parametrize("kind", KINDS)
def test_a_definition_is_named_after_its_content_and_version(assemblies: dict[str, Assembly], kind: str) -> None:
    digests = set()
    for environment, assembly in assemblies.items():
        name = definition_of(assembly, kind)["JobDefinitionName"]
        parts = name["Fn::Join"][1]
        match = re.fullmatch(rf"fraudstack{environment}-[a-z]{{2}}-([0-9a-f]{{8}})-v", parts[0])
        assert match and parts[1]["Fn::Select"][0] == 2 and len(parts[0]) + 10 <= 63
        digests.add(match[1])
        schedule = schedules(assembly)[f"fraudstack-{environment}-{kind}"]
        config = schedule["Properties"]["MonitoringScheduleConfig"]
        assert (config["MonitoringType"], config["MonitoringJobDefinitionName"]) == (KINDS[kind], name)
        assert schedule["DependsOn"]
    assert len(digests) == 3


@pytest.mark.parametrize("kind", KINDS)
def test_a_monitor_is_isolated_encrypted_and_under_its_own_role(assembly: Assembly, kind: str) -> None:
    definition = definition_of(assembly, kind)
    key = f"${{import:fraudstack-{assembly.environment}-data-key-arn}}"
    isolated = {"EnableNetworkIsolation": True, "EnableInterContainerTrafficEncryption": True}
    network = dict(definition["NetworkConfig"])
    assert network.pop("VpcConfig")["Subnets"]
    assert network == isolated
    assert text(definition["JobOutputConfig"]["KmsKeyId"]) == key
    assert text(definition["JobResources"]["ClusterConfig"]["VolumeKmsKeyId"]) == key
    assert text(definition["RoleArn"]).endswith(f"fraudstack-{assembly.environment}-monitoring-us-east-1")


@pytest.mark.parametrize("kind", KINDS)
def test_labels_are_waited_for_where_they_are_needed(dev: Assembly, kind: str) -> None:
    given = definition_of(dev, kind)["JobInput"]
    endpoint = given["EndpointInput"]
    if kind in LABELLED:
        # The label of a card transaction is known after seven days.
        assert (endpoint["StartTimeOffset"], endpoint["EndTimeOffset"]) == ("-P8D", "-P7D")
        assert text(given["GroundTruthS3Input"]["S3Uri"]).endswith("/ground-truth")
    else:
        assert "StartTimeOffset" not in endpoint and "GroundTruthS3Input" not in given


def test_captures_are_flattened_with_the_published_script(assembly: Assembly) -> None:
    published = text(assembly.template("storage")["Outputs"]["CapturePreprocessorUri"]["Value"])
    for kind in ("data-quality", "model-quality"):
        script = text(definition_of(assembly, kind)["AppSpecification"]["RecordPreprocessorSourceUri"])
        assert script == published and script.endswith(".py")


def test_clarify_asks_a_model_with_the_version_in_its_name(assembly: Assembly) -> None:
    (model,) = assembly.resources("monitoring", "AWS::SageMaker::Model").values()
    assert text(model["Properties"]["ModelName"]).startswith(f"fraudstack{assembly.environment}-explained-v")
    assert model["Properties"]["Containers"] == [{"ModelPackageName": {"Ref": PARAMETER}}]
    assert model["Properties"]["EnableNetworkIsolation"] is True


def test_the_closed_service_is_warned_of_and_the_switch_is_named(dev: Assembly, varied: Assembly) -> None:
    def warnings(assembly: Assembly) -> list[str]:
        path = assembly.folder / f"fraudstack-{assembly.environment}-monitoring.metadata.json"
        entries = [entry for each in json.loads(path.read_text()).values() for entry in each]
        return [entry["data"] for entry in entries if entry["type"] == "aws:cdk:warning"]

    (warning,) = warnings(dev)
    assert "monitoring.engine to processing" in warning and "2026-07-30" in warning
    assert warnings(varied) == []


def test_the_end_of_sagemakers_jobs_is_counted(assembly: Assembly) -> None:
    rules = {
        each["Properties"]["Name"].removeprefix(f"fraudstack-{assembly.environment}-monitoring-"): each["Properties"]
        for each in assembly.resources("monitoring", "AWS::Events::Rule").values()
    }
    assert rules.keys() == {"outcome", "executions"}
    arns = rules["outcome"]["EventPattern"]["detail"]["MonitoringScheduleArn"]
    names = {text(arn).rsplit("/", 1)[1] for arn in arns}
    assert names == set(schedules(assembly))
    # Executions without a job are no events.
    assert rules["executions"]["ScheduleExpression"] == "rate(1 hour)"
    for rule in rules.values():
        (target,) = rule["Targets"]
        assert text(target["RoleArn"]).endswith(f"fraudstack-{assembly.environment}-schedule-us-east-1")


def test_the_other_engine_has_the_same_cadence_and_none_of_sagemakers_types(varied: Assembly) -> None:
    types = {each["Type"] for each in varied.template("monitoring")["Resources"].values()}
    assert not [name for name in types if name.startswith("AWS::SageMaker::")]
    rules = varied.resources("monitoring", "AWS::Events::Rule").values()
    found = {}
    for rule in rules:
        (target,) = rule["Properties"]["Targets"]
        template = json.loads(target["InputTransformer"]["InputTemplate"].replace("<time>", '"t"'))
        found[rule["Properties"]["Name"]] = (template["monitor"], rule["Properties"]["ScheduleExpression"])
    assert found == {
        "fraudstack-staging-data-quality": ("data-quality", "cron(0 * ? * * *)"),
        **{f"fraudstack-staging-{kind}": (kind, "cron(0 4 ? * * *)") for kind in list(KINDS)[1:]},
    }


def test_alarms_are_the_same_for_both_engines_and_named_by_who_listens(
    assemblies: dict[str, Assembly], varied: Assembly
) -> None:
    by_engine = [alarms(assemblies["staging"]), alarms(varied)]
    assert by_engine[0].keys() == by_engine[1].keys()
    for name, alarm in by_engine[0].items():
        other = by_engine[1][name]
        same = ("Namespace", "MetricName", "Dimensions", "Threshold", "ComparisonOperator", "Period", "Statistic")
        assert [alarm[key] for key in same] == [other[key] for key in same]
        assert name.split("-")[0] in ("drift", "quality", "monitoring")
    retraining = {name for name in by_engine[0] if name.startswith(("drift-", "quality-"))}
    assert retraining == {
        *("drift-score", "drift-psi", "drift-data", "drift-attribution"),
        *("quality-average-precision", "quality-recall"),
    }
    assert {name for name in by_engine[0] if name.startswith("monitoring-failed-")} == {
        f"monitoring-failed-{kind}" for kind in KINDS
    }


def test_alarms_listen_to_what_is_put_at_the_time_of_the_run(assembly: Assembly) -> None:
    """AWS's namespaces are stamped by AWS's containers; population stability is this project's analyser's alone."""
    found = {name: alarm for name, alarm in alarms(assembly).items() if name != "drift-psi"}
    for alarm in found.values():
        assert alarm["Namespace"] == "fraudstack"
        (dimension,) = alarm["Dimensions"]
        assert dimension["Name"] == "MonitoringSchedule"
        assert dimension["Value"] in {f"fraudstack-{assembly.environment}-{kind}" for kind in KINDS}
    assert found["drift-score"]["MetricName"] == "ScoreDrift"
    assert found["quality-recall"]["MetricName"] == "recall"


def test_a_monitor_that_does_not_run_is_told(assembly: Assembly) -> None:
    hours = {"dev": 1, "staging": 6, "prod": 1}
    found = {name: alarm for name, alarm in alarms(assembly).items() if name.startswith("monitoring-not-run-")}
    assert found.keys() == {f"monitoring-not-run-{kind}" for kind in KINDS}
    for name, alarm in found.items():
        period = hours[assembly.environment] if name.endswith("data-quality") else 24
        assert alarm["EvaluationPeriods"] * alarm["Period"] == 3600 * (2 * period + 1) <= 7 * 24 * 3600
        assert (alarm["MetricName"], alarm["Statistic"], alarm["Threshold"]) == ("MonitoringRuns", "Sum", 1)
        assert (alarm["ComparisonOperator"], alarm["TreatMissingData"]) == ("LessThanThreshold", "breaching")
        assert alarm["AlarmActions"] == alarm["OKActions"]


def test_the_dashboard_shows_a_challenger_where_there_may_be_one(assembly: Assembly, unscored: Assembly) -> None:
    for deployed, variants in ((assembly, {"primary", "challenger"}), (unscored, {"primary"})):
        body = json.loads(text(deployed.one("monitoring", "AWS::CloudWatch::Dashboard")["DashboardBody"]))
        lines = [line for widget in body["widgets"] for line in widget["properties"]["metrics"]]
        for metric in ("Invocations", "ModelLatency", "Invocation4XXErrors", "Invocation5XXErrors"):
            found = [line for line in lines if line[:2] == ["AWS/SageMaker", metric]]
            assert {line[line.index("VariantName") + 1] for line in found} == variants
            # A line's label is what tells the variants apart.
            assert all(line[line.index("VariantName") + 1] in line[-1]["label"] for line in found)


def test_the_dashboard_shows_a_challengers_quality_where_it_is_measured(dev: Assembly, varied: Assembly) -> None:
    """By this project's analyser; AWS's reads both variants as one."""
    for deployed, measured in ((varied, {"average_precision", "recall"}), (dev, set())):
        body = json.loads(text(deployed.one("monitoring", "AWS::CloudWatch::Dashboard")["DashboardBody"]))
        (widget,) = [one for one in body["widgets"] if one["properties"]["title"] == "Quality of the model"]
        lines = [line for line in widget["properties"]["metrics"] if "VariantName" in line]
        assert {line[1] for line in lines} == measured
        for line in lines:
            assert line[0] == "aws/sagemaker/Endpoints/model-metrics" and "challenger" in line[-1]["label"]


def test_the_machine_needs_no_model_and_its_role_only_reads_and_counts(varied: Assembly) -> None:
    (machine,) = varied.resources("monitoring", "AWS::StepFunctions::StateMachine").values()
    assert "Condition" not in machine
    properties = machine["Properties"]
    assert properties["TracingConfiguration"] == {"Enabled": True}
    assert properties["LoggingConfiguration"]["IncludeExecutionData"] is False
    for policy in varied.resources("identity", "AWS::IAM::ManagedPolicy").values():
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            actions = statement["Action"]
            if "cloudwatch:PutMetricData" in (actions if isinstance(actions, list) else [actions]):
                namespaces = statement["Condition"]["StringEquals"]["cloudwatch:namespace"]
                # CloudWatch refuses these two to everyone but AWS.
                assert not [name for name in namespaces if name.startswith(("AWS/", "/AWS/"))]
