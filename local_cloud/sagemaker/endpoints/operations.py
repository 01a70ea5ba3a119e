"""CreateEndpoint, UpdateEndpoint and their kin: requests checked, deployments started on threads of their own."""

import copy
import json
import threading
import time
from collections.abc import Callable
from typing import Any

from local_cloud import autoscaling, hooks
from local_cloud.hooks import cloudwatch
from local_cloud.sagemaker import capture, images, lifecycle, listing, models
from local_cloud.sagemaker.arns import arn, last_part
from local_cloud.sagemaker.endpoints import configs, deployment, metrics
from local_cloud.sagemaker.endpoints.fleet import LIVE, Live, live
from local_cloud.sagemaker.errors import ValidationError
from local_cloud.sagemaker.operations import operation
from local_cloud.sagemaker.store import STORE

Record = dict[str, Any]
KIND = "Endpoint"

_BUSY = ("Creating", "Updating", "RollingBack", "SystemUpdating", "Deleting")


@operation("CreateEndpoint")
def create_endpoint(request: Record) -> Record:
    name = request["EndpointName"]
    configuration = configs.require(request["EndpointConfigName"])
    _check_images(configuration)
    now = time.time()
    record = {
        **request,
        "EndpointConfigName": configuration["EndpointConfigName"],
        "EndpointArn": arn("endpoint", name),
        "EndpointStatus": "Creating",
        "CreationTime": now,
        "LastModifiedTime": now,
        "LastDeploymentConfig": request.get("DeploymentConfig"),
    }
    with STORE.lock:
        if STORE.find(KIND, name):
            raise ValidationError(f'Cannot create already existing endpoint "{record["EndpointArn"]}".')
        STORE.put(KIND, name, record)
        running = _new_live(name)
    deployment.announce(record)
    _spawn(deployment.create, record, running, copy.deepcopy(configuration))
    return record


@operation("UpdateEndpoint")
def update_endpoint(request: Record) -> Record:
    record = _require(request["EndpointName"])
    configuration = copy.deepcopy(configs.require(request["EndpointConfigName"]))
    _check_images(configuration)
    policy = request.get("DeploymentConfig")
    if policy is None and request.get("RetainDeploymentConfig"):
        policy = record.get("LastDeploymentConfig")
    policy = policy or {}
    _check_policy(policy)
    _check_variants(record, configuration, policy)
    running = live(record["EndpointName"])
    with STORE.lock:
        _refuse_if_busy(record)
        if record["EndpointStatus"] == "Failed":
            raise ValidationError(
                f'Cannot update endpoint "{record["EndpointArn"]}" in status Failed; delete it first.'
            )
        if request.get("RetainAllVariantProperties"):
            excluded = {item["VariantPropertyType"] for item in request.get("ExcludeRetainedVariantProperties", [])}
            _retain(configuration, record, running, excluded)
        record["LastDeploymentConfig"] = policy or None
        record["PendingDeploymentSummary"] = {
            "EndpointConfigName": configuration["EndpointConfigName"],
            "StartTime": time.time(),
        }
        record.update(EndpointStatus="Updating", LastModifiedTime=time.time(), FailureReason=None)
    deployment.announce(record)
    _spawn(deployment.update, record, running, configuration, policy)
    return record


@operation("UpdateEndpointWeightsAndCapacities")
def update_weights(request: Record) -> Record:
    record = _require(request["EndpointName"])
    fleet = live(record["EndpointName"]).fleet
    with STORE.lock:
        _refuse_if_busy(record)
        for desired in request["DesiredWeightsAndCapacities"]:
            if fleet is None or desired["VariantName"] not in fleet.everything:
                raise ValidationError(f"Variant {desired['VariantName']} is not one of {record['EndpointName']}.")
        for desired in request["DesiredWeightsAndCapacities"]:
            variant = fleet.everything[desired["VariantName"]]
            variant.weight = desired.get("DesiredWeight", variant.weight)
            variant.instances = desired.get("DesiredInstanceCount", variant.instances)
        record.update(deployment.summaries(fleet), EndpointStatus="Updating")
    deployment.announce(record)
    _spawn(deployment.settle, record, "InService")
    return record


