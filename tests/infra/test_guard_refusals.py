"""What the guard refuses to start a run for, and what an operator may override."""

from __future__ import annotations

from typing import Any

import pytest

from tests.infra.guard_services import MANUAL, NOW, Cloud, execution, refused
from tests.infra.retraining_services import PACKAGE

REFUSALS = [
    ("in-flight", "a run is in flight: r1", {"runs": [execution("r1", "2026-03-01T00:00:00Z", status="RUNNING")]}),
    (
        "in-flight",
        "another execution of the guard asked before: earlier",
        {"guards": [execution("guard-1", NOW), execution("earlier", "2026-03-10T11:59:00Z")]},
    ),
    ("no-model", "no model is deployed yet", {"champion": ""}),
    (
        "cooldown",
        "r1, started at 2026-03-10T10:00:00.000Z; with a cooldown of 24 h the next may start at 2026-03-11T10:00",
        {"runs": [execution("r1", "2026-03-10T10:00:00Z", "2026-03-10T10:30:00Z", "FAILED")]},
    ),
    (
        "cooldown",
        "data were collected at 2026-03-10T01:00:00.000Z (c00000000) without",
        {"latest": {"name": "c00000000", "at": 1773104400000}},
    ),
    (
        "weekly-limit",
        "2 runs started in the last seven days, 2 may; the oldest of them is r1 of 2026-03-05",
        {
            "runs": [
                execution("r2", "2026-03-08T00:00:00Z", "2026-03-08T01:00:00Z"),
                execution("r1", "2026-03-05T00:00:00Z", "2026-03-05T01:00:00Z"),
                execution("r0", "2026-03-01T00:00:00Z", "2026-03-01T01:00:00Z"),
            ]
        },
    ),
    (
        "budget",
        "cost up to 82 USD and another may cost 20 USD; the budget is 100 USD a month",
        {
            "runs": [
                # An hour costs 2 USD at most, no run more than 20.
                execution("r5", "2026-03-09T00:00:00Z", "2026-03-09T01:00:00Z"),
                *(
                    execution(f"r{day}", f"2026-03-0{day}T00:00:00Z", f"2026-03-0{day}T20:00:00Z")
                    for day in (3, 2, 2, 1)
                ),
                execution("r0", "2026-02-01T00:00:00Z", "2026-02-20T01:00:00Z"),
            ]
        },
    ),
    ("lineage", "does not say what it was trained on", {"lineage": {"dataset": "s3://b/d/"}}),
    (
        "data",
        "120 new events have a known outcome, 500 are needed",
        {"collection": {"sufficient": False, "reasons": ["120 new events have a known outcome, 500 are needed"]}},
    ),
]


@pytest.mark.parametrize(
    ("check", "reason", "situation"), REFUSALS, ids=[f"{c}-{i}" for i, (c, *_) in enumerate(REFUSALS)]
)
def test_what_is_refused_says_why_and_where(check: str, reason: str, situation: dict[str, Any]) -> None:
    cloud = Cloud()
    vars(cloud).update(situation)
    result = cloud.run()
    found, why = refused(result)
    assert found == check and reason in why
    assert cloud.started == []
    (message,) = cloud.messages
    assert f"({check})" in message["Subject"] and reason in message["Message"] and "guard-1" in message["Message"]


@pytest.mark.parametrize(
    ("check", "situation"), [(c, s) for c, _, s in REFUSALS if c in ("cooldown", "weekly-limit", "budget")]
)
def test_limits_can_be_overridden_one_by_one(check: str, situation: dict[str, Any]) -> None:
    cloud = Cloud()
    vars(cloud).update(situation)
    others = {"override": [other for other in ("cooldown", "weekly-limit", "budget", "data") if other != check]}
    assert refused(cloud.run({"trigger": "operator", **others}))[0] == check
    result = cloud.run({"trigger": "operator", "override": [check]})
    assert result.output["status"] == "Started" and result.output["override"] == [check]


def test_overriding_the_data_check_lets_the_job_write_what_there_is() -> None:
    job = Cloud().run({"override": ["data"]}).call("sagemaker:createProcessingJob.sync")
    flags = job["AppSpecification"]["ContainerArguments"]
    assert flags[flags.index("--minimum-new-labelled") + 1] == flags[flags.index("--minimum-new-frauds") + 1] == "0"
    assert flags[flags.index("--accept-labels") + 1] == "yes"


