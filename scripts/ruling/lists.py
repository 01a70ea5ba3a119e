"""What the sub-commands of `scripts.rules lists` do."""

from __future__ import annotations

import argparse
import sys

from rich.console import Console
from rich.table import Table

from fraud.cards import holds_card_number
from fraud.decisions.changes import compared
from fraud.decisions.parsing import LIST_NAME, MOST_TEXTS
from inference_code.scoring.rule_table import RULESET, list_name
from scripts.retraining.errors import InputError
from scripts.ruling import files
from scripts.ruling.book import Book, ConflictError
from scripts.ruling.platform import PLAIN, body, book_of, ruleset_of, show_table

_ATTEMPTS = 5


def show_all(options: argparse.Namespace, out: Console, err: Console) -> None:
    """Name all lists."""
    book = book_of(options)
    table = Table("list", "in force", "texts", box=None, pad_edge=False)
    for name in book.lists():
        version = book.active(list_name(name))
        size = f"{len(book.body(list_name(name), version)):,}" if version else "–"
        table.add_row(name, str(version or "–"), size)
    out.print(table if table.rows else "There are no published lists.")


def publish(options: argparse.Namespace, out: Console, err: Console) -> None:
    """Save a file as a list's new version and put it in force."""
    read = files.read_texts(options.file)
    texts = list(dict.fromkeys(read))
    _check_list(options.name, texts, str(options.file))
    if len(texts) < len(read):
        err.print(f"{len(read) - len(texts)} repeated texts were left out.", **PLAIN)
    book, name = book_of(options), list_name(options.name)
    before = _texts(book, options.name)
    published = book.publish(name, texts, options.comment, activate=options.activate)
    change = f", {compared(tuple(before), tuple(texts))}" if before and before != texts else ""
    known = "" if published.new else " (nothing has changed)"
    force = "in force" if options.activate else f"saved; `lists activate {options.name} {published.number}` uses it"
    text = f"List {options.name}: version {published.number}, {len(texts):,} texts{change}, is {force}{known}."
    out.print(text, **PLAIN)
    _say_unused(book, options.name, err)


def show(options: argparse.Namespace, out: Console, err: Console) -> None:
    """Print a list's texts, one a line, or with --versions what versions there are."""
    book, name = book_of(options), list_name(options.name)
    if options.versions:
        show_table(book, name, out)
        return
    version = options.version or book.active(name)
    if not version:
        raise InputError(f"list {options.name}: no version is in force; lists are: {', '.join(book.lists()) or 'none'}")
    sys.stdout.writelines(f"{text}\n" for text in body(book, name, version))


def activate(options: argparse.Namespace, out: Console, err: Console) -> None:
    """Put a version of a list in force."""
    book = book_of(options)
    before = book.activate(list_name(options.name), options.version)
    then = f"version {before}" if before else "none"
    out.print(f"List {options.name}: version {options.version} is in force; before it was {then}.", **PLAIN)
    _say_unused(book, options.name, err)


def change(options: argparse.Namespace, out: Console, err: Console) -> None:
    """Add texts to a list or remove them; the changed list is a new version, in force at once."""
    book, name = book_of(options), list_name(options.name)
    given = list(dict.fromkeys(options.texts))
    for _ in range(_ATTEMPTS):
        # Read each time: what somebody else adds meanwhile must stay.
        latest = book.latest(name)
        if latest and book.active(name) not in (latest.number, 0):
            remedy = f"lists activate {options.name} {latest.number}"
            raise ConflictError(f"its latest version {latest.number} is not in force: `{remedy}`, or publish a file")
        before = _texts(book, options.name)
        if options.action == "add":
            texts = [*before, *(text for text in given if text not in set(before))]
        else:
            texts = [text for text in before if text not in set(given)]
        missing = sorted(set(given) - set(before)) if options.action == "remove" else []
        if missing:
            raise InputError(f"list {options.name} does not hold {', '.join(missing)}; nothing was changed")
        _check_list(options.name, texts, f"list {options.name}")
        try:
            published = book.publish(name, texts, options.comment, base=latest.number if latest else 0, activate=True)
        except ConflictError:
            continue
        change = compared(tuple(before), tuple(texts)) if texts != before else "nothing has changed"
        text = f"List {options.name}: version {published.number}, {len(texts):,} texts ({change}), is in force."
        out.print(text, **PLAIN)
        _say_unused(book, options.name, err)
        return
    raise ConflictError("others change the list at the same moment; run the command again")


def _texts(book: Book, name: str) -> list[str]:
    """The texts of a list that rules see now: of its version in force, else of the rule set in force."""
    version = book.active(list_name(name))
    if version:
        return body(book, list_name(name), version)
    rules = book.active(RULESET)
    return list(ruleset_of(book, rules).lists.get(name, ())) if rules else []


def _check_list(name: str, texts: list[str], source: str) -> None:
    if not LIST_NAME.match(name):
        raise InputError(f"{name!r}: a list's name has lower-case letters, digits and '_'")
    if len(texts) > MOST_TEXTS:
        raise InputError(f"{source}: {len(texts):,} texts are more than {MOST_TEXTS:,}")
    for number, text in enumerate(texts, 1):
        if holds_card_number(text):
            raise InputError(f"{source}: text {number} holds a card number; use the token that transactions have")


def _say_unused(book: Book, name: str, err: Console) -> None:
    version = book.active(RULESET)
    if not version or name not in ruleset_of(book, version).lists:
        err.print(f"The rules in force do not state the list {name}: it has no effect yet.", **PLAIN)
