"""The table of operations: botocore's service model says what exists, modules register what is done.

``@operation("CreateModel")`` registers a handler ``(request: dict) -> dict``. A request is validated against the
model before the handler sees it and the answer is reduced to the members the model declares.
"""

from collections.abc import Callable
from typing import Any

import botocore.session

from local_cloud.sagemaker import networks
from local_cloud.sagemaker.errors import AccessDenied, NotImplementedHere
from local_cloud.sagemaker.validation import validate

Handler = Callable[[dict[str, Any]], dict[str, Any] | None]

MODEL = botocore.session.get_session().get_service_model("sagemaker")
HANDLERS: dict[str, Handler] = {}


def operation(*names: str) -> Callable[[Handler], Handler]:
    """Register a handler for operations of SageMaker's API; an unknown or doubly registered name is a bug."""

    def register(handler: Handler) -> Handler:
        for name in names:
            MODEL.operation_model(name)
            if name in HANDLERS:
                raise ValueError(f"{name} is registered twice")
            HANDLERS[name] = handler
        return handler

    return register


def call(name: str, request: dict[str, Any]) -> dict[str, Any]:
    """Validate and execute one operation in the caller's account and region.

    Raises:
        SageMakerError: what the real API would refuse, or an operation that is not offered here.
    """
    handler = HANDLERS.get(name)
    if handler is None:
        raise NotImplementedHere(name)
    shape = MODEL.operation_model(name)
    validate(request, shape.input_shape)
    _authorize(name, request)
    networks.check(request)
    return pick(shape.output_shape, handler(request) or {})


def _authorize(name: str, request: dict[str, Any]) -> None:
    # The rules know SageMaker's ARNs, which come from records that operations keep.
    from local_cloud.authorization import Refused, sagemaker

    try:
        sagemaker.authorize(name, request)
    except Refused as refused:
        raise AccessDenied(str(refused)) from None


def pick(shape: Any, record: dict[str, Any]) -> dict[str, Any]:
    """The members of a botocore structure shape that the record holds; ``None`` counts as absent."""
    if shape is None:
        return {}
    return {name: record[name] for name in shape.members if record.get(name) is not None}
