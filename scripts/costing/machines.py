"""SageMaker's machines: the endpoint's fleet, monitoring jobs, retraining runs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from scripts.costing.items import Item, Pricing
from scripts.costing.templates import Resource, chosen, text
from scripts.costing.usage import DAYS, HOURS
from stacks.prices import PROCESSING_JOBS, run_cost

DEFINITIONS = tuple(
    f"AWS::SageMaker::{kind}JobDefinition"
    for kind in ("DataQuality", "ModelQuality", "ModelBias", "ModelExplainability")
)
KB_IN_GB = 1024 * 1024


def endpoint(resource: Resource, pricing: Pricing) -> Iterator[Item]:
    """Instances at the least that scaling keeps, up to the most it starts; a challenger as if it always ran."""
    properties = resource.properties
    shadows = chosen(properties.get("ShadowProductionVariants") or [])
    capacity = _capacity(resource)
    for variant in [*chosen(properties["ProductionVariants"]), *(shadows if isinstance(shadows, list) else [])]:
        variant = chosen(variant)
        name = variant["VariantName"]
        least, most = capacity.get(name, (variant["InitialInstanceCount"],) * 2)
        kind = variant["InstanceType"]
        runs = "" if variant in properties["ProductionVariants"] else ", while a challenger runs"
        what = f"{name}: {least} to {most} × {kind}{runs}"
        # A challenger runs only while somebody lets it: it counts in what can be spent at most.
        hours = 0.0 if runs else least * HOURS
        yield pricing.item("Endpoint", resource, what, hours, kind, most=most * HOURS)
    usage = pricing.usage
    gb = usage.transactions * usage.transaction_kb / KB_IN_GB
    yield pricing.item("Endpoint", resource, "requests and answers", gb, "ml-data")


def _capacity(resource: Resource) -> dict[str, tuple[int, int]]:
    """Least and most instances by variant, of the template's scalable targets."""
    found = {}
    for target in resource.others("AWS::ApplicationAutoScaling::ScalableTarget"):
        variant = text(target.properties["ResourceId"]).rpartition("/variant/")[2]
        found[variant] = (int(target.properties["MinCapacity"]), int(target.properties["MaxCapacity"]))
    return found


def schedule(resource: Resource, pricing: Pricing) -> Iterator[Item]:
    """The jobs of a monitoring schedule, and the metrics that they publish."""
    settings = resource.properties["MonitoringScheduleConfig"]
    runs = runs_a_month(settings["ScheduleConfig"]["ScheduleExpression"])
    (definition,) = (
        other
        for other in resource.others(*DEFINITIONS)
        if other.properties.get("JobDefinitionName") == settings["MonitoringJobDefinitionName"]
    )
    cluster = definition.properties["JobResources"]["ClusterConfig"]
    # Labels are merged by a job of its own; explanations are computed against an endpoint that lives with the job.
    machines = 2 if "GroundTruthS3Input" in _keys(definition.properties) or "Explainability" in definition.type else 1
    hours = runs * machines * cluster["InstanceCount"] * pricing.usage.monitoring_minutes / 60
    kind = cluster["InstanceType"]
    what = f"{runs:.0f} runs × {machines} × {kind}"
    yield pricing.item("Monitoring", resource, what, hours, kind)
    storage = hours / HOURS * cluster["VolumeSizeInGB"]
    yield pricing.item("Monitoring", resource, f"volumes of {cluster['VolumeSizeInGB']} GB", storage, "ml-storage")
    if definition.type == DEFINITIONS[0]:
        yield pricing.item("Monitoring", resource, "metrics published", pricing.usage.metrics, "cloudwatch-metric")


def machine(resource: Resource, pricing: Pricing) -> Iterator[Item]:
    """A state machine's transitions, and the jobs that it starts."""
    definition = text(resource.properties["DefinitionString"])
    if "createHyperParameterTuningJob" in definition:
        yield from _retraining(resource, pricing, definition)
        return
    runs = sum(_starts(rule, resource) for rule in resource.others("AWS::Events::Rule"))
    if "createProcessingJob" not in definition and not runs:
        # Started by the ends of other jobs, which are the schedules' runs.
        runs = sum(
            runs_a_month(other.properties["MonitoringScheduleConfig"]["ScheduleConfig"]["ScheduleExpression"])
            for other in resource.others("AWS::SageMaker::MonitoringSchedule")
        )
    yield _transitions(resource, pricing, definition, runs)
    monitoring = pricing.config.monitoring
    if monitoring.engine == "processing" and monitoring.instance_type in definition:
        hours = runs * pricing.usage.monitoring_minutes / 60
        what = f"{runs:.0f} runs × {monitoring.instance_type}"
        yield pricing.item("Monitoring", resource, what, hours, monitoring.instance_type)
        what = f"volumes of {monitoring.volume_gib} GB"
        yield pricing.item("Monitoring", resource, what, hours / HOURS * monitoring.volume_gib, "ml-storage")
        yield pricing.item("Monitoring", resource, "metrics published", pricing.usage.metrics, "cloudwatch-metric")


