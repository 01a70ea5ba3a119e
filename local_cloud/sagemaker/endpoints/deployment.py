"""Deployments of an endpoint: the first fleet, and blue/green updates with traffic shifting and rollback."""

import logging
import math
import re
import time
from typing import Any

from local_cloud import config
from local_cloud.hooks import cloudwatch
from local_cloud.sagemaker import events
from local_cloud.sagemaker.endpoints import metrics
from local_cloud.sagemaker.endpoints.fleet import Fleet, Live
from local_cloud.sagemaker.endpoints.process import StartFailed
from local_cloud.sagemaker.errors import ValidationError
from local_cloud.sagemaker.store import STORE

Record = dict[str, Any]
log = logging.getLogger("local_cloud.endpoints")

_ALARM_POLL = 0.2


class _RolledBack(Exception):
    """The update must be undone; the text is the FailureReason."""


class _Cancelled(Exception):
    """The endpoint is being deleted."""


def create(record: Record, live: Live, configuration: Record, note: str | None = None) -> None:
    """Start the first fleet; ends InService (with ``note`` as FailureReason) or Failed."""
    with live.deploying:
        try:
            fleet = Fleet(record["EndpointName"], configuration)
            fleet.start()
        except (StartFailed, ValidationError) as error:
            settle(record, "Failed", FailureReason=str(error))
            return
        except Exception as error:
            log.exception("Endpoint %s failed inside the local cloud", record["EndpointName"])
            settle(record, "Failed", FailureReason=f"InternalServerError: {error!r}")
            return
        if live.cancelled.is_set():
            fleet.stop(grace=0.0)
            return
        live.capture = configuration.get("DataCaptureConfig")
        live.shift((1.0, fleet))
        settle(record, "InService", FailureReason=note, **describe(fleet, configuration))


def update(record: Record, live: Live, configuration: Record, policy: Record) -> None:
    """Start the new fleet beside the old, shift the traffic, end the old one; or undo all of it.

    Args:
        configuration: the new endpoint configuration with retained properties filled in.
        policy: DeploymentConfig; empty means all traffic at once.
    """
    with live.deploying:
        old, started = live.fleet, time.monotonic()
        new: Fleet | None = None
        blue_green = policy.get("BlueGreenUpdatePolicy") or policy.get("RollingUpdatePolicy") or {}
        limit = blue_green.get("MaximumExecutionTimeoutInSeconds", math.inf)
        alarms = [alarm["AlarmName"] for alarm in policy.get("AutoRollbackConfiguration", {}).get("Alarms", [])]
        watch = _Watch(live, alarms, started + limit)
        try:
            watch.check()
            new = Fleet(record["EndpointName"], configuration)
            new.start()
            for share, seconds in steps(policy, configuration):
                live.shift((share, new), *([(1.0 - share, old)] if old and share < 1.0 else []))
                watch.wait(seconds)
        except _Cancelled:
            # Whoever deletes the endpoint ends what it finds answering: the old fleet again.
            live.shift(*([(1.0, old)] if old else []))
            if new:
                new.drain()
            return
        except (StartFailed, ValidationError, _RolledBack) as error:
            _roll_back(record, live, old, new, str(error))
            return
        except Exception as error:
            log.exception("Endpoint %s: the update failed inside the local cloud", record["EndpointName"])
            _roll_back(record, live, old, new, f"InternalServerError: {error!r}")
            return
        live.capture = configuration.get("DataCaptureConfig")
        settle(record, "InService", FailureReason=None, **describe(new, configuration))
        if old:
            old.drain()


def _roll_back(record: Record, live: Live, old: Fleet | None, new: Fleet | None, reason: str) -> None:
    log.warning("Endpoint %s: the update is rolled back: %s", record["EndpointName"], reason)
    if old is None:
        settle(record, "Failed", FailureReason=reason)
        return
    settle(record, "RollingBack")
    live.shift((1.0, old))
    if new:
        new.drain()
    settle(record, "InService", FailureReason=reason)


