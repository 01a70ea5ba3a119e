"""Propose an event type for a file of events: which column is what, and the features worth having.

Usage: python -m scripts.infer_event_type FILE [--out event-type.yaml] [--name NAME]
The proposal can be trained on as it is. Roles that are guessed wrong are named by options.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from pathlib import Path

from fraud import event_types
from fraud.data.errors import DataError
from fraud.features.catalogue import features_of
from scripts.inference.draft import Forced
from scripts.inference.proposal import Proposal, propose

SCHEMA = Path(event_types.__file__).resolve().parent / "event-type.schema.json"
_REPOSITORY = SCHEMA.parents[2]


def main(arguments: list[str] | None = None) -> int:
    """Command line entry point: 1 if no event type can be proposed."""
    options = _parser().parse_args(arguments)
    try:
        if options.out and options.out.exists() and not options.force:
            raise DataError(f"{options.out} is there already: name another file, or --force to write it anew")
        proposal = propose(
            options.file, options.name or _name_of(options.file), _forced(options), _schema_for(options.out)
        )
        if options.out:
            options.out.write_text(proposal.text, encoding="utf-8")
    except (DataError, OSError) as error:
        print(f"infer_event_type: {error}", file=sys.stderr)
        return 1
    print(_summary(proposal, options.out), file=sys.stderr)
    if not options.out:
        print(proposal.text, end="")
    return 0


def _summary(proposal: Proposal, out: Path | None) -> str:
    event_type, report = proposal.event_type, proposal.report
    entities = ", ".join(f"{entity.name} ({entity.column})" for entity in event_type.entities)
    roles = {
        "label": event_type.label,
        "timestamp": event_type.timestamp,
        "id": event_type.id,
        "amount": event_type.amount,
        "entities": entities,
    }
    lines = [f"{role:>9}: {column or 'none'}" for role, column in roles.items()]
    lines.append(
        f"{len(features_of(event_type))} features from {len(event_type.required_columns)} columns; "
        f"{len(event_type.drop)} columns are not used; {report.rows:,} events, {report.frauds:,} frauds"
    )
    lines += [f"note: {note}" for note in (*proposal.notes, *report.warnings)]
    if out:
        lines.append(f"written to {out}: read it through, then train: make demo DATA=… EVENT_TYPE={out}")
    return "\n".join(lines)


def _schema_for(out: Path | None) -> str:
    """Where the proposal finds the editors' schema, relative to the file or, unwritten, to the repository."""
    folder = out.resolve().parent if out else _REPOSITORY
    return Path(os.path.relpath(SCHEMA, folder)).as_posix()


def _name_of(file: Path) -> str:
    """A name in the form that event types allow, made of the file's."""
    text = re.sub(r"[^a-z0-9]+", "-", file.name.split(".")[0].lower()).strip("-")
    return (text if re.match("[a-z]", text) else f"events-{text}".rstrip("-"))[:63]


def _forced(options: argparse.Namespace) -> Forced:
    timestamp, _, form = (options.timestamp or "").partition("=")
    entities = []
    for text in options.entity:
        name, _, column = text.partition("=")
        if not name or not column:
            raise DataError(f"--entity {text}: give it as NAME=COLUMN, for example card=cc_num")
        entities.append((name, column))
    return Forced(
        id=options.id,
        timestamp=timestamp or None,
        timestamp_format=form or None,
        amount=options.amount,
        label=options.label,
        fraud=tuple(value.strip() for value in (options.fraud or "").split(",") if value.strip()),
        delay_days=options.delay_days,
        entities=tuple(entities),
        drop=tuple(options.drop),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts.infer_event_type", description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path, help="parquet or CSV, or a folder of files of one kind")
    parser.add_argument("--out", type=Path, help="YAML file to write (default: standard output)")
    parser.add_argument("--force", action="store_true", help="write --out even if it is there")
    parser.add_argument("--name", help="name of the event type (default: made of the file's name)")
    roles = parser.add_argument_group("roles, where they are not guessed right")
    roles.add_argument("--id", metavar="COLUMN")
    roles.add_argument(
        "--timestamp", metavar="COLUMN[=FORMAT]", help="format: iso, epoch_seconds, '%%d/%%m/%%Y %%H:%%M' …"
    )
    roles.add_argument("--amount", metavar="COLUMN")
    roles.add_argument("--label", metavar="COLUMN")
    roles.add_argument("--fraud", metavar="VALUE[,VALUE]", help="values of the label that mean fraud")
    roles.add_argument("--delay-days", type=int, metavar="DAYS", help="days until a label is known")
    roles.add_argument("--entity", metavar="NAME=COLUMN", action="append", default=[], help="may be repeated")
    roles.add_argument("--drop", metavar="COLUMN", action="append", default=[], help="never use it; may be repeated")
    return parser


if __name__ == "__main__":
    sys.exit(main())
