"""Grants of the monitors: of their jobs, of the state machine that runs or counts them, and of what starts it."""

from __future__ import annotations

from aws_cdk import Aws

from stacks.config import PlatformConfig
from stacks.constructs.code_assets import CodeAssets
from stacks.constructs.scoped_role import Grant, ObjectGrant
from stacks.identity.common import (
    keep_histories,
    pass_role,
    read_assets,
    read_objects,
    read_with_key,
    use_data_key,
    use_key,
    write_logs,
    write_objects,
)
from stacks.identity.retraining import SAGEMAKER
from stacks.monitoring.settings import CAPTURES, GROUND_TRUTH, HISTORY, NAMESPACES, REPORTS
from stacks.names import Names


def jobs(names: Names, assets: CodeAssets, config: PlatformConfig) -> list[Grant | ObjectGrant]:
    """Read captured requests, labels, the baseline and the model, with the code that does it; write reports."""
    processing = config.monitoring.engine == "processing"
    code = (assets.code, assets.wheels) if processing else (assets.preprocessor,)
    grants = [
        *read_objects(names, "captures", f"{CAPTURES}/", f"{GROUND_TRUTH}/"),
        *read_assets(*code),
        *read_objects(names, "artifacts", "model-packages/", "runs/"),
        *read_objects(names, "reports", f"{REPORTS}/", f"{HISTORY}/"),
        write_objects("reports", f"{REPORTS}/"),
        Grant(["sagemaker:DescribeEndpoint"], [names.sagemaker_arn(f"endpoint/{names.endpoint}")]),
        *use_data_key(names),
    ]
    if config.monitoring.engine == "model-monitor":
        # A monitoring execution is a processing job whose name SageMaker makes.
        grants += [*write_logs(names, "/aws/sagemaker/ProcessingJobs"), *_clarify(names)]
    return grants


def _clarify(names: Names) -> list[Grant]:
    """Clarify asks the model on an endpoint of its own, which it makes and removes under the job's role."""
    # Each of these actions knows its own kind of resource, so that the kind need not be in the ARN.
    explained = names.sagemaker_arn(f"*/{names.explained}*")
    reason = "Clarify ends the name of its endpoint in a random part; the model's ends in its version."
    return [
        Grant(
            [
                "sagemaker:DescribeModel",
                *("sagemaker:CreateEndpoint", "sagemaker:DeleteEndpoint", "sagemaker:DescribeEndpoint"),
                *("sagemaker:CreateEndpointConfig", "sagemaker:DeleteEndpointConfig"),
                *("sagemaker:DescribeEndpointConfig", "sagemaker:InvokeEndpoint"),
            ],
            [explained],
            reason=reason,
        ),
        Grant(
            ["sagemaker:AddTags"],
            [explained],
            conditions={"StringEquals": {"sagemaker:TaggingAction": ["CreateEndpoint", "CreateEndpointConfig"]}},
            reason=reason,
        ),
    ]


def machine(names: Names, config: PlatformConfig) -> list[Grant | ObjectGrant]:
    """Read reports and publish what they say; engine `processing` also finds inputs and runs the jobs."""
    processing = config.monitoring.engine == "processing"
    grants: list[Grant | ObjectGrant] = [
        *read_objects(names, "reports", f"{REPORTS}/", f"{HISTORY}/"),
        Grant(
            ["cloudwatch:PutMetricData"],
            ["*"],
            conditions={"StringEquals": {"cloudwatch:namespace": [config.project, *NAMESPACES.values()]}},
            reason="cloudwatch:PutMetricData knows no resources; a condition limits it to the monitors' namespaces.",
        ),
        *keep_histories(names, names.monitoring_machine_arn),
    ]
    if processing:
        # Who starts jobs has their volumes encrypted.
        return [*grants, *use_key(names, "data", pass_on=True), *_analyses(names)]
    executions = Grant(
        ["sagemaker:ListMonitoringExecutions"],
        ["*"],
        reason="sagemaker:ListMonitoringExecutions knows no resources: the request names one of the schedules.",
    )
    return [*grants, read_with_key(names, "data"), executions]


def _analyses(names: Names) -> list[Grant | ObjectGrant]:
    job = names.sagemaker_arn(f"processing-job/{names.prefix}-*")
    listed = {"captures": (CAPTURES, GROUND_TRUTH), "artifacts": ("model-packages",)}
    return [
        *(
            Grant(
                ["s3:ListBucket"],
                [names.bucket_arn(bucket)],
                conditions={"StringLike": {"s3:prefix": [f"{prefix}/*" for prefix in prefixes]}},
            )
            for bucket, prefixes in listed.items()
        ),
        write_objects("reports", f"{HISTORY}/"),
        Grant(
            [
                *("sagemaker:AddTags", "sagemaker:CreateProcessingJob"),
                *("sagemaker:DescribeProcessingJob", "sagemaker:StopProcessingJob"),
            ],
            [job],
            reason="A processing job is named after its execution.",
        ),
        pass_role(names, "monitoring", SAGEMAKER),
        Grant(
            ["events:DescribeRule", "events:PutRule", "events:PutTargets"],
            [
                f"arn:{Aws.PARTITION}:events:{names.region}:{Aws.ACCOUNT_ID}:rule/"
                "StepFunctionsGetEventsForSageMakerProcessingJobsRule"
            ],
        ),
    ]


def schedule(names: Names) -> list[Grant]:
    """Start the state machine."""
    return [Grant(["states:StartExecution"], [names.monitoring_machine_arn])]