def steps(policy: Record, configuration: Record) -> list[tuple[float, float]]:
    """(share of the new fleet, seconds to wait after it) for each step; the last has share 1.

    Waits are AWS's; the last one is the termination wait, in which alarms still roll back.
    """
    if rolling := policy.get("RollingUpdatePolicy"):
        size = _portion(rolling["MaximumBatchSize"], configuration)
        return _ladder(size, rolling["WaitIntervalInSeconds"], rolling["WaitIntervalInSeconds"])
    blue_green = policy.get("BlueGreenUpdatePolicy")
    if not blue_green:
        return [(1.0, 0.0)]
    routing, last = blue_green["TrafficRoutingConfiguration"], blue_green.get("TerminationWaitInSeconds", 0)
    interval = routing.get("WaitIntervalInSeconds", 0)
    if routing["Type"] == "CANARY":
        return [(_portion(routing["CanarySize"], configuration), interval), (1.0, last)]
    if routing["Type"] == "LINEAR":
        return _ladder(_portion(routing["LinearStepSize"], configuration), interval, last)
    return [(1.0, last)]


def _ladder(size: float, interval: float, last: float) -> list[tuple[float, float]]:
    count = max(1, math.ceil(1.0 / size - 1e-9))
    return [(size * step, interval) for step in range(1, count)] + [(1.0, last)]


def _portion(size: Record, configuration: Record) -> float:
    if size["Type"] == "CAPACITY_PERCENT":
        return min(1.0, size["Value"] / 100.0)
    total = sum(variant.get("InitialInstanceCount", 1) for variant in configuration["ProductionVariants"])
    return min(1.0, size["Value"] / total)


class _Watch:
    """Waits that end early when an alarm goes off, time runs out, or the endpoint is deleted."""

    def __init__(self, live: Live, alarms: list[str], deadline: float):
        self._live, self._alarms, self._deadline = live, alarms, deadline

    def wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds * config.current().wait_scale
        while (left := end - time.monotonic()) > 0:
            self.check()
            self._live.cancelled.wait(min(_ALARM_POLL, left))
        self.check()

    def check(self) -> None:
        if self._live.cancelled.is_set():
            raise _Cancelled
        if time.monotonic() > self._deadline:
            raise _RolledBack("The deployment took longer than MaximumExecutionTimeoutInSeconds.")
        if self._alarms:
            # Errors of the last second count too.
            metrics.flush()
            states = cloudwatch.alarm_states(self._alarms)
            if firing := [name for name, state in states.items() if state == "ALARM"]:
                raise _RolledBack(
                    f"One or more alarms are in ALARM state: {', '.join(firing)}. The deployment was rolled back."
                )


def describe(fleet: Fleet, configuration: Record) -> Record:
    """Members of DescribeEndpoint that follow from the fleet that now answers."""
    return {
        "EndpointConfigName": configuration["EndpointConfigName"],
        **summaries(fleet),
        "DataCaptureConfig": _capture_summary(configuration.get("DataCaptureConfig")),
    }


def summaries(fleet: Fleet) -> Record:
    """The variants of a fleet as DescribeEndpoint shows them."""
    shadows = [variant.summary() for variant in fleet.shadows.values()]
    production = [variant.summary() for variant in fleet.variants.values()]
    return {"ProductionVariants": production, "ShadowProductionVariants": shadows or None}


def _capture_summary(capture: Record | None) -> Record | None:
    if capture is None:
        return None
    enabled = capture.get("EnableCapture", False)
    return {
        "EnableCapture": enabled,
        "CaptureStatus": "Started" if enabled else "Stopped",
        "CurrentSamplingPercentage": capture["InitialSamplingPercentage"],
        "DestinationS3Uri": capture["DestinationS3Uri"],
        "KmsKeyId": capture.get("KmsKeyId", ""),
    }


def settle(record: Record, status: str, **members: Any) -> None:
    """Change the endpoint's status and members at once and announce the change."""
    if status in ("InService", "Failed"):
        members["PendingDeploymentSummary"] = None
    STORE.update(record, **members, EndpointStatus=status, LastModifiedTime=time.time())
    announce(record)


def announce(record: Record) -> None:
    detail = {
        "EndpointName": record["EndpointName"],
        "EndpointArn": record["EndpointArn"],
        "EndpointConfigName": record["EndpointConfigName"],
        "ProductionVariants": record.get("ProductionVariants", []),
        "EndpointStatus": re.sub(r"(?<!^)(?=[A-Z])", "_", record["EndpointStatus"]).upper(),
        "CreationTime": record["CreationTime"],
        "LastModifiedTime": record["LastModifiedTime"],
        "Tags": {tag["Key"]: tag["Value"] for tag in record.get("Tags", [])},
    }
    if record.get("FailureReason"):
        detail["FailureReason"] = record["FailureReason"]
    events.emit("SageMaker Endpoint State Change", detail, [record["EndpointArn"]])
