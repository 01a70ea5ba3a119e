"""From a file of events to a proposal of an event type that can be trained on as it is."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

from fraud.data.errors import DataError
from fraud.data.validation import ValidationReport, validate_files
from fraud.event_types import EventType, EventTypeError, parse
from fraud.features.catalogue import features_of
from scripts.inference import entities, labels, roles, times, variables, writing
from scripts.inference.draft import Draft, Forced
from scripts.inference.facts import read
from scripts.inference.splitting import choose_split

MOST_REJECTED = 0.2
"""Were more of the rows faulty, the roles are surely wrong."""
_CLASH = re.compile(r"two features would be called '(.*?)'; rename")


@dataclass(frozen=True)
class Proposal:
    """An event type for a file: parsed, as YAML, and what the operator should know."""

    event_type: EventType
    text: str
    notes: tuple[str, ...]
    report: ValidationReport


def propose(path: Path, name: str, forced: Forced | None = None, schema: str = "event-type.schema.json") -> Proposal:
    """Return the event type proposed for a file; `schema` is where its YAML finds the editors' schema.

    Raises DataError saying what is missing and how to name it.
    """
    draft = Draft(read(path), forced or Forced())
    draft.body = {"name": name, "description": f"Events of {path.name}"}
    _reserve(draft)
    _find_roles(draft)
    _resolve_clashes(draft)
    choose_split(draft)
    report = _checked(path, draft)
    dropped = {column: draft.dropped[column] for column in draft.facts if column in draft.dropped}
    if dropped:
        draft.body["drop"] = list(dropped)
    text = writing.write(draft.body, draft.comments, dropped, _head(path, report), schema)
    return Proposal(parse(draft.body), text, tuple(draft.notes), report)


def _find_roles(draft: Draft) -> None:
    """Give each column a role or a reason to drop it. What is found first is no longer free for what follows."""
    labels.find_label(draft)
    roles.drop_what_is_empty(draft)
    times.find_timestamp(draft)
    _state_delay(draft)
    roles.find_id(draft)
    roles.drop_row_numbers(draft)
    times.find_other_times(draft)
    _trust_known_at(draft)
    roles.drop_repetitions(draft)
    roles.find_amount(draft)
    labels.drop_what_tells_the_label(draft)
    found = entities.find_entities(draft)
    places = entities.find_places(found, draft)
    entities.describe(found, places, draft)
    variables.find_variables(found, draft)
    _add_categories_to_distinct(found, draft)
    _state_calendar(draft)


def _reserve(draft: Draft) -> None:
    """Keep columns whose role the operator named from being taken for another."""
    forced = draft.forced
    named = {"--label": forced.label, "--timestamp": forced.timestamp, "--id": forced.id, "--amount": forced.amount}
    taken: dict[str, str] = {}
    for option, column in [*named.items(), *(("--entity", column) for _, column in forced.entities)]:
        if column is None:
            continue
        draft.named(column, option)
        if taken.setdefault(column, option) != option or column in forced.drop:
            raise DataError(f"{option}: column {column!r} is named for {taken[column]} or --drop as well")
        draft.use(column, option)


def _state_delay(draft: Draft) -> None:
    days = draft.forced.delay_days
    if draft.timestamp is None and days is None:
        return
    draft.body["label"]["delay_days"] = labels.DELAY_DAYS if days is None else days
    if days is None:
        draft.comments["label.delay_days"] = (
            f"{labels.DELAY_DAYS} days are a guess: state how long it takes until a fraud is reported (--delay-days)."
        )


def _trust_known_at(draft: Draft) -> None:
    """Where each label says when it arrived, no delay need be guessed."""
    if "known_at" not in draft.body["label"]:
        return
    known = draft.facts[draft.body["label"]["known_at"]].values.is_not_null().to_numpy()
    if draft.forced.delay_days is None and known[draft.label.is_fraud >= 0].all():
        del draft.body["label"]["delay_days"]
        draft.comments.pop("label.delay_days")


def _add_categories_to_distinct(found: list[entities.Found], draft: Draft) -> None:
    """Who suddenly buys in many categories is worth knowing of."""
    if not found or not found[0].pays:
        return
    categories = [
        column
        for column, kind in draft.body.get("variables", {}).items()
        if isinstance(kind, dict) and not draft.determined(column, found[0].facts.name, tolerance=0.1)
    ]
    body = draft.body["entities"][found[0].name]
    distinct = [*body.get("distinct", []), *categories][: max(3, len(body.get("distinct", [])))]
    if distinct:
        body["distinct"] = distinct


def _state_calendar(draft: Draft) -> None:
    if draft.timestamp is None:
        return
    has_hours = (draft.instants.drop_nulls().dt.time() != draft.instants.drop_nulls().dt.time().min()).any()
    wanted = ["hour", "is_weekend"] if has_hours else ["is_weekend"]
    calendar = [name for name in wanted if name not in draft.body.get("variables", {})]
    if calendar:
        draft.body["calendar"] = calendar


def _resolve_clashes(draft: Draft) -> None:
    """Make the draft parse: a column whose name is also a derived feature's gives way."""
    body = {**draft.body, "split": {"method": "random"}}
    for _ in range(len(draft.facts) + 1):
        try:
            parse(body)
            return
        except EventTypeError as error:
            clash = _CLASH.search(str(error))
            variable = clash and _variable_of(clash[1], draft)
            if not variable:
                raise DataError(f"no event type can be made of these roles:\n{error}") from None
            del draft.body["variables"][variable]
            if not draft.body["variables"]:
                del draft.body["variables"]
                body.pop("variables")
            if draft.used[variable] == "entity":
                continue
            for entity in draft.body.get("entities", {}).values():
                if variable in entity.get("distinct", ()):
                    entity["distinct"] = [column for column in entity["distinct"] if column != variable]
            del draft.used[variable]
            draft.drop(variable, f"its feature would be called {clash[1]} as another one is: rename the column")
    raise DataError("no event type can be made of these columns")


