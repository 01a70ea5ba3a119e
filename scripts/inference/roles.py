"""Finding what identifies events, the amount at stake, and columns that say nothing of their own."""

from __future__ import annotations

from fraud.data.errors import DataError
from fraud.event_types import limits
from fraud.event_types.reader import RESERVED_PREFIX
from scripts.inference import names
from scripts.inference.draft import Draft
from scripts.inference.facts import NEARLY_ALL, Facts

_MOST_FAULTY = 0.02
_CARD_SHARE = 0.5
"""One number in ten passes the check of card numbers by chance."""


def drop_what_is_empty(draft: Draft) -> None:
    """Drop what the operator wants dropped, constants, and columns that nothing can be made of."""
    for column in draft.forced.drop:
        draft.named(column, "--drop")
        draft.drop(column, "as asked for")
    for facts in draft.free():
        if facts.form == "other":
            draft.drop(facts.name, f"holds values of type {facts.raw.dtype}, which no feature is made of")
        elif facts.unique == 0:
            draft.drop(facts.name, "empty in each row")
        elif facts.unique == 1 and (facts.missing == 0 or facts.form in ("number", "time", "date")):
            draft.drop(facts.name, "the same in each row")
        elif not facts.name.strip("_ ") or facts.name.startswith(RESERVED_PREFIX):
            draft.drop(facts.name, "has no name that may be used: rename it if it is wanted")


def find_id(draft: Draft) -> None:
    """Find the column that identifies events."""
    if draft.forced.id is not None:
        facts = draft.named(draft.forced.id, "--id")
        if facts.unique < 0.5 * facts.rows:
            raise DataError(
                f"--id: column {facts.name!r} has {facts.unique:,} different values in {facts.rows:,} rows: an "
                "identifier differs in each (to say who takes part in an event: --entity NAME=COLUMN)"
            )
        _use_id(facts, draft)
        return
    facts = draft.best(_id_score)
    if facts is None:
        draft.notes.append("no column identifies events: repetitions cannot be told. Name it: --id COLUMN")
        return
    _use_id(facts, draft)


def drop_row_numbers(draft: Draft) -> None:
    """Drop columns that number the rows."""
    for facts in draft.free():
        may_be_amount = names.weight(facts.name, names.AMOUNT_WEIGHTS) > 0
        if facts.integer and facts.unique == facts.rows and facts.values.is_sorted() and not may_be_amount:
            draft.drop(facts.name, "numbers the rows")


def drop_repetitions(draft: Draft) -> None:
    """Drop columns that are equal to another."""
    kept: dict[int, Facts] = {}
    used = [draft.facts[name] for name in draft.used]
    for facts in [*used, *draft.free()]:
        if facts.form in ("number", "text", "email", "ip", "boolean") and facts.unique > 2:
            other = kept.setdefault(int(facts.texts.hash().sum() or 0), facts)
            if other is not facts and other.texts.equals(facts.texts):
                draft.drop(facts.name, f"repeats {other.name}")


def find_amount(draft: Draft) -> None:
    """Find the amount at stake."""
    if draft.forced.amount is not None:
        facts = draft.named(draft.forced.amount, "--amount")
        if facts.form != "number":
            raise DataError(f"--amount: column {facts.name!r} holds no numbers")
    else:
        facts = draft.best(_amount_score)
        if facts is None:
            draft.notes.append("no amount found: a number of at least 0 in each row. Name it: --amount COLUMN")
            return
    draft.use(facts.name, "amount")
    draft.body["amount"] = facts.name


def is_card_number(facts: Facts) -> bool:
    """Whether a column's values are raw card numbers."""
    return facts.card_numbers[0] >= _CARD_SHARE


def card_number_share(facts: Facts) -> float:
    """Share of the values in which the API would find a card number, and refuse the event."""
    return facts.card_numbers[1]


def _use_id(facts: Facts, draft: Draft) -> None:
    draft.use(facts.name, "id")
    draft.body["id"] = facts.name
    share = card_number_share(facts)
    if share > 0.01:
        draft.comments["id"] = (
            f"{share:.0%} of these identifiers pass the check of card numbers: the API refuses such events. Put a "
            "letter in front."
        )


def _id_score(facts: Facts) -> int:
    if facts.form not in ("text", "number") or (facts.form == "number" and not facts.integer):
        return 0
    if facts.missing > 0 or facts.unique < NEARLY_ALL * facts.rows or is_card_number(facts):
        return 0
    texts = facts.texts.drop_nulls()
    if not texts.str.contains(limits.ID_PATTERN).all():
        return 0
    return names.weight(facts.name, names.ID_WEIGHTS) - (2 if facts.unique < facts.rows else 0)


def _amount_score(facts: Facts) -> int:
    if facts.form != "number" or facts.unique < 3 or facts.time_format:
        return 0
    faulty = facts.values.is_null() | (facts.values < 0) | (facts.values > limits.LARGEST_AMOUNT)
    if faulty.fill_null(True).mean() > _MOST_FAULTY:
        return 0
    return names.weight(facts.name, names.AMOUNT_WEIGHTS)
