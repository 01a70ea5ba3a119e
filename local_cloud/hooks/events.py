"""Events of AWS services on the default EventBridge bus, which PutEvents refuses to callers."""

import json
from typing import Any


def put(source: str, detail_type: str, detail: dict[str, Any], resources: list[str]) -> None:
    """Publish in the caller's account and region; must run on a worker thread, because targets may wait."""
    from ministack.services import eventbridge

    entry = {
        "Source": source,
        "DetailType": detail_type,
        "Detail": json.dumps(detail, default=str),
        "EventBusName": "default",
        "Resources": resources,
    }
    eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)
