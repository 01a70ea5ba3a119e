"""Labels tell that the model of the loop's platform has become wrong, and the platform begins to learn from them."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.monitors import monitored, now, quality_decisions, until

pytestmark = pytest.mark.timeout(300)


def test_frauds_that_the_model_does_not_see_ring_its_quality_and_start_a_run(loop, payments):
    """Labels come after the payments: what is asked is as before, the answers have become wrong."""
    began = now()
    payments.post_unseen_frauds(160, unseen=60)
    with ThreadPoolExecutor(2) as pool:
        data, quality = pool.map(lambda kind: monitored(loop, kind, began), ("data-quality", "model-quality"))
    assert data.status == "Completed"
    assert quality.statistics["binary_classification_metrics"]["recall"]["value"] < 0.2
    (started,) = [one for one in until(lambda: quality_decisions(loop)) if one["status"] == "Started"]
    assert started["alarm"] == "fraudstack-dev-quality-recall" and "LessThanThreshold 0.2" in started["alarmReason"]
    assert started["collection"]["new_frauds"] > 60
    steps = loop.client("stepfunctions")
    run = json.loads(steps.describe_execution(executionArn=started["executionArn"])["input"])
    assert run["trigger"] == f"alarm {started['alarm']}" and f"/{started['collectionId']}/" in run["dataset"]
    # What a run does, the loop has shown; the stories that follow need a champion that stays.
    steps.stop_execution(executionArn=started["executionArn"], cause="the test has seen it start")
