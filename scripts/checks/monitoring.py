"""Which monitoring engine an account can use."""

from __future__ import annotations

from collections.abc import Iterator

from botocore.exceptions import ClientError

from scripts.checks.registry import DENIED, Context, Finding, check
from stacks.images import image_uri, regions
from stacks.names import Names

SWITCH = "set monitoring.engine to processing in cdk.json: the same schedules, files, metrics and alarms"


@check("monitoring-engine", "Which monitoring engine can this account use?")
def monitoring_engine(context: Context) -> Iterator[Finding]:
    """Model Monitor and Clarify take no AWS accounts that did not use them before 2026-07-30."""
    engine = context.config.monitoring.engine
    if engine != "model-monitor":
        yield Finding("ok", f"monitoring.engine is {engine}: every account can use it")
        return
    sagemaker = context.client("sagemaker")
    if sagemaker.list_monitoring_schedules(MaxResults=1)["MonitoringScheduleSummaries"]:
        yield Finding("ok", "the account has monitoring schedules: it may go on using model-monitor")
        return
    if not context.probe:
        yield Finding(
            "warning",
            "the account has no monitoring schedule, so it may be one that SageMaker Model Monitor is closed to",
            f"ask with --probe, which makes a job definition and deletes it again; or {SWITCH}",
        )
        return
    yield from _probe(context)


def _probe(context: Context) -> Iterator[Finding]:
    """Make a job definition, which costs nothing and runs nothing, and delete it."""
    config, sagemaker = context.config, context.client("sagemaker")
    if config.region not in regions("model-monitor-analyzer"):
        yield Finding("error", f"Model Monitor has no image in {config.region}", SWITCH)
        return
    caller = context.client("sts").get_caller_identity()
    account, partition = caller["Account"], caller["Arn"].split(":")[1]
    name = f"{config.prefix}-preflight"
    bucket = f"s3://{config.prefix}-reports-{account}-{config.region}/preflight"
    names = Names(config)
    role = f"arn:{partition}:iam::{account}:role{names.path}{names.role('monitoring')}"
    try:
        sagemaker.create_data_quality_job_definition(
            JobDefinitionName=name,
            DataQualityAppSpecification={"ImageUri": image_uri("model-monitor-analyzer", config.region)},
            DataQualityJobInput={
                "BatchTransformInput": {
                    "DataCapturedDestinationS3Uri": bucket,
                    "DatasetFormat": {"Csv": {"Header": True}},
                    "LocalPath": "/opt/ml/processing/input",
                }
            },
            DataQualityJobOutputConfig={
                "MonitoringOutputs": [{"S3Output": {"S3Uri": bucket, "LocalPath": "/opt/ml/processing/output"}}]
            },
            JobResources={"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}},
            RoleArn=role,
        )
    except ClientError as error:
        code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
        if code in DENIED and "is not authorized to perform" in message:
            yield Finding("warning", f"the caller may not ask: {message}", "ask as someone who may, or " + SWITCH)
        else:
            yield Finding("error", f"SageMaker refuses a monitoring job definition: {message}", SWITCH)
        return
    sagemaker.delete_data_quality_job_definition(JobDefinitionName=name)
    yield Finding("ok", "SageMaker takes monitoring job definitions: the account can use model-monitor")