def _variable_of(feature: str, draft: Draft) -> str | None:
    """A variable that makes a feature of this name: the column of that name, or else the last that does."""
    found = None
    for column, kind in draft.body.get("variables", {}).items():
        alone = parse({"name": "a", "label": "a label", "timestamp": "a time", "variables": {column: kind}})
        if feature in [made.name for made in features_of(alone)]:
            if column == feature:
                return column
            found = column
    return found


def _checked(path: Path, draft: Draft) -> ValidationReport:
    """Check the whole file against the draft; a few faulty rows are allowed for in the event type."""
    draft.body.setdefault("max_rejected_share", MOST_REJECTED)
    report = validate_files([path], parse(draft.body))
    report.raise_if_invalid()
    rejected = sum(report.rejected.values())
    del draft.body["max_rejected_share"]
    if rejected:
        # Twice what is there: tomorrow's file has a few more.
        draft.body["max_rejected_share"] = min(MOST_REJECTED, math.ceil(2_000 * rejected / report.rows) / 1_000)
        found = ", ".join(f"{reason} ({count:,})" for reason, count in report.rejected.items())
        draft.comments["max_rejected_share"] = f"{rejected:,} rows are faulty and left out: {found}."
        draft.notes.append(f"{rejected:,} of {report.rows:,} rows are faulty and left out: {found}")
    return report


def _head(path: Path, report: ValidationReport) -> list[str]:
    span = f", {report.first:%Y-%m-%d} to {report.last:%Y-%m-%d}" if report.first and report.last else ""
    return [
        f"Proposed from {path.name}: {report.rows:,} events, {report.frauds:,} frauds{span}.",
        "It can be trained on as it is; read it through, docs/event-types.md explains each key.",
    ]
