"""The next training set: decisions exported, turned into a data set by a job, and a run started with it."""

from __future__ import annotations

from stacks.guard.checks import LATEST
from stacks.guard.settings import GuardSettings
from stacks.retraining.containers import code_inputs, processing_input, processing_job, processing_output
from stacks.retraining.states import FAILURE, State, States, choice, fail_with, jsonata, rule, task

QUEUE_SECONDS = 3600
FOLDER = "collections"


def collection_states(settings: GuardSettings) -> States:
    """From an allowed request to a started run, or to a refusal because of the data."""
    return {
        "Note collection": task(
            "aws-sdk:s3:putObject",
            step="note the collection",
            arguments={
                "Bucket": settings.transactions_bucket,
                "Key": LATEST,
                "Body": jsonata("{'name': $collectionId, 'at': $now}"),
            },
            next_state="Export decisions",
            comment="Noted before it costs anything, so that a collection that fails counts, too",
        ),
        "Export decisions": _export(settings),
        "Watch export": task(
            "aws-sdk:dynamodb:describeExport",
            step="export the decisions",
            arguments={"ExportArn": jsonata("$exportArn")},
            assign={"export": jsonata(_export_summary())},
            next_state="Export done?",
        ),
        "Export done?": choice(
            [
                rule("$export.status = 'IN_PROGRESS'", "Wait for export"),
                rule("$export.status = 'COMPLETED'", "Collect"),
            ],
            "Export failed",
        ),
        "Wait for export": {"Type": "Wait", "Seconds": settings.run.training.poll_seconds, "Next": "Watch export"},
        "Export failed": fail_with(
            "export the decisions",
            "ExportFailed",
            "'export ' & $exportArn & ' ended in ' & $export.status & ': ' & $export.reason",
        ),
        "Collect": _collect(settings),
        "Read collection": task(
            "aws-sdk:s3:getObject",
            step="read the collection",
            arguments={
                "Bucket": settings.transactions_bucket,
                "Key": jsonata(f"'{FOLDER}/' & $collectionId & '/report/collection.json'"),
            },
            assign={"collection": jsonata("$parse($states.result.Body)")},
            next_state="Enough data?",
        ),
        "Enough data?": choice(
            [rule("$collection.sufficient = true", "Start run")],
            "Refuse",
            default_assign={
                "refusal": {"check": "data", "reason": jsonata("$join($collection.reasons, '; ')"), "overridable": True}
            },
        ),
        "Start run": _start(settings),
        "Started by another?": choice(
            [
                rule(
                    "$failure.error = 'Sfn.ExecutionAlreadyExistsException'",
                    "Refuse",
                    {
                        "refusal": {
                            "check": "in-flight",
                            "reason": jsonata("'another execution of the guard has started run ' & $runName"),
                            "overridable": False,
                        }
                    },
                )
            ],
            FAILURE,
        ),
    }


def _export(settings: GuardSettings) -> State:
    return task(
        "aws-sdk:dynamodb:exportTableToPointInTime",
        step="export the decisions",
        arguments={
            "TableArn": settings.decisions_table_arn,
            "S3Bucket": settings.transactions_bucket,
            "S3Prefix": jsonata(f"'{FOLDER}/' & $collectionId"),
            "S3SseAlgorithm": "KMS",
            "S3SseKmsKeyId": settings.run.data_key,
            "ExportFormat": "DYNAMODB_JSON",
            # The token makes a repeated call return the export that the first one began.
            "ClientToken": jsonata("$collectionId"),
        },
        assign={"exportArn": jsonata("$states.result.ExportDescription.ExportArn")},
        next_state="Watch export",
        comment="An export reads the backup: it takes no capacity of the table that payments wait for",
    )


def _export_summary() -> str:
    found = "$states.result.ExportDescription"
    return (
        f"($found := {found}; {{'status': $found.ExportStatus, "
        "'folder': $exists($found.ExportManifest) ? $substringBefore($found.ExportManifest, 'manifest-summary') : '', "
        "'reason': $exists($found.FailureMessage) ? $found.FailureMessage : 'no reason given'})"
    )


def _collect(settings: GuardSettings) -> State:
    bucket = f"s3://{settings.transactions_bucket}"

    def least(variable: str) -> str:
        return jsonata(f"'data' in $override ? '0' : $string({variable})")

    flags = [
        *("--now", jsonata("$fromMillis($now)")),
        *("--window-days", jsonata("$string($windowDays)")),
        *("--minimum-new-labelled", least("$minimumNewLabelled")),
        *("--minimum-new-frauds", least("$minimumNewFrauds")),
        *("--accept-labels", jsonata("'data' in $override ? 'yes' : 'no'")),
    ]
    inputs = [
        *code_inputs(settings.run),
        processing_input("export", jsonata(f"'{bucket}/' & $export.folder")),
        processing_input("previous", jsonata("$champion.dataset")),
        processing_input("event-type", jsonata("$champion.eventType")),
    ]
    outputs = [
        processing_output("dataset", jsonata(f"'{bucket}/datasets/' & $collectionId")),
        processing_output("report", jsonata(f"'{bucket}/{FOLDER}/' & $collectionId & '/report'")),
    ]
    job = processing_job(
        settings.collection, job="collect", module="training_code.collect", flags=flags, inputs=inputs, outputs=outputs
    )
    job["ProcessingJobName"] = jsonata(f"'{settings.prefix}-' & $collectionId & '-collect'")
    return task(
        "sagemaker:createProcessingJob.sync",
        step="collect",
        arguments=job,
        timeout_seconds=settings.run.training.processing.max_runtime_seconds + QUEUE_SECONDS,
        next_state="Read collection",
    )


def _start(settings: GuardSettings) -> State:
    asked = "$trigger & ($alarm = '' ? '' : ' ' & $alarm)"
    run = (
        f"{{'dataset': 's3://{settings.transactions_bucket}/datasets/' & $collectionId & '/', "
        f"'eventType': $champion.eventType, 'algorithm': $champion.algorithm, 'trigger': {asked}}}"
    )
    return task(
        "aws-sdk:sfn:startExecution",
        step="start the run",
        arguments={
            "StateMachineArn": settings.state_machine_arn,
            "Name": jsonata("$runName"),
            "Input": jsonata(f"$string({run})"),
        },
        assign={"runArn": jsonata("$states.result.ExecutionArn")},
        next_state="Tell of start",
        on_error="Started by another?",
    )
