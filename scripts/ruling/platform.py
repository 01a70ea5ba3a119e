"""What all commands share: the event type, the rules table, and how versions are read and shown."""

from __future__ import annotations

import argparse
import getpass
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from fraud import event_types
from fraud.decisions import RuleSet, from_mapping
from fraud.event_types import EventType, EventTypeError
from inference_code.scoring.rule_table import RULESET
from scripts.retraining.clients import Clients
from scripts.retraining.discovery import outputs_of
from scripts.retraining.errors import AWS_ERRORS, InputError, OperatorError
from scripts.ruling.book import Book
from scripts.scoring.options import clients_of, prefix_of
from stacks.config import ConfigurationError, load_config

CDK_JSON = Path(__file__).resolve().parents[2] / "cdk.json"
PLAIN: dict[str, Any] = {"markup": False, "highlight": False, "soft_wrap": True}
"""How texts of others are printed: as they are."""


def event_type_of(options: argparse.Namespace) -> EventType:
    """The event type that is named, else the one that the environment is configured for."""
    try:
        if options.event_type:
            return event_types.load(options.event_type)
        context = json.loads(CDK_JSON.read_text(encoding="utf-8"))["context"]
        return load_config({**context, "env": options.environment}).load_event_type()
    except EventTypeError as error:
        raise InputError(f"--event-type {error}") from error
    except (OSError, KeyError, ValueError, ConfigurationError) as error:
        raise InputError(f"the configuration has no event type ({error}); name one by --event-type") from error


def book_of(options: argparse.Namespace) -> Book:
    """The rules table of the deployed platform."""
    clients = clients_of(options)
    outputs = outputs_of(clients, f"{prefix_of(options)}-storage")
    if "RulesTableName" not in outputs:
        raise OperatorError("the platform has no rules table: deploy it with scoring.enabled: true")
    return Book(
        clients.client("dynamodb"), outputs["RulesTableName"], getattr(options, "author", None) or _author(clients)
    )


def _author(clients: Clients) -> str:
    try:
        return clients.client("sts").get_caller_identity()["Arn"].split(":", 5)[-1]
    except AWS_ERRORS:
        return getpass.getuser()


def body(book: Book, name: str, version: int) -> Any:
    """Return what a version says; raises InputError where there is none."""
    try:
        return book.body(name, version)
    except LookupError as error:
        raise InputError(str(error)) from error


def ruleset_of(book: Book, version: int) -> RuleSet:
    """Return a version of the rule set; raises InputError where there is none."""
    try:
        body = book.body(RULESET, version)
    except LookupError:
        there = ", ".join(str(known.number) for known in book.versions(RULESET)) or "none"
        raise InputError(f"there is no version {version}; versions are: {there}") from None
    return replace(from_mapping(body), version=version)


def show_table(book: Book, name: str, out: Console) -> None:
    """Print the versions of a rule set or list, latest first."""
    active = book.active(name)
    table = Table("", "version", "created", "author", "comment", box=None, pad_edge=False)
    for version in book.versions(name):
        mark = "in force" if version.number == active else ""
        table.add_row(mark, str(version.number), version.created, escape(version.author), escape(version.comment))
    out.print(table if table.rows else "Nothing is published.")