def _retraining(resource: Resource, pricing: Pricing, definition: str) -> Iterator[Item]:
    """Runs as assumed; at most what the guard lets start: so many a week, and no more than the month's budget."""
    training, usage, loop = pricing.config.training, pricing.usage, pricing.config.retraining
    yield _transitions(resource, pricing, definition, usage.retrainings)
    jobs = usage.retrainings * PROCESSING_JOBS * usage.processing_minutes / 60
    trials = usage.retrainings * training.max_trials * usage.trial_minutes / 60
    kinds = (training.processing, training.trial)
    names = (f"{PROCESSING_JOBS} processing jobs", f"{training.max_trials} trials")
    usd = sum(hours * pricing.hour(job.instance_type) for hours, job in zip((jobs, trials), kinds, strict=True))
    limit = usd
    if pricing.config.retrains_itself:
        whole = run_cost(training, loop.hourly_usd).most
        limit = max(usd, min(loop.monthly_budget_usd, whole * loop.max_runs_per_week * DAYS / 7))
    for hours, job, name in zip((jobs, trials), kinds, names, strict=True):
        what = f"{usage.retrainings:g} runs × {name} × {job.instance_type}"
        # The limit is of a run's jobs together: it is shared out as the costs are.
        most = hours * limit / usd if usd else 0.0
        yield pricing.item("Retraining", resource, what, hours, job.instance_type, most=most)
        volumes = hours / HOURS * job.volume_gib
        yield pricing.item("Retraining", resource, f"volumes of the {name.split(' ', 1)[1]}", volumes, "ml-storage")


def _transitions(resource: Resource, pricing: Pricing, definition: str, runs: float) -> Item:
    """As if each state were entered once in every run."""
    states = definition.count('"Type":"')
    what = f"{runs:.0f} runs × {states} states"
    return pricing.item("Step Functions", resource, what, runs * states, "states-transition")


def _starts(rule: Resource, machine: Resource) -> float:
    """How often a rule with a schedule starts the machine, a month."""
    expression = rule.properties.get("ScheduleExpression")
    targets = rule.properties.get("Targets", [])
    if expression is None or not any(target["Arn"] == {"Ref": machine.logical_id} for target in targets):
        return 0.0
    return runs_a_month(expression)


def runs_a_month(expression: str) -> float:
    """Runs of a cron or rate expression in a month of 730 hours; ValueError where it is another kind.

    >>> round(runs_a_month("cron(0 * ? * * *)")), round(runs_a_month("cron(0 0/6 ? * * *)"))
    (730, 122)
    """
    rate = re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", expression)
    if rate:
        return HOURS / (int(rate[1]) * {"minute": 1 / 60, "hour": 1, "day": 24}[rate[2]])
    cron = re.fullmatch(r"cron\((\S+) (\S+) (\S+) (\S+) (\S+) (\S+)\)", expression)
    if not cron:
        raise ValueError(f"neither cron nor rate: {expression}")
    minute, hour, day, month, weekday, _ = cron.groups()
    a_day = _times(minute, 60) * _times(hour, 24)
    days = DAYS
    if weekday not in ("?", "*"):
        days = DAYS / 7 * _days_of(weekday)
    elif day not in ("?", "*"):
        days = float(len(day.split(",")))
    return a_day * days * (1 if month == "*" else len(month.split(",")) / 12)


def _times(field: str, size: int) -> int:
    """How many values of 0 to size - 1 a field has."""
    if field == "*":
        return size
    start, _, step = field.partition("/")
    if step:
        return len(range(0 if start == "*" else int(start), size, int(step)))
    return sum(_span(part) for part in field.split(","))


def _span(part: str) -> int:
    first, _, last = part.partition("-")
    return int(last) - int(first) + 1 if last else 1


def _days_of(field: str) -> int:
    names = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
    count = 0
    for part in field.upper().split(","):
        first, _, last = part.partition("-")
        count += (names.index(last) - names.index(first)) % 7 + 1 if last in names else _span(part) if last else 1
    return count


def _keys(value: Any) -> Iterable[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _keys(inner)
