"""Gate, registration and approval of a candidate."""

from __future__ import annotations

from typing import Any

from stacks.retraining.baselines import BASELINE, baseline_states, drift_check_baselines, model_metrics
from stacks.retraining.settings import RetrainingSettings
from stacks.retraining.states import States, choice, fail_with, jsonata, rule, task
from stacks.retraining.training import LIVE, MOST_EVALUATIONS

CONTENT_TYPES = ["text/csv", "application/json"]


def registration_states(settings: RetrainingSettings, *, approved: str, waiting: str) -> States:
    """From `$evaluation` to `approved` (go on to promote) or `waiting` (someone has to approve first)."""
    automatic = settings.training.approval == "automatic"
    return {
        "Gate": choice([rule("$evaluation.gate.passed = true", "Gate looks at champion")], "Reject"),
        "Gate looks at champion": task(
            "aws-sdk:cloudformation:describeStacks",
            step="gate",
            arguments={"StackName": settings.serving_stack},
            assign={"deployed": jsonata(LIVE)},
            next_state="Gate has champion?",
            comment="Another run or person may have deployed a model since the champion was looked for",
        ),
        "Gate has champion?": choice(
            [
                rule("$deployed = $championArn", "Find baselines"),
                rule(f"$evaluations < {MOST_EVALUATIONS}", "Find champion"),
            ],
            "Reject for another champion",
        ),
        "Reject for another champion": fail_with(
            "gate",
            "ChampionReplaced",
            "'the candidate was compared with ' & $championArn & ', which ' & $deployed & ' has replaced since, and "
            "not for the first time: start the run again when no other one promotes'",
        ),
        "Reject": fail_with(
            "gate",
            "GateRejected",
            "$join($evaluation.gate.reasons, ' ')",
        ),
        "Find baselines": task(
            "aws-sdk:s3:listObjectsV2",
            step="find the baselines",
            arguments={"Bucket": settings.artifacts_bucket, "Prefix": jsonata(f"'runs/' & $runId & '/{BASELINE}/'")},
            assign={"baselines": jsonata(f"[$states.result.Contents.Key.$substringAfter($, '/{BASELINE}/')]")},
            next_state="Register",
            comment="A kind of monitor has a baseline where the configuration and the data allow it",
        ),
        "Register": _register(settings, "Approved" if automatic else "PendingManualApproval"),
        **baseline_states(settings, kept=approved if automatic else waiting),
    }


def _register(settings: RetrainingSettings, approval: str) -> dict[str, Any]:
    container = {
        # A version keeps the image it was registered with, as it keeps its model: a rollback brings both back.
        "Image": settings.serving_image,
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
        "ModelMetrics": jsonata(model_metrics()),
        "DriftCheckBaselines": jsonata(drift_check_baselines()),
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
        next_state="Keep baselines",
    )


def _lineage() -> str:
    """Where the model comes from and how good it is, as the registry's map of short strings."""
    origin = {
        "run": "$runId",
        "trigger": "$trigger",
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
    version = "$evaluation.candidate.version"
    answers_as = f"$exists({version}) ? {{'modelVersion': {version}}} : {{}}"
    return f"$merge([{{{pairs}}}, {answers_as}, {metrics}, {hyperparameters}])"
