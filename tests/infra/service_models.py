"""What AWS's own description of its services says about the requests of an execution."""

from __future__ import annotations

from functools import cache
from typing import Any

from botocore.session import get_session
from botocore.validate import validate_parameters

from local_cloud.stepfunctions.names import botocore_service
from local_cloud.stepfunctions.sdk import to_request
from tests.infra.interpreter import Execution


@cache
def service_model(service: str) -> Any:
    """botocore's model of a service by the name that Step Functions has for it."""
    session = get_session()
    return session.get_service_model(botocore_service(service, session.get_available_services()))


def assert_requests_are_valid(execution: Execution) -> None:
    """Fail if the execution made a request that botocore would not send."""
    for resource, arguments in execution.calls:
        *_, service, action = resource.removesuffix(".sync").split(":")
        shape = service_model(service).operation_model(action[0].upper() + action[1:]).input_shape
        validate_parameters(to_request(arguments, shape) if resource.startswith("aws-sdk") else arguments, shape)
