"""An approval in the model registry starts the promotion."""

from __future__ import annotations

from aws_cdk import aws_events as events
from constructs import Construct


class ApprovalRule(events.CfnRule):
    """Starts the state machine with the ARN of a model package that was approved, and when that was."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        model_package_group: str,
        state_machine_arn: str,
        role_arn: str,
        dead_letters_arn: str,
    ) -> None:
        target = events.CfnRule.TargetProperty(
            id="promotion",
            arn=state_machine_arn,
            role_arn=role_arn,
            dead_letter_config=events.CfnRule.DeadLetterConfigProperty(arn=dead_letters_arn),
            input_transformer=events.CfnRule.InputTransformerProperty(
                input_paths_map={"arn": "$.detail.ModelPackageArn", "time": "$.time"},
                input_template='{"modelPackageArn": <arn>, "approvedAt": <time>}',
            ),
        )
        super().__init__(
            scope,
            construct_id,
            name=name,
            description="A model package was approved: promote it",
            event_pattern={
                "source": ["aws.sagemaker"],
                "detail-type": ["SageMaker Model Package State Change"],
                "detail": {
                    "ModelPackageGroupName": [model_package_group],
                    "ModelApprovalStatus": ["Approved"],
                },
            },
            targets=[target],
        )
