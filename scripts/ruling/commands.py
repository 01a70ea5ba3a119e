"""What each sub-command of scripts.rules does; results go to standard output, remarks to standard error."""

from __future__ import annotations

import argparse
import difflib
import sys
from dataclasses import replace
from pathlib import Path

import yaml
from rich.console import Console
from rich.markup import escape

from fraud.decisions import RuleError, RuleSet, compile_rules, default_ruleset, to_mapping, variables_of
from fraud.decisions.afd_rules import convert as convert_detector
from fraud.decisions.changes import changes
from fraud.decisions.tokens import tokens_of
from fraud.decisions.variables import LISTS, SCORE_NAMES
from fraud.event_types import EventType
from inference_code.scoring.active_rules import KEPT_SECONDS
from inference_code.scoring.rule_table import RULESET, list_name
from scripts.retraining.errors import InputError
from scripts.ruling import files
from scripts.ruling.platform import PLAIN, book_of, event_type_of, ruleset_of, show_table


def validate(options: argparse.Namespace, out: Console, err: Console) -> None:
    """Check a file; nothing is read from or written to AWS."""
    event_type = event_type_of(options)
    ruleset = _checked(options.file, event_type)
    out.print(f"{options.file}: {_summary(ruleset)}: valid for event type {event_type.name}", **PLAIN)
    _remark(ruleset, err)


def publish(options: argparse.Namespace, out: Console, err: Console) -> None:
    """Save a file as a new version."""
    ruleset = _checked(options.file, event_type_of(options))
    book = book_of(options)
    published = book.publish(
        RULESET, _stored(ruleset), options.comment, base=ruleset.version or None, activate=options.activate
    )
    number = published.number
    known = "is new" if published.new else "says the same: no new version is needed"
    out.print(f"Version {number} {known} ({_summary(ruleset)}).", **PLAIN)
    _remark(ruleset, err)
    for name in ruleset.lists:
        version = book.active(list_name(name))
        if version:
            remark = f"list {name}: its version {version} is in force, not the texts of the file"
            err.print(remark, **PLAIN)
        elif not ruleset.lists[name]:
            err.print(f"list {name} is empty until `lists publish {name} FILE`", **PLAIN)
    if options.activate:
        out.print(f"It is in force: within {KEPT_SECONDS} seconds all new transactions are decided by it.", **PLAIN)
    else:
        out.print(f"It decides nothing yet: `python -m scripts.rules activate {number}` puts it in force.", **PLAIN)


def show_versions(options: argparse.Namespace, out: Console, err: Console) -> None:
    """List the versions of the rule set."""
    book = book_of(options)
    show_table(book, RULESET, out)
    if not book.active(RULESET):
        err.print("No version is in force: the platform's own rules decide (`starter` shows them).", **PLAIN)


def show(options: argparse.Namespace, out: Console, err: Console) -> None:
    """Print a version as a file to edit."""
    book = book_of(options)
    version = options.version or book.active(RULESET)
    if not version:
        err.print("No version is in force; these are the platform's own rules.", **PLAIN)
    sys.stdout.write(files.to_yaml(ruleset_of(book, version) if version else default_ruleset()))


def activate(options: argparse.Namespace, out: Console, err: Console) -> None:
    """Put a version in force, or an earlier one again; it is checked against the event type of today."""
    book = book_of(options)
    ruleset = ruleset_of(book, options.version)
    try:
        compile_rules(ruleset, event_type_of(options))
    except RuleError as error:
        raise InputError(files.described(f"version {options.version}", error)) from error
    before = book.activate(RULESET, options.version)
    if before == options.version:
        out.print(f"Version {options.version} is in force already.", **PLAIN)
        return
    if before:
        for line in changes(ruleset_of(book, before), ruleset):
            out.print(f"  {line}", **PLAIN)
    then = f"version {before}" if before else "the platform's own rules"
    out.print(f"Version {options.version} is in force in place of {then}, within {KEPT_SECONDS} seconds.", **PLAIN)


