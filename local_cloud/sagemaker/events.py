"""State-change events of SageMaker, as EventBridge rules and Step Functions on AWS receive them."""

import logging
from typing import Any

from local_cloud import hooks
from local_cloud.hooks import events

log = logging.getLogger("local_cloud.events")

# Timestamps are epoch milliseconds in the events, but epoch seconds in records and in the API.
_TIME_SUFFIXES = ("Time", "Timestamp")


def emit(detail_type: str, detail: dict[str, Any], resources: list[str]) -> None:
    """Publish e.g. "SageMaker Training Job State Change" on the default bus of the caller's account.

    Args:
        detail_type: AWS's detail-type.
        detail: members of the Describe answer; times are converted to AWS's epoch milliseconds.
        resources: ARNs the event is about.

    A rule whose target fails is logged and does not disturb the job.
    """
    try:
        events.put("aws.sagemaker", detail_type, _milliseconds(detail), resources)
    except Exception:
        log.exception("The event %s for %s was not delivered (account %s)", detail_type, resources, hooks.account_id())


def _milliseconds(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _milliseconds(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [_milliseconds(item) for item in value]
    if isinstance(value, float) and key.endswith(_TIME_SUFFIXES):
        return int(value * 1000)
    return value
