"""Membership in lists as a lookup: CEL compares with one text after the other, which a long list makes slow.

A test such as `CUSTOMER_ID in lists.blocked` is replaced by a boolean variable, whose value is looked up in a set.
What means more than that one test, such as `lists.blocked.exists(…)`, stays as it is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from fraud.decisions.tokens import Token
from fraud.decisions.variables import LISTS, Variable

# What may stand before and after a test so that it is an operand by itself.
_BEFORE = frozenset(("", "(", "&&", "||", "?", ":", ","))
_AFTER = frozenset(("", ")", "&&", "||", "?", ":", ","))
# A macro's own variable may have the name of an event's.
_MACROS = frozenset(("all", "exists", "exists_one", "filter", "map"))


class Membership(NamedTuple):
    """Whether a variable's text is in a list."""

    variable: str
    list: str

    @property
    def name(self) -> str:
        """The boolean variable that stands for the test; no column or feature is called so."""
        return f"__{self.variable}__in__{self.list}"


def with_lookups(
    text: str, tokens: list[Token], variables: Mapping[str, Variable], lists: Collection[str]
) -> tuple[str, frozenset[Membership]]:
    """Return a condition whose tests of membership are variables, and these."""
    if any(token.text in _MACROS for token in tokens):
        return text, frozenset()
    found: set[Membership] = set()
    parts, last, place = [], 0, 0
    while place < len(tokens):
        match = _test_at(tokens, place, variables, lists)
        if match is None:
            place += 1
            continue
        membership, length = match
        found.add(membership)
        parts += [text[last : tokens[place].end - len(tokens[place].text)], membership.name]
        place += length
        last = tokens[place - 1].end
    return "".join(parts) + text[last:], frozenset(found)


def _test_at(
    tokens: list[Token], place: int, variables: Mapping[str, Variable], lists: Collection[str]
) -> tuple[Membership, int] | None:
    """The test of membership that begins at a token, and how many tokens it has."""
    first = tokens[place]
    if not first.is_name or first.text not in variables or variables[first.text].type != "text":
        return None
    texts = [token.text for token in tokens[place + 1 : place + 7]] + [""] * 6
    if texts[:2] != ["in", LISTS]:
        return None
    if texts[2] == "." and texts[3] in lists:
        name, length = texts[3], 5
    elif texts[2] == "[" and texts[3][:1] in ("'", '"') and texts[3][1:-1] in lists and texts[4] == "]":
        name, length = texts[3][1:-1], 6
    else:
        return None
    before = tokens[place - 1].text if place else ""
    after = tokens[place + length].text if place + length < len(tokens) else ""
    return (Membership(first.text, name), length) if before in _BEFORE and after in _AFTER else None