def diff(options: argparse.Namespace, out: Console, err: Console) -> None:
    """Print what differs between two versions, files, or `active` and `starter`."""
    sides = [_side(text, options) for text in (options.a, options.b)]
    found = changes(*sides)
    for line in found:
        out.print(escape(line), highlight=False, soft_wrap=True)
    if not found:
        out.print("There is no difference.", **PLAIN)
        return
    texts = [files.to_yaml(replace(side, version=0)).splitlines() for side in sides]
    colours = {"+": "green", "-": "red", "@": "cyan"}
    for line in difflib.unified_diff(*texts, options.a, options.b, lineterm=""):
        out.print(escape(line), style=colours.get(line[:1], ""), highlight=False, soft_wrap=True)


def convert(options: argparse.Namespace, out: Console, err: Console) -> None:
    """Print rules of Amazon Fraud Detector as a rule set of this platform."""
    event_type = event_type_of(options)
    names = dict(pair.split("=", 1) for pair in options.rename if "=" in pair)
    if len(names) < len(options.rename):
        raise InputError("--rename: THEIRS=OURS is needed, for example --rename order_price=TX_AMOUNT")
    try:
        detector = _json(options.detector) if options.detector else None
        converted = convert_detector(_json(options.file), event_type, detector, names)
        compile_rules(converted.ruleset, event_type)
    except RuleError as error:
        remedy = "variables of another name are given by --rename THEIRS=OURS"
        raise InputError(f"{files.described(options.file, error)}\n  {remedy}") from error
    heading = "Converted from Amazon Fraud Detector. Look at:\n" + "\n".join(f"* {note}" for note in converted.notes)
    sys.stdout.write(files.to_yaml(converted.ruleset, heading))
    for note in converted.notes:
        err.print(note, **PLAIN)


def starter(options: argparse.Namespace, out: Console, err: Console) -> None:
    """Print the platform's own rules as a file to edit, with the variables that conditions may use."""
    event_type = event_type_of(options)
    variables = [f"  {variable.name}: {variable.type}" for variable in variables_of(event_type).values()]
    heading = "\n".join(
        [
            f"Rules for event type {event_type.name}; the language is described in docs/rules.md.",
            "Check this file by `python -m scripts.rules validate`, save it by `publish`. Variables:",
            *variables,
        ]
    )
    sys.stdout.write(files.to_yaml(default_ruleset(), heading))


def _checked(path: Path, event_type: EventType) -> RuleSet:
    read = files.read(path)
    files.refuse_card_numbers(path, read.ruleset)
    try:
        compile_rules(read.ruleset, event_type)
    except RuleError as error:
        raise InputError(files.described(path, error, read.conditions)) from error
    return read.ruleset


def _stored(ruleset: RuleSet) -> dict:
    """What a version says; its number is the item's."""
    body = to_mapping(ruleset)
    del body["version"]
    return body


def _side(text: str, options: argparse.Namespace) -> RuleSet:
    if text == "starter":
        return default_ruleset()
    if text == "active" or text.isdigit():
        book = book_of(options)
        version = int(text) if text.isdigit() else book.active(RULESET)
        return ruleset_of(book, version) if version else default_ruleset()
    return files.read(Path(text)).ruleset


def _summary(ruleset: RuleSet) -> str:
    shadows = sum(rule.shadow for rule in ruleset.rules)
    count = f"{len(ruleset.rules)} rule{'' if len(ruleset.rules) == 1 else 's'}"
    shadow = f", {shadows} in shadow" if shadows else ""
    return f"{count}{shadow}, {ruleset.mode}, {' < '.join(ruleset.outcomes)}, default {ruleset.default}"


def _remark(ruleset: RuleSet, err: Console) -> None:
    """Say what is allowed and may yet surprise."""
    words = {rule.name: {token.text for token in tokens_of(rule.when)} for rule in ruleset.rules}
    need_score = [name for name, used in words.items() if used & set(SCORE_NAMES)]
    if need_score:
        err.print(f"without the model's answer these are skipped: {', '.join(need_score)}", **PLAIN)
    unused = [name for name in ruleset.lists if not any({LISTS, name} <= used for used in words.values())]
    if unused:
        err.print(f"no rule looks into: {', '.join(unused)}", **PLAIN)
    for position, rule in enumerate(ruleset.rules[:-1]):
        if ruleset.mode == "first-match" and not rule.shadow and rule.when.strip() == "true":
            after = ", ".join(later.name for later in ruleset.rules[position + 1 :])
            err.print(f"rule {rule.name} always fires: {after} never decide", **PLAIN)
            break


def _json(path: Path) -> object:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: is neither JSON nor YAML: {error}") from error
