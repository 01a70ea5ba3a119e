"""Grants of the retraining guard, and of the job that makes the next training set."""

from __future__ import annotations

from aws_cdk import Aws

from stacks.config import PlatformConfig
from stacks.constructs.code_assets import CodeAssets
from stacks.constructs.scoped_role import Grant, ObjectGrant
from stacks.identity.common import pass_role, read_assets, read_objects, use_data_key, write_objects
from stacks.identity.retraining import SAGEMAKER
from stacks.monitoring.alarms import retraining_alarms
from stacks.names import Names

# Exports, and reports of what was made of them.
COLLECTIONS = "collections/"


def look(names: Names, config: PlatformConfig) -> list[Grant]:
    """See runs and alarms, and start a run."""
    alarms = [names.alarm_arn(alarm) for alarm in retraining_alarms(config, names)]
    return [
        Grant(["states:ListExecutions"], [names.state_machine_arn, names.guard_arn]),
        Grant(["states:StartExecution"], [names.state_machine_arn]),
        *([Grant(["cloudwatch:DescribeAlarms"], alarms)] if alarms else []),
    ]


def collect(names: Names) -> list[Grant | ObjectGrant]:
    """Export the decisions, and run the job that makes a data set of them."""
    decisions = names.table_arn("decisions")
    job = names.sagemaker_arn(f"processing-job/{names.prefix}-c*")
    reason = "A collecting job is named after the guard's execution."
    return [
        Grant(["dynamodb:ExportTableToPointInTime"], [decisions]),
        Grant(["dynamodb:DescribeExport"], [f"{decisions}/export/*"], reason="DynamoDB names the export."),
        # DynamoDB writes an export with the rights of whoever asked for it.
        write_objects("transactions", COLLECTIONS),
        ObjectGrant("transactions", ["s3:PutObjectAcl"], (COLLECTIONS,)),
        *read_objects(names, "transactions", COLLECTIONS),
        # The job's volume is encrypted on behalf of whoever starts the job.
        *use_data_key(names),
        Grant(
            [
                *("sagemaker:CreateProcessingJob", "sagemaker:DescribeProcessingJob"),
                *("sagemaker:StopProcessingJob", "sagemaker:AddTags"),
            ],
            [job],
            reason=reason,
        ),
        pass_role(names, "collection", SAGEMAKER),
        Grant(
            ["events:DescribeRule", "events:PutRule", "events:PutTargets"],
            [
                f"arn:{Aws.PARTITION}:events:{names.region}:{Aws.ACCOUNT_ID}:rule/"
                "StepFunctionsGetEventsForSageMakerProcessingJobsRule"
            ],
        ),
    ]


def collection(names: Names, assets: CodeAssets) -> list[Grant | ObjectGrant]:
    """Read the export and the champion's data, write the next data set and its report."""
    return [
        *read_objects(names, "transactions", "datasets/", COLLECTIONS),
        write_objects("transactions", "datasets/", COLLECTIONS),
        *read_assets(assets.code, assets.wheels),
        *use_data_key(names),
    ]
