"""Gate, registration and approval of a candidate."""

from __future__ import annotations

from typing import Any

from stacks.retraining.settings import RetrainingSettings
from stacks.retraining.states import States, choice, fail_with, jsonata, rule, task

CONTENT_TYPES = ["text/csv", "application/json"]


def registration_states(settings: RetrainingSettings, *, approved: str, waiting: str) -> States:
    """From `$evaluation` to `approved` (go on to promote) or `waiting` (someone has to approve first)."""
    automatic = settings.training.approval == "automatic"
    return {
        "Gate": choice([rule("$evaluation.gate.passed = true", "Register")], "Reject"),
        "Reject": fail_with(
            "gate",
            "GateRejected",
            "$join($evaluation.gate.reasons, ' ')",
        ),
        "Register": _register(settings, "Approved" if automatic else "PendingManualApproval"),
        "Keep statistics": _keep(settings, "statistics", "Keep constraints"),
        "Keep constraints": _keep(settings, "constraints", approved if automatic else waiting),
    }


def _register(settings: RetrainingSettings, approval: str) -> dict[str, Any]:
    baseline = {
        name: {"ContentType": "application/json", "S3Uri": jsonata(f"$runUri & '/baseline/{name}.json'")}
        for name in ("statistics", "constraints")
    }
    quality = {
        "ContentType": "application/json",
        "S3Uri": jsonata("$runUri & '/evaluation/model_quality_statistics.json'"),
    }
    container = {
        "Image": settings.image,
        "ModelDataUrl": jsonata("$candidateUri"),
        "Environment": {
            "SAGEMAKER_PROGRAM": "inference.py",
            "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
            # Callers without an Accept header get CSV, which the monitor reads best.
            "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": "text/csv",
        },
    }
    arguments = {
        "ModelPackageGroupName": settings.model_package_group,
        "ModelPackageDescription": jsonata("'Run ' & $runId & ': ' & $algorithm"),
        # The token makes a repeated call return the version that the first one made.
        "ClientToken": jsonata("$runId"),
        "ModelApprovalStatus": approval,
        "InferenceSpecification": {
            "Containers": [container],
            "SupportedContentTypes": CONTENT_TYPES,
            "SupportedResponseMIMETypes": CONTENT_TYPES,
            "SupportedRealtimeInferenceInstanceTypes": list(settings.instance_types),
            "SupportedTransformInstanceTypes": list(settings.instance_types),
        },
        "ModelMetrics": {
            "ModelQuality": {"Statistics": quality},
            "ModelDataQuality": {
                "Statistics": baseline["statistics"],
                "Constraints": baseline["constraints"],
            },
        },
        "DriftCheckBaselines": {
            "ModelDataQuality": {
                "Statistics": baseline["statistics"],
                "Constraints": baseline["constraints"],
            },
        },
        "MetadataProperties": {"GeneratedBy": jsonata("$states.context.Execution.Id")},
        "CustomerMetadataProperties": jsonata(_lineage()),
    }
    return task(
        "aws-sdk:sagemaker:createModelPackage",
        step="register",
        arguments=arguments,
        assign={
            "modelPackageArn": jsonata("$states.result.ModelPackageArn"),
            # arn:…:model-package/<group>/<version>
            "baselinePrefix": jsonata("'model-packages/' & $substringAfter($states.result.ModelPackageArn, '/')"),
        },
        next_state="Keep statistics",
    )


def _lineage() -> str:
    """Where the model comes from and how good it is, as the registry's map of short strings."""
    origin = {
        "run": "$runId",
        "dataset": "$dataset",
        "eventType": "$eventType",
        "algorithm": "$algorithm",
        "tuningJob": "$jobPrefix",
        "trainingJob": "$candidate",
        "champion": "$championArn = '' ? 'none' : $championArn",
    }
    pairs = ", ".join(f"'{key}': $substring({value}, 0, 256)" for key, value in origin.items())
    metrics = (
        "$each($evaluation.candidate.metrics, function($value, $name) "
        "{ $type($value) = 'number' ? {'metric.' & $name: $string($value)} })"
    )
    hyperparameters = (
        "$each($candidateHyperparameters, function($value, $name) "
        "{ {'hyperparameter.' & $name: $substring($string($value), 0, 256)} })"
    )
    return f"$merge([{{{pairs}}}, {metrics}, {hyperparameters}])"


def _keep(settings: RetrainingSettings, name: str, next_state: str) -> dict[str, Any]:
    source = f"{settings.artifacts_bucket}/runs/"
    return task(
        "aws-sdk:s3:copyObject",
        step="keep the baseline",
        arguments={
            "Bucket": settings.artifacts_bucket,
            "Key": jsonata(f"$baselinePrefix & '/{name}.json'"),
            "CopySource": jsonata(f"'{source}' & $runId & '/baseline/{name}.json'"),
        },
        next_state=next_state,
        comment="The monitoring stack derives the baseline's place from the model package's ARN",
    )
