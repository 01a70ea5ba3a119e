"""The monitors' baselines: named in the model package, and kept beside it, a folder for each kind of monitor.

`model-packages/<group>/<version>/<kind>/{statistics,constraints,analysis,analysis_config}.json`.
"""

from __future__ import annotations

from typing import Any

from stacks.retraining.settings import RetrainingSettings
from stacks.retraining.states import States, call, choice, each, jsonata, rule, task

BASELINE = "baseline"
EXPLANATION = "model-explainability/analysis_config.json"


def model_metrics() -> str:
    """ModelMetrics of the files in `$baselines`; what is missing is left out."""
    return _documents(
        {
            "ModelDataQuality": _kind("data-quality", Statistics="statistics.json", Constraints="constraints.json"),
            "ModelQuality": _kind("model-quality", Statistics="statistics.json", Constraints="constraints.json"),
            "Bias": _kind("model-bias", Report="analysis.json"),
            "Explainability": _kind("model-explainability", Report="analysis.json"),
        }
    )


def drift_check_baselines() -> str:
    """DriftCheckBaselines of the files in `$baselines`."""
    return _documents(
        {
            "ModelDataQuality": _kind("data-quality", Statistics="statistics.json", Constraints="constraints.json"),
            "ModelQuality": _kind("model-quality", Statistics="statistics.json", Constraints="constraints.json"),
            "Bias": _kind("model-bias", ConfigFile="analysis_config.json", PostTrainingConstraints="constraints.json"),
            "Explainability": _kind(
                "model-explainability", ConfigFile="analysis_config.json", Constraints="analysis.json"
            ),
        }
    )


def _kind(kind: str, **members: str) -> str:
    inner = ", ".join(f"'{member}': $file('{kind}/{name}')" for member, name in members.items())
    return f"$exists($baselines[$contains($, '{kind}/')]) ? {{{inner}}}"


def _documents(members: dict[str, str]) -> str:
    file = (
        "$file := function($name) { $name in $baselines ? "
        f"{{'ContentType': 'application/json', 'S3Uri': $runUri & '/{BASELINE}/' & $name}} }}"
    )
    return f"({file}; {{" + ", ".join(f"'{name}': ({value})" for name, value in members.items()) + "})"


def baseline_states(settings: RetrainingSettings, *, kept: str) -> States:
    """Copy the run's baselines to `$baselinePrefix`, then tell Clarify which model it may ask."""
    return {
        "Keep baselines": each(
            "$baselines",
            {
                "Keep": call(
                    "aws-sdk:s3:copyObject",
                    {
                        "Bucket": settings.artifacts_bucket,
                        "Key": jsonata("$baselinePrefix & '/' & $states.input"),
                        "CopySource": jsonata(
                            f"'{settings.artifacts_bucket}/runs/' & $runId & '/{BASELINE}/' & $states.input"
                        ),
                    },
                )
            },
            step="keep the baselines",
            next_state="Explanations?",
            comment="The monitoring stack derives a baseline's place from the model package's ARN",
        ),
        "Explanations?": choice([rule(f"'{EXPLANATION}' in $baselines", "Read explanation")], kept),
        "Read explanation": task(
            "aws-sdk:s3:getObject",
            step="keep the baselines",
            arguments={
                "Bucket": settings.artifacts_bucket,
                "Key": jsonata(f"'runs/' & $runId & '/{BASELINE}/{EXPLANATION}'"),
            },
            assign={"explanation": jsonata("$parse($states.result.Body)")},
            next_state="Name explained model",
        ),
        "Name explained model": task(
            "aws-sdk:s3:putObject",
            step="keep the baselines",
            arguments={
                "Bucket": settings.artifacts_bucket,
                "Key": jsonata(f"$baselinePrefix & '/{EXPLANATION}'"),
                "Body": jsonata(_with_model(settings)),
            },
            next_state=kept,
            comment="The model's name has the version, which is known only now",
        ),
    }


def _with_model(settings: RetrainingSettings) -> str:
    """The analysis' settings with the predictor: an object, which is written as JSON."""
    version = "$substringAfter($substringAfter($modelPackageArn, '/'), '/')"
    predictor: dict[str, Any] = {
        "initial_instance_count": "1",
        "instance_type": f"'{settings.explained_instance_type}'",
        "endpoint_name_prefix": f"'{settings.explained_model}'",
        "model_name": f"'{settings.explained_model}-v' & {version}",
        "content_type": "'text/csv'",
        "accept_type": "'text/csv'",
    }
    inner = ", ".join(f"'{name}': {value}" for name, value in predictor.items())
    return f"$merge([$explanation, {{'predictor': $merge([$explanation.predictor, {{{inner}}}])}}])"
