"""The same on the engine `model-monitor`: late labels, SageMaker's schedule, the alarm, and the deployed guard."""

import pytest

from tests.e2e.monitors import monitored, now, quality_decisions, until
from tests.e2e.payments import Payments

pytestmark = pytest.mark.timeout(900)


def test_frauds_that_the_model_does_not_see_ring_its_quality_and_the_guard_says_why_not_yet(demo):
    began = now()
    payments = Payments.after(demo, demo.data, "card-transactions", days=7)
    payments.post_unseen_frauds(120, unseen=40)
    verdict = monitored(demo, "model-quality", began)
    assert verdict.statistics["binary_classification_metrics"]["recall"]["value"] < 0.2
    decided = until(lambda: quality_decisions(demo))
    recall = next(one for one in decided if one["alarm"] == "fraudstack-dev-quality-recall")
    assert (recall["trigger"], recall["status"]) == ("alarm", "Refused") and "LessThan" in recall["alarmReason"]
    # The demo has retrained a moment ago.
    assert recall["check"] == "cooldown" and "the next may start at" in recall["reason"]
