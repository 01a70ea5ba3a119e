"""A used dev platform is destroyed by the real CLI, and nothing is left (after all other tests of this tier)."""

import pytest

from scripts.cdk import run_cdk

pytestmark = pytest.mark.timeout(600)


def test_an_emptied_platform_is_destroyed_whole(demo):
    emptied = demo.run("scripts.empty", "--env", "dev", "--yes")
    assert emptied.returncode == 0, emptied.stdout + emptied.stderr
    lines: list[str] = []
    arguments = ["destroy", "--all", "--force", "--app", str(demo.folder / "cdk.out")]
    assert run_cdk(arguments, demo.endpoint_url, on_line=lines.append) == 0, "\n".join(lines[-30:])
    stacks = demo.client("cloudformation").list_stacks(StackStatusFilter=["CREATE_COMPLETE", "UPDATE_COMPLETE"])
    assert [stack["StackName"] for stack in stacks["StackSummaries"]] == ["CDKToolkit"]
    assert not [name for name in _buckets(demo) if name.startswith("fraudstack")]
    assert _left(demo) == {}


def _left(demo) -> dict[str, list[str]]:
    """What still bears the platform's name, by kind.

    A key that waits for its deletion can be used no more. The groups /aws/sagemaker/… of jobs are SageMaker's own: it
    makes them for the account when a container first writes; the platform's streams in them are gone.
    """
    sagemaker, kms, logs = demo.client("sagemaker"), demo.client("kms"), demo.client("logs")
    groups = _names(logs.describe_log_groups()["logGroups"], "logGroupName")
    kinds = {
        "tables": demo.client("dynamodb").list_tables()["TableNames"],
        "log groups": groups,
        "log streams": [
            stream["logStreamName"]
            for group in groups
            if group.startswith("/aws/sagemaker/")
            for stream in logs.describe_log_streams(logGroupName=group)["logStreams"]
        ],
        "roles": _names(demo.client("iam").list_roles(MaxItems=1000)["Roles"], "RoleName"),
        "policies": _names(demo.client("iam").list_policies(Scope="Local", MaxItems=1000)["Policies"], "PolicyName"),
        "aliases": [name.removeprefix("alias/") for name in _names(kms.list_aliases()["Aliases"], "AliasName")],
        "topics": [arn.rsplit(":", 1)[1] for arn in _names(demo.client("sns").list_topics()["Topics"], "TopicArn")],
        "queues": [url.rsplit("/", 1)[1] for url in demo.client("sqs").list_queues().get("QueueUrls", [])],
        "machines": _names(demo.client("stepfunctions").list_state_machines()["stateMachines"], "name"),
        "rules": _names(demo.client("events").list_rules()["Rules"], "Name"),
        "functions": _names(demo.client("lambda").list_functions()["Functions"], "FunctionName"),
        "apis": _names(demo.client("apigateway").get_rest_apis()["items"], "name"),
        "alarms": _names(demo.client("cloudwatch").describe_alarms()["MetricAlarms"], "AlarmName"),
        "endpoints": _names(sagemaker.list_endpoints()["Endpoints"], "EndpointName"),
        "models": _names(sagemaker.list_models()["Models"], "ModelName"),
        "schedules": _names(
            sagemaker.list_monitoring_schedules()["MonitoringScheduleSummaries"], "MonitoringScheduleName"
        ),
        "model package groups": _names(
            sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"], "ModelPackageGroupName"
        ),
    }
    # API Gateway's logs are named after the API's id.
    marks = ("fraudstack", "API-Gateway-Execution-Logs_")
    ours = {kind: [name for name in names if any(mark in name for mark in marks)] for kind, names in kinds.items()}
    live = [key["KeyId"] for key in kms.list_keys()["Keys"] if _is_ours(kms.describe_key(KeyId=key["KeyId"]))]
    return {kind: names for kind, names in {**ours, "keys": live}.items() if names}


def _is_ours(described) -> bool:
    key = described["KeyMetadata"]
    return key["KeyState"] != "PendingDeletion" and "fraudstack" in key.get("Description", "").lower()


def _names(items: list[dict], field: str) -> list[str]:
    return [item[field] for item in items]


def _buckets(demo) -> list[str]:
    return [bucket["Name"] for bucket in demo.client("s3").list_buckets()["Buckets"]]
