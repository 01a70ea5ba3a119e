"""The run's beginning: what is asked for, and whether it can be done."""

from __future__ import annotations

from typing import Any

from stacks.config import AlgorithmConfig
from stacks.config.algorithms import CategoricalRange, IntegerRange
from stacks.retraining.settings import RetrainingSettings
from stacks.retraining.states import States, assign, choice, fail_with, jsonata, rule

INPUT = "$states.input"


def plan_states(settings: RetrainingSettings, *, train: str, promote: str) -> States:
    """Route to `train` (a whole run) or `promote` (an approved model package); refuse anything else."""
    known = ", ".join(settings.training.algorithms)
    return {
        "Route": choice(
            [
                rule(
                    f"$exists({INPUT}.modelPackageArn)",
                    promote,
                    {
                        "modelPackageArn": jsonata(f"{INPUT}.modelPackageArn"),
                        "runId": jsonata("$states.context.Execution.Name"),
                        "evaluation": {},
                        "approvedAt": jsonata(f"$exists({INPUT}.approvedAt) ? {INPUT}.approvedAt : ''"),
                    },
                ),
                rule(_valid_input(), "Plan run"),
            ],
            "Refuse input",
            comment="A whole run, or only the promotion of a model package that was approved in the registry",
        ),
        "Refuse input": fail_with(
            "read the input",
            "InvalidInput",
            f"'The input must have dataset (s3://bucket/prefix/), eventType (s3://bucket/key) and algorithm "
            f"({known}), and may have maxTrials and parallelTrials (whole numbers from 1, parallelTrials at most "
            f"maxTrials); or modelPackageArn alone. It is: ' & $string({INPUT})",
        ),
        "Plan run": assign(_plan(settings), "Choose algorithm"),
        "Choose algorithm": choice(
            [
                rule(
                    f"$algorithm = '{name}'",
                    train,
                    {"ranges": parameter_ranges(algorithm), "fixed": {"algorithm": name, **algorithm.static}},
                )
                for name, algorithm in settings.training.algorithms.items()
            ],
            "Refuse algorithm",
        ),
        "Refuse algorithm": fail_with(
            "choose the algorithm",
            "InvalidInput",
            f"'algorithm must be one of {known}; it is ' & $string($algorithm)",
        ),
    }


def _valid_input() -> str:
    """True for the input of a whole run; the types are checked here because jobs' messages come much later."""
    count = "($not($exists({0})) or ($type({0}) = 'number' and {0} >= 1 and $floor({0}) = {0}))"
    fields = [f"$type({INPUT}.{name}) = 'string'" for name in ("dataset", "eventType", "algorithm")]
    uris = [f"$contains({INPUT}.{name}, /^s3:\\/\\/[^\\/]+\\/.+/)" for name in ("dataset", "eventType")]
    counts = [count.format(f"{INPUT}.{name}") for name in ("maxTrials", "parallelTrials")]
    both = f"$exists({INPUT}.maxTrials) and $exists({INPUT}.parallelTrials)"
    order = f"(({both}) ? {INPUT}.parallelTrials <= {INPUT}.maxTrials : true)"
    # A type is looked at before the value: comparing a string with a number would be an error of its own.
    return f"({' and '.join(fields)}) ? (({' and '.join([*uris, *counts])}) ? {order} : false) : false"


def _plan(settings: RetrainingSettings) -> dict[str, Any]:
    training = settings.training
    name = "$states.context.Execution.Name"
    # retrain.py names an execution after its run; one started by hand gets a run id made of its name.
    derived = f"'r' & $substring($hash({name}, 'SHA-256'), 0, 8) & '-1'"
    run_id = f"$contains({name}, /^r[0-9a-f]{{8}}-[0-9]{{1,2}}$/) ? {name} : {derived}"
    max_trials = f"$exists({INPUT}.maxTrials) ? {INPUT}.maxTrials : {training.max_trials}"
    parallel = f"$exists({INPUT}.parallelTrials) ? {INPUT}.parallelTrials : {training.parallel_trials}"
    runs = f"s3://{settings.artifacts_bucket}/runs/"
    return {
        "runId": jsonata(run_id),
        "jobPrefix": jsonata(f"'{settings.prefix}-' & ({run_id})"),
        "runUri": jsonata(f"'{runs}' & ({run_id})"),
        "dataset": jsonata(f"$contains({INPUT}.dataset, /\\/$/) ? {INPUT}.dataset : {INPUT}.dataset & '/'"),
        "eventType": jsonata(f"{INPUT}.eventType"),
        "algorithm": jsonata(f"{INPUT}.algorithm"),
        "trigger": jsonata(f"$exists({INPUT}.trigger) ? $string({INPUT}.trigger) : 'operator'"),
        "maxTrials": jsonata(max_trials),
        "parallelTrials": jsonata(f"$min([({parallel}), ({max_trials})])"),
        "approvedAt": "",
        "evaluations": 0,
    }


def parameter_ranges(algorithm: AlgorithmConfig) -> dict[str, list[dict[str, Any]]]:
    """An algorithm's ranges as the tuning API takes them: three lists, all values strings."""
    ranges: dict[str, list[dict[str, Any]]] = {
        "IntegerParameterRanges": [],
        "ContinuousParameterRanges": [],
        "CategoricalParameterRanges": [],
    }
    for name, limits in algorithm.ranges.items():
        if isinstance(limits, CategoricalRange):
            ranges["CategoricalParameterRanges"].append({"Name": name, "Values": list(limits.values)})
            continue
        kind = "IntegerParameterRanges" if isinstance(limits, IntegerRange) else "ContinuousParameterRanges"
        ranges[kind].append(
            {
                "Name": name,
                "MinValue": f"{limits.min}",
                "MaxValue": f"{limits.max}",
                "ScalingType": limits.scaling,
            }
        )
    return ranges
