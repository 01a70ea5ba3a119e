"""The state machine that runs the monitors, or counts what SageMaker's schedules found, and what starts it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aws_cdk import RemovalPolicy
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from stacks.constructs.logged_machine import LoggedMachine
from stacks.monitoring import Monitor
from stacks.monitoring.definition import build_definition
from stacks.monitoring.outcome import build_outcome_definition
from stacks.monitoring.settings import MachineSettings


class MonitoringMachine(Construct):
    """A standard state machine and its rules; `arn` is its ARN.

    Engine `processing`: a rule for each monitor starts it at the monitor's cadence. Engine `model-monitor`: one rule
    starts it at the end of every job of SageMaker's schedules, one every hour to look for executions without a job.
    It needs no model to exist: it looks for one as it runs.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        settings: MachineSettings,
        schedule_arns: Sequence[str],
        role: iam.IRole,
        start_role_arn: str,
        dead_letters_arn: str,
        key: kms.IKey,
        log_days: int,
        removal_policy: RemovalPolicy,
    ) -> None:
        super().__init__(scope, construct_id)
        runs = settings.monitoring.engine == "processing"
        definition = build_definition(settings) if runs else build_outcome_definition(settings)
        machine = LoggedMachine(
            self,
            "Machine",
            name=name,
            definition=definition,
            role=role,
            key=key,
            log_days=log_days,
            removal_policy=removal_policy,
        )
        self.arn = machine.state_machine_arn
        self._start_role = start_role_arn
        self._dead_letters = events.CfnRule.DeadLetterConfigProperty(arn=dead_letters_arn)
        if runs:
            for monitor in settings.monitors:
                self._on_cron(monitor)
        else:
            self._on_job_ends(name, schedule_arns)
            self._every_hour(name)

    def _on_cron(self, monitor: Monitor) -> None:
        self._timed(
            monitor.kind,
            target="monitor",
            given=f'{{"monitor": "{monitor.kind}", "time": <time>}}',
            name=monitor.schedule,
            description=f"Runs the monitor {monitor.kind}",
            schedule_expression=monitor.rule_expression,
        )

    def _every_hour(self, name: str) -> None:
        self._timed(
            "Hourly",
            target="executions",
            given='{"time": <time>}',
            name=f"{name}-executions",
            description="Count the executions of monitoring schedules that left no job",
            schedule_expression="rate(1 hour)",
        )

    def _timed(self, construct_id: str, *, target: str, given: str, **properties: Any) -> None:
        """A rule that starts the machine by the clock with the input `given`, where <time> is the rule's."""
        transformer = events.CfnRule.InputTransformerProperty(input_paths_map={"time": "$.time"}, input_template=given)
        events.CfnRule(
            self,
            construct_id,
            targets=[self._target(target, input_transformer=transformer)],
            **properties,
        )

    def _on_job_ends(self, name: str, schedule_arns: Sequence[str]) -> None:
        events.CfnRule(
            self,
            "JobEnds",
            name=f"{name}-outcome",
            description="A job of a monitoring schedule has ended: count what it found",
            event_pattern={
                "source": ["aws.sagemaker"],
                "detail-type": ["SageMaker Processing Job State Change"],
                "detail": {
                    "ProcessingJobStatus": ["Completed", "Failed", "Stopped"],
                    "MonitoringScheduleArn": list(schedule_arns),
                },
            },
            targets=[self._target("outcome")],
        )

    def _target(self, identifier: str, **given: Any) -> events.CfnRule.TargetProperty:
        return events.CfnRule.TargetProperty(
            id=identifier, arn=self.arn, role_arn=self._start_role, dead_letter_config=self._dead_letters, **given
        )
