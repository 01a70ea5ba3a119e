"""Who asks, and whether there is a reason to go on."""

from __future__ import annotations

from stacks.guard.settings import OVERRIDES, TRIGGERS, GuardSettings
from stacks.retraining.states import States, assign, choice, fail_with, jsonata, rule, task

INPUT = "$states.input"


def request_states(settings: GuardSettings, *, asked: str) -> States:
    """From the execution's input to `asked`, with who asked and the limits in variables; or to a quiet end."""
    limits, cost = settings.limits, settings.cost
    return {
        "Read request": assign(
            {
                "trigger": jsonata(f"$exists({INPUT}.trigger) ? {INPUT}.trigger : 'operator'"),
                "alarm": jsonata(f"$exists({INPUT}.alarm) ? {INPUT}.alarm : ''"),
                "alarmReason": jsonata(f"$exists({INPUT}.reason) ? $substring({INPUT}.reason, 0, 500) : ''"),
                "override": jsonata(f"$exists({INPUT}.override) ? {INPUT}.override : []"),
                "now": jsonata("$toMillis($states.context.Execution.StartTime)"),
                "collectionId": jsonata("'c' & $substring($hash($states.context.Execution.Name, 'SHA-256'), 0, 8)"),
            },
            "Set limits",
        ),
        # A state of their own, which operators' commands read them from.
        "Set limits": assign(
            {
                "cooldownHours": limits.cooldown_hours,
                "maxRunsPerWeek": limits.max_runs_per_week,
                "monthlyBudgetUsd": limits.monthly_budget_usd,
                "mostUsdOfARun": cost.most,
                "usdAnHour": cost.hourly,
                "minimumNewLabelled": limits.minimum_new_labelled,
                "minimumNewFrauds": limits.minimum_new_frauds,
                "windowDays": limits.window_days,
            },
            "Request valid?",
        ),
        "Request valid?": choice(
            [
                rule(f"$not({_valid()})", "Refuse request"),
                rule("$trigger = 'recheck'", "Look at alarms" if settings.alarms else "Idle"),
            ],
            asked,
        ),
        "Refuse request": fail_with(
            "read the request",
            "InvalidInput",
            f"'The input may have trigger ({', '.join(TRIGGERS)}), alarm and reason (texts), and override (a list of "
            f"{', '.join(OVERRIDES)}). It is: ' & $string({INPUT})",
        ),
        **(_alarm_states(settings, asked=asked) if settings.alarms else {}),
        "Idle": {"Type": "Succeed", "Output": {"status": "Idle", "trigger": jsonata("$trigger")}},
    }


def _alarm_states(settings: GuardSettings, *, asked: str) -> States:
    """Asked by name: CloudWatch shows single alarms to whoever may see no others."""
    return {
        "Look at alarms": task(
            "aws-sdk:cloudwatch:describeAlarms",
            step="look at the alarms",
            arguments={"AlarmNames": list(settings.alarms), "StateValue": "ALARM"},
            assign={"alarm": jsonata("$join([$states.result.MetricAlarms.AlarmName], ', ')")},
            next_state="Alarm on?",
            comment="An alarm that stays on sends no second event",
        ),
        "Alarm on?": choice([rule("$alarm != ''", asked)], "Idle"),
    }


def _valid() -> str:
    def one_of(values: tuple[str, ...]) -> str:
        return "[" + ", ".join(f"'{value}'" for value in values) + "]"

    texts = "$type($alarm) = 'string' and $type($trigger) = 'string' and $type($override) = 'array'"
    known = f"$count($override[$not($ in {one_of(OVERRIDES)})]) = 0"
    return f"({texts}) ? ($trigger in {one_of(TRIGGERS)} and {known}) : false"
