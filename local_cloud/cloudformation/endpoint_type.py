"""AWS::SageMaker::Endpoint: the one resource that takes minutes, updates in place and can roll itself back."""

import time
from typing import Any

from local_cloud.cloudformation.shapes import to_request
from local_cloud.sagemaker.arns import last_part
from local_cloud.sagemaker.operations import MODEL, call

Record = dict[str, Any]

# They say how an update is done; a create does not have them.
UPDATE_ONLY = ("ExcludeRetainedVariantProperties", "RetainAllVariantProperties", "RetainDeploymentConfig")
_MOVING = ("Creating", "Updating", "SystemUpdating", "RollingBack")
_TIMEOUT_SECONDS = 3600.0


def change(record: Record, properties: Record) -> None:
    """Move the endpoint to the template's configuration and wait.

    Raises:
        ValueError: the update failed; also where SageMaker went back to the old configuration by itself and
            therefore reports InService (so that the stack rolls back too instead of believing in the new one).
    """
    wanted = last_part(properties["EndpointConfigName"])
    if wanted == record["EndpointConfigName"]:
        # How to deploy matters only when something is deployed.
        return
    shape = MODEL.operation_model("UpdateEndpoint").input_shape
    members = {key: value for key, value in properties.items() if key in shape.members}
    call("UpdateEndpoint", to_request({**members, "EndpointName": record["EndpointName"]}, shape))
    settle(record)
    if record["EndpointConfigName"] != wanted:
        raise ValueError(
            f"Endpoint {record['EndpointName']} was rolled back by SageMaker to {record['EndpointConfigName']}: "
            f"{record.get('FailureReason') or 'an alarm fired or the new variant did not become healthy'}"
        )


def settle(record: Record) -> None:
    """Wait until the endpoint is in service.

    Raises:
        ValueError: it failed, with SageMaker's reason.
    """
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while record["EndpointStatus"] in _MOVING:
        if time.monotonic() > deadline:
            raise ValueError(f"Endpoint {record['EndpointName']} was still {record['EndpointStatus']} after an hour")
        time.sleep(0.05)
    if record["EndpointStatus"] != "InService":
        raise ValueError(
            f"Endpoint {record['EndpointName']} is {record['EndpointStatus']}: {record.get('FailureReason')}"
        )


def remove(record: Record) -> None:
    """Delete the endpoint and wait until it is gone; an update in progress is waited for first."""
    from local_cloud.sagemaker.store import STORE

    name = record["EndpointName"]
    while record["EndpointStatus"] in _MOVING:
        time.sleep(0.05)
    if record["EndpointStatus"] != "Deleting":
        call("DeleteEndpoint", {"EndpointName": name})
    while STORE.find("Endpoint", name) is record:
        time.sleep(0.05)