def test_a_run_in_flight_cannot_be_overridden() -> None:
    cloud = Cloud()
    everything = ["approval", "cooldown", "weekly-limit", "budget", "data"]
    cloud.runs = [execution("r1", "2026-01-01T00:00:00Z", status="RUNNING")]
    assert refused(cloud.run({"override": everything}))[0] == "in-flight"


def test_a_candidate_that_waits_for_approval_comes_first() -> None:
    cloud = Cloud()
    cloud.candidates = [{"ModelPackageArn": PACKAGE.replace("/7", "/8")}]
    check, reason = refused(cloud.run(training=MANUAL))
    assert check == "approval" and "/8 waits for approval" in reason
    assert cloud.run({"override": ["approval"]}, MANUAL).output["status"] == "Started"


def test_of_two_that_ask_at_once_one_run_starts() -> None:
    """Neither sees the other, since lists lag behind: the name they both derive decides."""
    cloud = Cloud()
    cloud.runs = [execution("r1", "2026-02-01T00:00:00Z", "2026-02-01T01:00:00Z")]
    first = cloud.run(name="guard-1")
    cloud.latest = None
    results = [first, cloud.run(name="guard-2")]
    assert [result.output["status"] for result in results] == ["Started", "Refused"]
    assert "has started run" in results[1].output["reason"] and len(cloud.started) == 1
    # When the run is known, the next name is another one.
    cloud.latest = None
    cloud.runs.insert(0, execution(cloud.started[0]["Name"], "2026-03-01T00:00:00Z", "2026-03-01T01:00:00Z"))
    assert cloud.run(name="guard-3").output["status"] == "Started"


def test_of_two_guards_that_see_each_other_the_earlier_goes_on() -> None:
    cloud = Cloud()
    cloud.guards = [execution("guard-1", NOW), execution("guard-2", NOW)]
    assert cloud.run(name="guard-1").output["status"] == "Started"
    assert refused(cloud.run(name="guard-2"))[0] == "in-flight"


@pytest.mark.parametrize(
    "name",
    [
        "0c5f2f4e-1111-2222-3333-444455556666_0c5f2f4e-1111-2222-3333-444455556667",
        # As scripts.promote starts them; the first over no model.
        "promote-v3-over-v2-1",
        "promote-v1-over-none-12",
    ],
)
def test_promotions_are_no_training_runs(name: str) -> None:
    cloud = Cloud()
    cloud.runs = [execution(name, "2026-03-10T11:00:00Z", "2026-03-10T11:01:00Z")]
    assert cloud.run().output["status"] == "Started"
    cloud.runs[0]["Status"] = "RUNNING"
    assert refused(cloud.run())[0] == "in-flight"


def test_quality_of_a_model_that_was_replaced_since_is_no_reason_to_retrain() -> None:
    """Labels are known after seven days: until then alarms of quality are about answers of the model before."""
    quality, drift = "fraudstack-dev-quality-recall", "fraudstack-dev-drift-score"
    cloud = Cloud()
    cloud.registered = "2026-03-05T12:00:00.000Z"
    check, reason = refused(cloud.run({"trigger": "alarm", "alarm": quality}))
    assert check == "former-model"
    assert "answers up to 2026-03-03T12:00:00.000Z" in reason and "registered at 2026-03-05T12:00:00.000Z" in reason
    cloud.alarms = [quality]
    assert refused(cloud.run({"trigger": "recheck"}))[0] == "former-model"
    # Drift is of now; an operator knows why; an older model has answered.
    cloud.alarms = [quality, drift]
    for request in (
        {"trigger": "recheck"},
        {"trigger": "alarm", "alarm": drift},
        {"trigger": "operator"},
        {"trigger": "alarm", "alarm": quality, "override": ["former-model"]},
    ):
        cloud.started.clear()
        cloud.latest = None
        assert cloud.run(request).output["status"] == "Started", request
    cloud.registered = "2026-03-03T11:00:00.000Z"
    cloud.started.clear()
    cloud.latest = None
    assert cloud.run({"trigger": "alarm", "alarm": quality}).output["status"] == "Started"
