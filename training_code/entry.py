"""What every entry module shares: errors a user can act on end in one message, not in a traceback."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fraud.cards import hide_card_numbers

FAILURE_LIMIT = 1024
"""SageMaker shows this many characters of the failure file as the job's FailureReason."""


def base_folder() -> Path:
    """Return the container's base folder: /opt/ml, or SAGEMAKER_BASE_DIR where a platform sets another."""
    return Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))


def run(work: Callable[[], None], output: Path | None = None) -> int:
    """Do the work; return 0, or 1 after explaining a user's error on stderr and in output/failure and output/message.

    SageMaker shows the first file of a training job, the second of a processing job. ValueError and RuntimeError are
    the user's to correct (data, settings, environment); anything else is a defect and keeps its traceback. Neither
    repeats a card number: what quotes a faulty file is kept in logs, in the run's history and in messages.
    """
    try:
        work()
    except (ValueError, RuntimeError) as error:
        message = hide_card_numbers(str(error) or type(error).__name__)
        print(f"ERROR: {message}", file=sys.stderr, flush=True)
        folder = base_folder() / "output" if output is None else output
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name in ("failure", "message"):
                (folder / name).write_text(message[:FAILURE_LIMIT], encoding="utf-8")
        except OSError as problem:
            print(f"the failure file could not be written: {problem}", file=sys.stderr)
        return 1
    except Exception:
        print(hide_card_numbers(traceback.format_exc()), file=sys.stderr, flush=True)
        return 1
    return 0


def leave_message(text: str) -> None:
    """Processing shows the file's text as the job's ExitMessage; elsewhere its folder does not exist."""
    folder = base_folder() / "output"
    if folder.is_dir():
        (folder / "message").write_text(hide_card_numbers(text)[:FAILURE_LIMIT], encoding="utf-8")


def event_type_of(folder: Path) -> Any:
    """Return the event type that the one YAML file in `folder` describes; raises ValueError."""
    from fraud import event_types

    descriptions = sorted(path for path in folder.glob("*.y*ml") if path.is_file())
    if len(descriptions) != 1:
        raise ValueError(f"input event-type: one YAML file is expected in {folder}, found {len(descriptions)}")
    return event_types.load(descriptions[0])
