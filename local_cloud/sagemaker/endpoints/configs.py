"""Endpoint configurations: immutable records; what they ask for happens when an endpoint uses them."""

import time
from typing import Any

from local_cloud.sagemaker import listing
from local_cloud.sagemaker.arns import arn, last_part
from local_cloud.sagemaker.errors import ValidationError
from local_cloud.sagemaker.operations import operation
from local_cloud.sagemaker.store import STORE

Record = dict[str, Any]
KIND = "EndpointConfig"


@operation("CreateEndpointConfig")
def create_config(request: Record) -> Record:
    name = request["EndpointConfigName"]
    if STORE.find(KIND, name):
        raise ValidationError(
            f'Cannot create already existing endpoint configuration "{arn("endpoint-config", name)}".'
        )
    variants, shadows = request["ProductionVariants"], request.get("ShadowProductionVariants", [])
    names = [variant["VariantName"] for variant in [*variants, *shadows]]
    if len(set(names)) < len(names):
        raise ValidationError(f"Variant names must differ; they are {names}.")
    if shadows and (len(shadows) > 1 or len(variants) > 1):
        raise ValidationError(
            "With ShadowProductionVariants there can be one production variant and one shadow variant; "
            f"they are {names}."
        )
    for variant in [*variants, *shadows]:
        _check_variant(variant)
    if "AsyncInferenceConfig" in request:
        raise ValidationError(
            "AsyncInferenceConfig: asynchronous endpoints do not run in the local cloud; leave it out, or use a "
            "transform job."
        )
    record = {
        **request,
        "ProductionVariants": [_with_defaults(variant) for variant in variants],
        **({"ShadowProductionVariants": [_with_defaults(variant) for variant in shadows]} if shadows else {}),
        "EndpointConfigArn": arn("endpoint-config", name),
        "CreationTime": time.time(),
    }
    return STORE.put(KIND, name, record)


@operation("DescribeEndpointConfig")
def describe_config(request: Record) -> Record:
    return require(request["EndpointConfigName"])


@operation("ListEndpointConfigs")
def list_configs(request: Record) -> Record:
    return listing.answer("ListEndpointConfigs", request, STORE.all(KIND), name="EndpointConfigName")


@operation("DeleteEndpointConfig")
def delete_config(request: Record) -> Record:
    STORE.remove(KIND, last_part(request["EndpointConfigName"]))
    return {}


def require(name: str) -> Record:
    record = STORE.find(KIND, last_part(name))
    if record is None:
        raise ValidationError(f'Could not find endpoint configuration "{arn("endpoint-config", last_part(name))}".')
    return record


def _check_variant(variant: Record) -> None:
    name = variant["VariantName"]
    if "ModelName" not in variant:
        raise ValidationError(
            f"Variant {name} has no ModelName: inference components do not run in the local cloud; name a model."
        )
    if STORE.find("Model", last_part(variant["ModelName"])) is None:
        raise ValidationError(f'Could not find model "{arn("model", last_part(variant["ModelName"]))}".')
    if "InstanceType" not in variant and "ServerlessConfig" not in variant and "InstancePools" not in variant:
        raise ValidationError(f"Variant {name} needs an InstanceType or a ServerlessConfig.")


def _with_defaults(variant: Record) -> Record:
    defaults: Record = {"InitialVariantWeight": 1.0}
    if "ServerlessConfig" not in variant:
        defaults["InitialInstanceCount"] = 1
    return {**defaults, **variant}
