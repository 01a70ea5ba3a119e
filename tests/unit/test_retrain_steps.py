from datetime import timedelta

from retrain_cloud import START, events

from scripts.retraining.steps import DONE, FAILED, RUNNING, SKIPPED, WAITING, progress, step_of


def statuses(*entered, last=None):
    return {step.id: step.status for step in progress(events(*entered, last=last)).steps}


def test_nothing_has_begun_before_the_first_state():
    assert set(statuses().values()) == {WAITING}


def test_a_step_ends_when_the_next_begins_and_takes_the_time_between():
    seen = progress(events("Prepare", "Tune"))
    assert (seen["prepare"].status, seen["tune"].status) == (DONE, RUNNING)
    assert seen["prepare"].seconds(START) == 10
    assert seen["tune"].seconds(START + timedelta(seconds=25)) == 15
    assert seen.durations() == {"prepare": 10}
    assert seen.current.id == "tune"


def test_states_without_a_step_of_their_own_belong_to_the_one_in_progress():
    seen = progress(events("Promote serving", "Wait a moment", "Serving done?", "Promote monitoring"))
    assert seen["serving"].seconds(START) == 30
    assert seen["monitoring"].status == RUNNING


def test_a_success_leaves_what_never_began_as_skipped():
    seen = statuses("Prepare", "Register", "Tell of approval", "Awaiting approval", last="ExecutionSucceeded")
    assert (seen["prepare"], seen["register"], seen["approve"], seen["serving"]) == (DONE, DONE, SKIPPED, SKIPPED)


def test_a_failure_marks_the_step_it_came_from():
    seen = progress(
        events("Prepare", "Tune", "Find failed trial", "Explain failure", "Tell of failure", last="ExecutionFailed")
    )
    assert (seen["prepare"].status, seen["tune"].status, seen["evaluate"].status) == (DONE, FAILED, SKIPPED)
    assert seen.current.id == "tune"
    assert seen["tune"].seconds(START) == 10


def test_an_aborted_execution_marks_the_step_it_was_in():
    seen = progress(events("Prepare", "Tune", last="ExecutionAborted"))
    assert seen["tune"].status == FAILED and seen["tune"].seconds(START) == 10


def test_an_execution_that_fails_before_any_step_has_no_current_step():
    assert progress(events("Route", "Refuse input", "Explain failure", last="ExecutionFailed")).current is None


def test_every_state_of_the_state_machine_has_its_place():
    from stacks.config import TrainingConfig
    from stacks.network.placement import Placement
    from stacks.retraining.definition import build_definition
    from stacks.retraining.settings import RetrainingSettings

    names = {name: name for name in RetrainingSettings.__dataclass_fields__}
    names |= {"training": TrainingConfig(), "instance_types": ("ml.m5.large",), "tags": (), "placement": Placement()}
    names |= {"probability_threshold": 0.5, "explanation_samples": 1000, "monitors": (), "facets": ()}
    states = build_definition(RetrainingSettings(**names))["States"]
    firsts = {
        "prepare": "Prepare",
        "tune": "Tune",
        "champion": "Find champion",
        "evaluate": "Evaluate",
        "gate": "Gate",
        "register": "Register",
        "approve": "Check package",
        "serving": "Look at serving",
        "verify": "Check endpoint",
        "monitoring": "Look at monitoring",
    }
    assert {step: step_of(name) for step, name in firsts.items()} == {step: step for step in firsts}
    assert set(firsts.values()) <= set(states)
    ends = ("Explain", "Find failed", "Find reason", "No candidate", "Reject", "Refuse", "Tell of", "Failed")
    before_or_after = {"Route", "Plan run", "Choose algorithm", "Promoted", "Superseded", "Awaiting approval"}
    loops = {
        f"Wait {words}" for words in ("for serving", "for monitoring", "to promote serving", "to promote monitoring")
    }
    unknown = {name for name in states if step_of(name) is None and not name.startswith(ends)}
    assert unknown - before_or_after <= loops
