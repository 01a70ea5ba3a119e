"""The configuration: what is refused, in which words, and that its documentation is current."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from scripts import generate_configuration_docs
from stacks.config import ConfigurationError, PlatformConfig, load_config
from stacks.config.algorithms import ALGORITHMS
from tests.infra.conftest import synth_path

REPOSITORY = Path(__file__).resolve().parents[2]
CONTEXT = json.loads((REPOSITORY / "cdk.json").read_text(encoding="utf-8"))["context"]


def message(settings: dict[str, Any], environment: str = "prod") -> str:
    with pytest.raises(ConfigurationError) as caught:
        load_config({"env": environment, "environments": {environment: settings}})
    return str(caught.value)


@pytest.mark.parametrize("environment", ["dev", "staging", "prod"])
def test_every_environment_of_cdk_json_is_valid(environment: str) -> None:
    config = load_config({**CONTEXT, "env": environment})
    assert config.prefix == f"fraudstack-{environment}"


def test_single_fields_are_set_for_one_command() -> None:
    changes = {"retraining": {"cooldown_hours": 0, "hourly_usd": {"ml.m5.xlarge": 9}}, "region": "eu-west-1"}
    config = load_config({**CONTEXT, "env": "dev", "settings": json.dumps(changes)})
    assert (config.retraining.cooldown_hours, config.region) == (0, "eu-west-1")
    assert config.training.max_trials == 6, "what the environment says stays"
    for wrong, what in (("{", "not JSON"), ("[]", "must be an object"), ('{"x": 1}', "unknown field")):
        with pytest.raises(ConfigurationError, match=what):
            load_config({**CONTEXT, "env": "dev", "settings": wrong})


def test_environments_differ_where_it_matters() -> None:
    dev, prod = (load_config({**CONTEXT, "env": name}) for name in ("dev", "prod"))
    assert (dev.training.approval, prod.training.approval) == ("automatic", "manual")
    assert (dev.storage.removal, prod.storage.removal) == ("destroy", "retain")
    assert prod.termination_protection and not dev.termination_protection


@pytest.mark.parametrize(
    ("settings", "where", "what"),
    [
        ({"serving": {"instance_count": 0}}, "serving.instance_count", "greater than or equal to 1 (is 0)"),
        ({"serving": {"instnce_count": 1}}, "serving.instnce_count", "did you mean 'instance_count'?"),
        ({"nonsense": 1}, "nonsense", "unknown field; known are environment, project, region"),
        ({"storage": {"removal": "maybe"}}, "storage.removal", "'destroy' or 'retain' (is 'maybe')"),
        ({"storage": {"log_days": 42}}, "storage.log_days", "30, 60, 90"),
        ({"region": "moon-1"}, "region", "known regions are af-south-1"),
        ({"training": {"gate": {"floor": 2}}}, "training.gate.floor", "less than or equal to 1 (is 2)"),
        ({"training": {"gate": {"metric": "recall_at_7_alerts"}}}, "training.gate", "among review_budgets"),
        ({"training": {"max_trials": 1}}, "training", "parallel_trials (2) must not exceed max_trials (1)"),
        ({"training": {"trial": {"instance_type": "m5.large"}}}, "training.trial.instance_type", "'m5.large'"),
        ({"training": {"algorithms": {}}}, "training.algorithms", "at least 1 item"),
        ({"serving": {"instance_count": 1}}, "serving", "at least 2 for traffic.shifting CANARY"),
        ({"serving": {"instance_count": 9}}, "serving", "scaling.max_instances (4) must be at least"),
        ({"monitoring": {"cadence": "rate(1 hour)"}}, "monitoring.cadence", "daily `cron(0 3 ? * * *)`"),
        ({"monitoring": {"max_runtime_seconds": 3600}}, "monitoring", "at most 3300 for an hourly cadence"),
        (
            {"monitoring": {"model_quality": {"floors": {"recal": 0.5}}}},
            "monitoring.model_quality.floors",
            "no floor can be set for recal. floors: Metrics of model quality",
        ),
        (
            {"monitoring": {"model_quality": {"floors": {"value_recall": 0.5}}}},
            "monitoring",
            "AWS's analyser does not report value_recall, so no alarm could go off; set engine to processing",
        ),
        ({"notifications": {"emails": ["nobody"]}}, "notifications.emails.0", "'nobody'"),
        ({"retraining": {"schedule": "rate(1 day)"}}, "retraining.schedule", "match pattern"),
        ({"retraining": {"minimum_new_frauds": 9000}}, "retraining", "must not exceed minimum_new_labelled (5000)"),
        (
            {"retraining": {"monthly_budget_usd": 2}},
            "",
            "monthly_budget_usd (2) is below what a run can cost (3.68)",
        ),
        ({"retraining": {"window_days": 10}}, "", "window_days (10) must be at least 17"),
        ({"training": {"trial": {"instance_type": "ml.x9.big"}}}, "", "no price is known of ml.x9.big"),
        ({"project": "a-very-long-project"}, "", "at most 19 leave room for the names of tuning jobs"),
        ({"event_type": "cards"}, "event_type", "neither a YAML file nor a shipped e"),
        ({"scoring": {"endpoint_timeout_ms": 10000}}, "scoring", "must be below timeout_seconds (10 s)"),
        ({"scoring": {"timeout_seconds": 30}}, "scoring.timeout_seconds", "less than or equal to 29"),
        ({"scoring": {"burst_limit": 10}}, "scoring", "at least half of rate_limit (500)"),
        ({"scoring": {"quota_per_day": 10}}, "scoring", "quota_per_day needs api_key"),
        (
            {"scoring": {"reserved_concurrency": 2, "provisioned_concurrency": 3}},
            "scoring",
            "provisioned_concurrency (3) must not exceed reserved_concurrency (2)",
        ),
        ({"scoring": {"fail_policy": "ajar"}}, "scoring.fail_policy", "'rules', 'open' or 'closed'"),
        ({"serving": {"challenger": {"mode": "ab"}}}, "serving.challenger", "must be below 100 for mode ab"),
        ({"serving": {"challenger": {"max_instances": 1, "instance_count": 2}}}, "serving.challenger", "at least"),
        ({"serving": {"image": "slow"}}, "serving.image", "'prebuilt' or 'fast'"),
        ({"environment": "dev"}, "environment", "remove it"),
        ("text", "", "must be an object"),
    ],
)
def test_wrong_value_says_where_it_stands_and_what_is_allowed(settings: Any, where: str, what: str) -> None:
    found = message(settings)
    place = f"cdk.json: environments.prod.{where}:" if where else "cdk.json: environments.prod:"
    assert place in found
    assert what in found


def test_event_type_may_be_a_file_and_its_faults_are_named(tmp_path: Path) -> None:
    path = tmp_path / "claims.yaml"
    path.write_text("name: claims\nlabel: fraud\namount: claimed\nid: claim\ntimestamp: at\n", encoding="utf-8")
    context = {"env": "dev", "environments": {"dev": {"event_type": str(path)}}}
    assert load_config(context).load_event_type().name == "claims"
    path.write_text("name: claims\namuont: claimed\n", encoding="utf-8")
    assert "amuont: unknown field" in message({"event_type": str(path)})


def test_entities_are_limited_by_the_indexes_of_a_table(tmp_path: Path) -> None:
    path = tmp_path / "many.yaml"
    entities = "".join(f"  e{number}: {{column: c{number}}}\n" for number in range(21))
    path.write_text(f"name: many\nlabel: fraud\namount: a\ntimestamp: at\nentities:\n{entities}", encoding="utf-8")
    assert "21 entities; decisions can be found by 20" in message({"event_type": str(path)})


def test_all_errors_are_told_at_once() -> None:
    found = message({"region": "moon-1", "serving": {"instance_count": 0, "capture_percent": 101}})
    assert len(found.splitlines()) == 4


def test_wrong_range_names_the_hyperparameter() -> None:
    ranges = {"max_depth": {"kind": "integer", "min": 9, "max": 3}}
    found = message({"training": {"algorithms": {"xgboost": {"ranges": ranges}}}})
    assert "training.algorithms.xgboost.ranges.max_depth: min (9) must be less than max (3)" in found


@pytest.mark.parametrize("name", [None, "production"])
def test_unknown_environment_lists_the_known(name: str | None) -> None:
    with pytest.raises(ConfigurationError, match="known are dev, staging, prod"):
        load_config({"env": name, "environments": CONTEXT["environments"]})


def test_synth_with_a_wrong_configuration_is_a_message_not_a_traceback(tmp_path: Path) -> None:
    context = json.dumps({**CONTEXT, "env": "production"})
    result = subprocess.run(
        [sys.executable, "app.py"],
        cwd=REPOSITORY,
        env={"PATH": synth_path(), "HOME": str(tmp_path), "CDK_CONTEXT_JSON": context},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 1
    assert "error: env: 'production' is not an environment" in result.stderr
    assert "Traceback" not in result.stderr


def test_configuration_is_frozen_and_described() -> None:
    config = load_config({**CONTEXT, "env": "dev"})
    with pytest.raises(ValidationError, match="frozen"):
        config.serving.instance_count = 7  # type: ignore[misc]
    for path, model in generate_configuration_docs.models_below(PlatformConfig):
        for name, field in model.model_fields.items():
            assert field.description, f"{path}.{name} has no description"


def test_documentation_is_current() -> None:
    assert generate_configuration_docs.main(["--check"]) == 0, "run python -m scripts.generate_configuration_docs"


def test_hyperparameters_are_those_of_the_trainers() -> None:
    """The configuration stays apart from the training code; this holds the two against each other."""
    from fraud import models

    assert set(ALGORITHMS) == set(models.algorithms())
    for name, algorithm in ALGORITHMS.items():
        known = {parameter.name: parameter for parameter in models.trainer(name).parameters}
        for key, value in algorithm.static.items():
            known[key].parse(value)
        for key, limits in algorithm.ranges.items():
            known[key].parse(limits.min)
            known[key].parse(limits.max)
            assert (known[key].type is int) == (limits.kind == "integer"), key
