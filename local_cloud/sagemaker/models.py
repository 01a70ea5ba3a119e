"""Models: what a serving container is made of, given directly or taken from a model package."""

import copy
import time
from typing import Any

from local_cloud.sagemaker import listing, registry
from local_cloud.sagemaker.arns import arn, last_part
from local_cloud.sagemaker.errors import ValidationError
from local_cloud.sagemaker.operations import operation
from local_cloud.sagemaker.store import STORE

Record = dict[str, Any]


@operation("CreateModel")
def create_model(request: Record) -> Record:
    name = request["ModelName"]
    if STORE.find("Model", name):
        raise ValidationError(f'Cannot create already existing model "{arn("model", name)}".')
    container = _only_container(request)
    record = {
        **request,
        "ModelArn": arn("model", name),
        "CreationTime": time.time(),
        "EnableNetworkIsolation": request.get("EnableNetworkIsolation", False),
        # A package may change or go after the model was made from it; the model is immutable.
        "Resolved": resolve(container),
    }
    return STORE.put("Model", name, record)


@operation("DescribeModel")
def describe_model(request: Record) -> Record:
    return STORE.require("Model", last_part(request["ModelName"]))


@operation("ListModels")
def list_models(request: Record) -> Record:
    return listing.answer("ListModels", request, STORE.all("Model"), name="ModelName")


@operation("DeleteModel")
def delete_model(request: Record) -> Record:
    STORE.remove("Model", last_part(request["ModelName"]))
    return {}


def serving_container(model_name: str) -> Record:
    """Image, ModelDataUrl or ModelDataSource, and Environment of a model, its package resolved."""
    return STORE.require("Model", last_part(model_name))["Resolved"]


def role_of(model_name: str) -> str | None:
    """The role that a model's containers run under."""
    return STORE.require("Model", last_part(model_name)).get("ExecutionRoleArn")


def resolve(container: Record) -> Record:
    """A container definition with its model package's image, data and environment filled in.

    The model's own environment wins over the package's, variable by variable.
    """
    package_name = container.get("ModelPackageName")
    if not package_name:
        return copy.deepcopy(container)
    package = registry.find(package_name)
    specification = _specification(package, container.get("InferenceSpecificationName"))
    base = copy.deepcopy(specification["Containers"][0])
    environment = {**base.get("Environment", {}), **container.get("Environment", {})}
    own = {key: value for key, value in container.items() if key != "ModelPackageName"}
    return {**base, **copy.deepcopy(own), "Environment": environment}


def _specification(package: Record, name: str | None) -> Record:
    candidates = [package.get("InferenceSpecification")] if name is None else []
    candidates += [s for s in package.get("AdditionalInferenceSpecifications", []) if s["Name"] == name]
    if not candidates or not candidates[0]:
        what = "no InferenceSpecification" if name is None else f'no inference specification named "{name}"'
        raise ValidationError(f"Model package {package['ModelPackageArn']} has {what}, so no model can be made of it.")
    if len(candidates[0]["Containers"]) > 1:
        raise ValidationError(_PIPELINE)
    return candidates[0]


_PIPELINE = (
    "Inference pipelines of several containers do not run in the local cloud; give one container that does all steps."
)


def _only_container(request: Record) -> Record:
    primary, containers = request.get("PrimaryContainer"), request.get("Containers", [])
    if primary and containers:
        raise ValidationError("Both PrimaryContainer and Containers are given; give one of them.")
    if len(containers) > 1:
        raise ValidationError(_PIPELINE)
    container = primary or (containers[0] if containers else None)
    if container is None:
        raise ValidationError("PrimaryContainer or Containers must be given.")
    if container.get("Mode") == "MultiModel":
        raise ValidationError("Mode MultiModel does not run in the local cloud; create a model for each artifact.")
    if not container.get("Image") and not container.get("ModelPackageName"):
        raise ValidationError("The container needs an Image or a ModelPackageName.")
    return container
