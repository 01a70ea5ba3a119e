"""Choose the event type of a data set and check the data before anything is started."""

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import yaml

from fraud import event_types
from fraud.data import DataError, ValidationReport, validate_files
from fraud.data.card_numbers import card_number_faults
from fraud.data.reading import columns_of
from fraud.data.splits import SPLITS
from fraud.event_types import EventType, EventTypeError
from scripts.retraining.dataset import data_files
from scripts.retraining.errors import InputError


def choose(path: Path, wanted: str | None) -> EventType:
    """The event type named or in the YAML file given, else the shipped one that fits the columns.

    Raises InputError listing, for each shipped event type, the columns that are missing.
    """
    if wanted is not None:
        try:
            return event_types.load(wanted)
        except EventTypeError as error:
            raise InputError(f"--event-type {error}") from error
    first = data_files(path)[0]
    try:
        columns = columns_of(first)
    except DataError as error:
        raise InputError(str(error)) from error
    chosen = event_types.match(columns)
    if chosen is None:
        raise InputError(_no_match(first, columns))
    return chosen


def _no_match(path: Path, columns: Sequence[str]) -> str:
    lines = [
        f"{path.name}: its columns fit no shipped event type.",
        f"  columns found: {', '.join(columns) or 'none'}",
    ]
    for name in event_types.shipped():
        missing = [column for column in event_types.load(name).required_columns if column not in columns]
        lines.append(f"  {name} misses: {', '.join(missing)}")
    lines.append("Rename the columns, or describe them in a YAML file and give it with --event-type.")
    return "\n".join(lines)


def to_yaml(event_type: EventType) -> str:
    """The event type as YAML text that ``event_types.parse`` reads back; the same text for equal event types."""
    return yaml.safe_dump(event_types.to_mapping(event_type), sort_keys=False, allow_unicode=True)


def check(
    paths: Sequence[Path], event_type: EventType, days: dict[str, int | None], *, accept_labels: bool = False
) -> ValidationReport:
    """Check the data as the prepare job will; raise InputError naming file, column and remedy where they are at fault.

    days: the platform's days of train, validation and test, see ``split_days``.
    accept_labels: whether labels that look implausible were looked at, and are right.
    """
    report = validate_files(paths, event_type, days=days)
    if not report.ok:
        raise _unusable(report.errors)
    if report.implausible and not accept_labels:
        raise _unusable([*report.implausible, "--accept-labels states that they were looked at and are right"])
    refuse_card_numbers(paths, event_type)
    return report


def refuse_card_numbers(paths: Sequence[Path], event_type: EventType) -> None:
    """Raise InputError if a file that is about to leave this machine holds raw card numbers, in whichever column."""
    try:
        faults = card_number_faults(paths, event_type)
    except DataError as error:
        faults = str(error).splitlines()
    if faults:
        raise _unusable(faults)


def _unusable(faults: Sequence[str]) -> InputError:
    return InputError("the data cannot be used:\n" + "\n".join(f"  {fault}" for fault in faults))


def split_days(definition: str) -> dict[str, int | None]:
    """The days that the state machine's prepare job is told to split by; None where it is told none."""
    flags = _flags(json.loads(definition), "--train-days")
    given = dict(pairwise(flags))
    return {name: int(given[f"--{name}-days"]) if f"--{name}-days" in given else None for name in SPLITS}


def _flags(value: object, wanted: str) -> list[str]:
    """The first list of texts that holds ``wanted``, anywhere inside; [] if there is none."""
    if isinstance(value, list) and wanted in value:
        return value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next((found for item in inner if (found := _flags(item, wanted))), [])
