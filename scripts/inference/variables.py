"""Giving every column that is left a type, or a reason to drop it."""

from __future__ import annotations

import re

from scripts.inference import names
from scripts.inference.draft import Draft
from scripts.inference.entities import Found, is_one_to_one
from scripts.inference.facts import MOST_LISTED, NEARLY_ALL, Facts
from scripts.inference.roles import card_number_share, is_card_number

MOST_ONEHOT = 5
_FEW = 20
_FEW_CARD_NUMBERS = 0.005
_AMOUNT = r"^-?\s*[^\d\s]{0,3}\s*-?\d[\d.,'\s]*[^\d\s]{0,3}$"
_PLAIN = re.compile(r"^[A-Za-z0-9_.+/-]{1,40}$")


def find_variables(found: list[Found], draft: Draft) -> None:
    """Give the free columns types; addresses that are entities are variables as well."""
    variables = {}
    for entity in found:
        if entity.facts.form in ("email", "ip"):
            variables[entity.facts.name] = entity.facts.form
    for facts in draft.free():
        kind = _type(facts, found, draft)
        if kind is not None:
            variables[facts.name] = kind
            draft.use(facts.name, "variable")
    if variables:
        order = list(draft.facts)
        draft.body["variables"] = {name: variables[name] for name in sorted(variables, key=order.index)}


def _type(facts: Facts, found: list[Found], draft: Draft) -> str | dict | None:
    """The type of a column as the event type states it; None if it is dropped."""
    if is_card_number(facts):
        draft.drop(facts.name, "holds raw card numbers: they must not be sent or stored")
        return None
    if card_number_share(facts) > _FEW_CARD_NUMBERS and facts.form == "text":
        draft.drop(facts.name, "some values hold what looks like a card number: the API refuses such events")
        return None
    if facts.form in ("boolean", "email", "ip"):
        return facts.form
    if facts.form == "text" and not names.has(facts.name, names.TEXT_WORDS):
        twin = next((entity.name for entity in found if is_one_to_one(facts, entity.facts, draft)), None)
        if twin:
            draft.drop(facts.name, f"stands for {twin}: always the same for one of them")
            return None
    if facts.form in ("time", "date"):
        return "date"
    if facts.form == "number":
        return _number(facts, found, draft)
    return _text(facts, found, draft)


def _number(facts: Facts, found: list[Found], draft: Draft) -> str | dict | None:
    if names.has(facts.name, names.ROW_WORDS) and facts.integer:
        draft.drop(facts.name, "numbers the rows")
        return None
    if facts.integer and facts.repetition < 1.5 and names.has(facts.name, names.KEY_WORDS - {"num", "number", "no"}):
        draft.drop(facts.name, "an identifier of its own in nearly each row: nothing repeats")
        return None
    owner = _owner(facts, found, draft)
    if owner and facts.integer and names.has(facts.name, names.KEY_WORDS | {"bin", "zip", "postcode"}):
        draft.drop(facts.name, f"stands for {owner}: always the same for one of them")
        return None
    listed = facts.listed() if facts.integer and names.has(facts.name, names.CODE_WORDS) else []
    if listed:
        return _category(listed)
    if names.has(facts.name, ("time", "seconds")) and draft.timestamp is None:
        draft.drop(facts.name, "a time that starts anywhere: name it with --timestamp if it orders the events")
        return None
    return "number"


def _text(facts: Facts, found: list[Found], draft: Draft) -> str | dict | None:
    listed = facts.listed()
    is_person = names.has(facts.name, names.PERSONAL_WORDS) and names.entity_kind(facts.name) not in names.NAMED
    if listed and not (is_person and facts.unique > _FEW):
        return _category(listed)
    if names.has(facts.name, names.TEXT_WORDS):
        return "text"
    why = _no_text(facts, is_person, _owner(facts, found, draft))
    if why:
        draft.drop(facts.name, why)
        return None
    draft.comments[f"variables.{facts.name}"] = (
        f"{facts.unique:,} different texts, too many for a category. If they name somebody, make it an entity."
    )
    return "text"


def _no_text(facts: Facts, is_person: bool, owner: str | None) -> str | None:
    """Why length and digits of a text with many values say nothing, or None."""
    there = facts.texts.drop_nulls()
    if owner:
        return f"stands for {owner}: always the same for one of them"
    if is_person:
        return "says who somebody is or where somebody lives"
    if there.str.contains(_AMOUNT).mean() >= NEARLY_ALL:
        return "numbers written with signs of currency or thousands: write them as plain numbers"
    if facts.repetition < 1.5:
        return "another text in nearly each row: nothing repeats"
    if there.str.len_chars().n_unique() < 3:
        return f"{facts.unique:,} different texts: list those that matter as a category, or make it an entity"
    return None


def _owner(facts: Facts, found: list[Found], draft: Draft) -> str | None:
    """The entity that a column with many values is an attribute of."""
    if facts.unique <= MOST_LISTED:
        return None
    return next((entity.name for entity in found if draft.determined(facts.name, entity.facts.name)), None)


def _category(values: list[str]) -> dict:
    body: dict = {"type": "category", "values": values}
    if len(values) <= MOST_ONEHOT and all(_PLAIN.match(value) for value in values):
        body["encoding"] = "onehot"
    return body
