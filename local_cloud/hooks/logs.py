"""CloudWatch Logs written in process: a job that prints a lot must not pay an HTTP request for it."""

import threading
import time

_trim_lock = threading.Lock()


def append(group: str, stream: str, lines: list[str], keep: int) -> None:
    """Append lines to a stream of the caller's account and region, made if absent; the newest ``keep`` remain."""
    from ministack.services import cloudwatch_logs as service

    # Both refuse what exists already, which is what is wanted here.
    service._create_log_group({"logGroupName": group})
    service._create_log_stream({"logGroupName": group, "logStreamName": stream})
    now = int(time.time() * 1000)
    events = [{"timestamp": now, "message": line} for line in lines]
    service._put_log_events({"logGroupName": group, "logStreamName": stream, "logEvents": events})
    _trim(service, group, stream, keep)


def exists(group: str) -> bool:
    """Whether the account and region have the log group."""
    from ministack.services import cloudwatch_logs as service

    return group in service._log_groups


def _trim(service, group: str, stream: str, keep: int) -> None:
    record = service._log_groups[group]["streams"][stream]
    # Trimming by a tenth at a time keeps the cost per line constant.
    if len(record["events"]) <= keep * 1.1:
        return
    with _trim_lock, service._log_events_lock:
        surplus = record["events"][:-keep]
        del record["events"][:-keep]
    for event in surplus:
        service._log_records.pop(event["eventId"], None)
