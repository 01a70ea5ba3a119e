"""What asks the retraining guard: alarms as they go off, alarms that stay on, and the calendar."""

from __future__ import annotations

import json
from typing import Any

from aws_cdk import aws_events as events
from constructs import Construct

from stacks.config import RetrainingConfig

# Alarms whose names go on like this call for retraining.
FAMILIES = ("drift", "quality")


class GuardRules(Construct):
    """EventBridge rules with the guard as their target."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        prefix: str,
        guard_arn: str,
        role_arn: str,
        dead_letters_arn: str,
        settings: RetrainingConfig,
    ) -> None:
        super().__init__(scope, construct_id)
        self._name, self._guard, self._role = f"{prefix}-retraining", guard_arn, role_arn
        self._dead_letters = events.CfnRule.DeadLetterConfigProperty(arn=dead_letters_arn)
        if settings.on_alarm:
            self._alarms(prefix)
            every = settings.recheck_hours
            self._timed("recheck", f"rate({every} hour{'s' if every > 1 else ''})", "An alarm that stays on")
        if settings.schedule:
            self._timed("schedule", settings.schedule, "The calendar")

    def _alarms(self, prefix: str) -> None:
        events.CfnRule(
            self,
            "Alarms",
            name=f"{self._name}-alarm",
            description="An alarm of drift or quality went off: ask whether to retrain",
            event_pattern={
                "source": ["aws.cloudwatch"],
                "detail-type": ["CloudWatch Alarm State Change"],
                "detail": {
                    "alarmName": [{"prefix": f"{prefix}-{family}-"} for family in FAMILIES],
                    "state": {"value": ["ALARM"]},
                },
            },
            targets=[
                self._target(
                    input_transformer=events.CfnRule.InputTransformerProperty(
                        input_paths_map={"alarm": "$.detail.alarmName", "reason": "$.detail.state.reason"},
                        input_template='{"trigger": "alarm", "alarm": <alarm>, "reason": <reason>}',
                    )
                )
            ],
        )

    def _timed(self, trigger: str, expression: str, what: str) -> None:
        events.CfnRule(
            self,
            trigger.capitalize(),
            name=f"{self._name}-{trigger}",
            description=f"{what}: ask whether to retrain",
            schedule_expression=expression,
            targets=[self._target(input=json.dumps({"trigger": trigger}))],
        )

    def _target(self, **given: Any) -> events.CfnRule.TargetProperty:
        return events.CfnRule.TargetProperty(
            id="guard", arn=self._guard, role_arn=self._role, dead_letter_config=self._dead_letters, **given
        )