@operation("DeleteEndpoint")
def delete_endpoint(request: Record) -> Record:
    record = _require(request["EndpointName"])
    with STORE.lock:
        if record["EndpointStatus"] == "Deleting":
            raise ValidationError(f'Cannot update in-progress endpoint "{record["EndpointArn"]}".')
        record.update(EndpointStatus="Deleting", LastModifiedTime=time.time())
    deployment.announce(record)
    _spawn(_delete, record)
    return {}


@operation("DescribeEndpoint")
def describe_endpoint(request: Record) -> Record:
    return _require(request["EndpointName"])


@operation("ListEndpoints")
def list_endpoints(request: Record) -> Record:
    records = STORE.all(KIND)
    return listing.answer("ListEndpoints", request, records, name="EndpointName", status="EndpointStatus")


def _delete(record: Record) -> None:
    name = record["EndpointName"]
    running = live(name)
    if running:
        running.cancelled.set()
        with running.deploying:
            fleet = running.fleet
            running.shift()
            if fleet:
                fleet.drain()
        LIVE.pop((running.account, running.region, name), None)
    capture.flush()
    metrics.flush()
    STORE.remove(KIND, name)


def _require(name: str) -> Record:
    record = STORE.find(KIND, last_part(name))
    if record is None:
        raise ValidationError(f'Could not find endpoint "{arn("endpoint", last_part(name))}".')
    return record


def _refuse_if_busy(record: Record) -> None:
    if record["EndpointStatus"] in _BUSY:
        raise ValidationError(f'Cannot update in-progress endpoint "{record["EndpointArn"]}".')


def _check_images(configuration: Record) -> None:
    """An image nobody can run is refused in the request itself, where the message is seen."""
    for variant in _variants(configuration):
        image = models.serving_container(variant["ModelName"])["Image"]
        if images.resolve(image).serving is None:
            raise ValidationError(f"The image {image} has no serving command; local_cloud.toml may give one.")


def _check_policy(policy: Record) -> None:
    if "BlueGreenUpdatePolicy" in policy and "RollingUpdatePolicy" in policy:
        raise ValidationError("Give either BlueGreenUpdatePolicy or RollingUpdatePolicy, not both.")
    routing = policy.get("BlueGreenUpdatePolicy", {}).get("TrafficRoutingConfiguration", {})
    for kind, member in (("CANARY", "CanarySize"), ("LINEAR", "LinearStepSize")):
        if routing.get("Type") == kind and member not in routing:
            raise ValidationError(f"TrafficRoutingConfiguration of type {kind} needs {member}.")
    names = [alarm["AlarmName"] for alarm in policy.get("AutoRollbackConfiguration", {}).get("Alarms", [])]
    known = cloudwatch.alarm_states(names)
    if missing := [name for name in names if name not in known]:
        raise ValidationError(f"AutoRollbackConfiguration names alarms that do not exist: {', '.join(missing)}.")


def _check_variants(record: Record, configuration: Record, policy: Record) -> None:
    """What AWS refuses of a change of variants: under deployment guardrails, and while one is scaled automatically."""
    before = {variant["VariantName"] for variant in record.get("ProductionVariants") or []}
    after = {variant["VariantName"] for variant in configuration["ProductionVariants"]}
    if ("BlueGreenUpdatePolicy" in policy or "RollingUpdatePolicy" in policy) and before != after:
        raise ValidationError(
            f"DeploymentConfig needs the same variant names before ({', '.join(sorted(before))}) and after "
            f"({', '.join(sorted(after))}) the update; leave it out to change variants."
        )
    if "RollingUpdatePolicy" in policy and len(after) > 1:
        raise ValidationError("RollingUpdatePolicy is not for endpoints with several production variants.")
    types = {variant["VariantName"]: variant.get("InstanceType") for variant in _variants(configuration)}
    old = STORE.find(configs.KIND, record["EndpointConfigName"]) or {"ProductionVariants": []}
    changed = [
        variant["VariantName"]
        for variant in _variants(old)
        if types.get(variant["VariantName"]) != variant.get("InstanceType")
        and autoscaling.is_target(record["EndpointName"], variant["VariantName"])
    ]
    if changed:
        raise ValidationError(
            f"The variant(s) {json.dumps(changed)} must be deregistered as scalable targets with AutoScaling before "
            "they can be removed or have their instance type updated."
        )


