"""What AWS's own description of its services says about the requests of an execution."""

from __future__ import annotations

from botocore.session import get_session
from botocore.validate import validate_parameters

from local_cloud.stepfunctions.sdk import to_request
from tests.infra.interpreter import Execution

_NAMES = {"sfn": "stepfunctions"}


def assert_requests_are_valid(execution: Execution) -> None:
    """Fail if the execution made a request that botocore would not send."""
    session, models = get_session(), {}
    for resource, arguments in execution.calls:
        *_, service, action = resource.removesuffix(".sync").split(":")
        service = _NAMES.get(service, service)
        if service not in models:
            models[service] = session.get_service_model(service)
        shape = models[service].operation_model(action[0].upper() + action[1:]).input_shape
        validate_parameters(to_request(arguments, shape) if resource.startswith("aws-sdk") else arguments, shape)
