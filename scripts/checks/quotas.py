"""Quotas of SageMaker's instances: what the configuration can use at the same time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from scripts.checks.registry import Context, Finding, check
from stacks.config import PlatformConfig

USES = ("endpoint", "training job", "processing job", "transform job")


@check("quotas", "Are SageMaker's quotas enough?")
def quotas(context: Context) -> Iterator[Finding]:
    """An instance type without a quota of its name is not offered in the region."""
    needed, most = needs(context.config)
    known = {}
    for page in context.client("service-quotas").get_paginator("list_service_quotas").paginate(ServiceCode="sagemaker"):
        known.update({quota["QuotaName"]: quota for quota in page["Quotas"]})
    enough = []
    for name, count in sorted(needed.items()):
        quota = known.get(name)
        if quota is None:
            remedy = "choose another instance type in cdk.json"
            yield Finding("error", f"there is no quota '{name}': {context.config.region} does not offer it", remedy)
            continue
        have, code = quota["Value"], quota["QuotaCode"]
        wanted = most[name]
        remedy = (
            f"aws service-quotas request-service-quota-increase --region {context.config.region} --service-code "
            f"sagemaker --quota-code {code} --desired-value {wanted}"
        )
        if have < count:
            yield Finding("error", f"'{name}' is {have:g}, and {count} are needed", remedy)
        elif have < wanted:
            yield Finding("warning", f"'{name}' is {have:g}: scaled out as configured it is {wanted}", remedy)
        else:
            enough.append(f"{name} {have:g} (of {wanted})")
    if enough:
        yield Finding("ok", "; ".join(enough))


def needs(config: PlatformConfig) -> tuple[Counter[str], Counter[str]]:
    """Instances by the name of their quota: (what a run and a promotion need, what can be used at the most).

    A promotion starts a second fleet beside the first. Monitors of one cadence run at the same time, merging labels or
    explaining with a second machine.
    """
    needed: Counter[str] = Counter()
    most: Counter[str] = Counter()

    def add(instance_type: str, use: str, least: int, upper: int) -> None:
        needed[f"{instance_type} for {use} usage"] += least
        most[f"{instance_type} for {use} usage"] += upper

    serving, training = config.serving, config.training
    challenger = serving.challenger
    add(serving.instance_type, "endpoint", 2 * serving.instance_count, 2 * serving.scaling.max_instances)
    if challenger.mode != "none":
        most_of_challenger = challenger.max_instances or challenger.instance_count
        add(serving.challenger_instance_type, "endpoint", 0, 2 * most_of_challenger)
    add(training.trial.instance_type, "training job", training.parallel_trials, training.parallel_trials)
    add(training.processing.instance_type, "processing job", 1, 2 if config.retrains_itself else 1)
    monitoring = config.monitoring
    if monitoring.engine != "none":
        monitors = [monitoring.data_quality, monitoring.model_quality, monitoring.bias, monitoring.explainability]
        count = sum(monitor.enabled for monitor in monitors)
        add(monitoring.instance_type, "processing job", min(count, 1), count)
    return needed, most
