"""Jobs that ran when the server ended: they are over, and say why."""

import threading
import time
from typing import Any

from local_cloud import hooks
from local_cloud.sagemaker import lifecycle
from local_cloud.sagemaker.jobs import processing_run, training_run
from local_cloud.sagemaker.store import STORE
from local_cloud.sagemaker.tuning import jobs as tuning

REASON = "InternalServerError: the local cloud was stopped while the job was running. Start the job again."
_RUNNING = ("InProgress", "Stopping")


@lifecycle.on_restore
def fail_interrupted_jobs() -> None:
    """Mark every interrupted processing, training and tuning job as Failed; events follow on threads of their own."""
    for (account, region, kind, _), record in STORE.everywhere():
        if record.get(f"{kind}Status") not in _RUNNING:
            continue
        if kind == "TrainingJob":
            _in_scope(account, region, _fail_training, record)
        elif kind == "ProcessingJob":
            _in_scope(account, region, _fail_processing, record)
        elif kind == "HyperParameterTuningJob":
            _in_scope(account, region, _fail_tuning, record)


def _in_scope(account: str, region: str, action: Any, record: dict[str, Any]) -> None:
    # Targets of the events may call this very server, which does not answer yet.
    announce = hooks.scope(account, region, action)(record)
    threading.Thread(target=hooks.scope(account, region, announce), daemon=True).start()


def _fail_training(record: dict[str, Any]) -> Any:
    training_run.record_move(record, "Failed", TrainingJobStatus="Failed", FailureReason=REASON)
    return lambda: training_run.announce(record)


def _fail_processing(record: dict[str, Any]) -> Any:
    now = time.time()
    STORE.update(
        record, ProcessingJobStatus="Failed", FailureReason=REASON, ProcessingEndTime=now, LastModifiedTime=now
    )
    return lambda: processing_run.announce(record)


def _fail_tuning(record: dict[str, Any]) -> Any:
    tuning.record_end(record, "Failed", FailureReason=REASON)
    return lambda: tuning.announce(record)