def _variants(record: Record) -> list[Record]:
    """Production and shadow variants of a configuration or an endpoint."""
    return [*(record.get("ProductionVariants") or []), *(record.get("ShadowProductionVariants") or [])]


def _retain(configuration: Record, record: Record, running: Live | None, excluded: set[str]) -> None:
    """Take over what the endpoint has now: instance counts, weights and data capture, save what is excluded."""
    current = {variant["VariantName"]: variant for variant in _variants(record)}
    for variant in _variants(configuration):
        before = current.get(variant["VariantName"])
        if before and "DesiredWeight" not in excluded:
            variant["InitialVariantWeight"] = before["DesiredWeight"]
        if before and "DesiredInstanceCount" not in excluded and "DesiredInstanceCount" in before:
            variant["InitialInstanceCount"] = before["DesiredInstanceCount"]
    if running and running.capture and "DataCaptureConfig" not in excluded:
        configuration["DataCaptureConfig"] = running.capture


def _new_live(name: str) -> Live:
    running = Live(name)
    LIVE[(running.account, running.region, name)] = running
    return running


def _spawn(function: Callable[..., None], *arguments: Any) -> None:
    threading.Thread(target=hooks.bound(function), args=arguments, name=function.__name__, daemon=True).start()


@lifecycle.on_restore
def _put_right() -> None:
    """Endpoints of an earlier run: calls wait for their processes; what was cut off in the middle is settled."""
    for (account, region, kind, name), record in STORE.everywhere():
        if kind == KIND:
            hooks.scope(account, region, _put_right_one)(name, record)


def _put_right_one(name: str, record: Record) -> None:
    status = record["EndpointStatus"]
    if status == "Deleting":
        STORE.remove(KIND, name)
        return
    _new_live(name)
    if status in ("Updating", "RollingBack"):
        record["FailureReason"] = "The update was interrupted by a restart of the local cloud and rolled back."
        record["EndpointStatus"] = "InService"
    record["PendingDeploymentSummary"] = None


@lifecycle.on_ready
def _start_again() -> None:
    for (account, region, kind, name), record in STORE.everywhere():
        if kind == KIND and record["EndpointStatus"] != "Failed":
            hooks.scope(account, region, _start_one)(name, record)


def _start_one(name: str, record: Record) -> None:
    configuration = STORE.find(configs.KIND, record["EndpointConfigName"])
    if configuration is None:
        reason = f"The endpoint configuration {record['EndpointConfigName']} is gone; the endpoint cannot be restarted."
        deployment.settle(record, "Failed", FailureReason=reason)
        return
    configuration = copy.deepcopy(configuration)
    _retain(configuration, record, None, set())
    _spawn(deployment.create, record, live(name), configuration, record.get("FailureReason"))


def _end_processes() -> None:
    running = list(LIVE.values())
    for item in running:
        item.cancelled.set()
    for item in running:
        for fleet in item.fleets:
            fleet.stop(grace=1.0)
    LIVE.clear()


@lifecycle.on_reset
def _reset() -> None:
    _end_processes()
    capture.discard()


@lifecycle.on_shutdown
def _shut_down() -> None:
    _end_processes()
    capture.flush()
    metrics.flush()
