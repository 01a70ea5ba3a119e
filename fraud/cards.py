"""Raw card numbers: finding them anywhere in a payload, and replacing them by tokens before they leave the sender.

Depends on the standard library alone.
"""

from __future__ import annotations

import hmac
import re
import unicodedata
from collections.abc import Collection, Iterator
from hashlib import sha256
from typing import Any

SHORTEST, LONGEST = 13, 19
HIDDEN = "[card number]"
# No colon and no comma: times, and the numbers of a list, are not one number.
_RUN = re.compile(r"[0-9](?:[\s\-_./]{0,3}[0-9]){12,}")
_DOUBLED = tuple(sum(divmod(2 * digit, 10)) for digit in range(10))
_SEPARATORS = {"Zs": " ", "Pd": "-", "Pc": "_"}
_INVISIBLE = ("Cf", "Mn", "Me")
SMALLEST = 10 ** (SHORTEST - 1)
"""Numbers below are too short to be a card's."""


def is_card_number(digits: str) -> bool:
    """Return whether 13 to 19 digits have the check digit of a card number (Luhn); one in ten does by chance."""
    if not SHORTEST <= len(digits) <= LONGEST or not digits.isascii() or not digits.isdigit() or not int(digits):
        return False
    values = [int(digit) for digit in reversed(digits)]
    return (sum(values[::2]) + sum(_DOUBLED[value] for value in values[1::2])) % 10 == 0


def holds_card_number(text: str) -> bool:
    """Return whether a text holds a card number: by itself, among other words, or with separators between digits.

    Digits of any script count, and so do those with something invisible between them.
    """
    for match in _RUN.finditer(text if text.isascii() else _plain(text)):
        groups = re.findall("[0-9]+", match[0])
        # Digits that touch are one number, judged whole: a part of a longer number passes the check by chance. Groups
        # may belong to a neighbour that is separated in the same way, so each sequence of whole groups is tried.
        for first in range(len(groups)):
            number = ""
            for group in groups[first:]:
                number += group
                if len(number) > LONGEST:
                    break
                if is_card_number(number):
                    return True
    return False


def hide_card_numbers(text: str) -> str:
    """Return the text with `[card number]` instead of each, for messages that quote what they were given."""
    if not holds_card_number(text):
        return text
    plain = text if text.isascii() else _plain(text)
    return _RUN.sub(lambda match: HIDDEN if holds_card_number(match[0]) else match[0], plain)


def is_card_like(value: float) -> bool:
    """Return whether a number is whole and could be a card's, whatever its sign."""
    return SMALLEST <= abs(value) < 1e19 and float(value).is_integer() and is_card_number(str(abs(int(value))))


def find_card_number(payload: Any, exempt: Collection[str] = ()) -> str | None:
    """Return the path of the first card number in parsed JSON, or None; keys are looked at as well.

    `exempt` are the names of members of the outermost object whose numbers are times, not cards.
    """
    return next(_found(payload, "", frozenset(exempt)), None)


def tokenise(card_number: str, key: bytes) -> str:
    """Return a token that stands for a card: equal for equal numbers, and of no use without the key.

    `key` is a secret of at least 16 bytes; separators in the number do not matter.
    """
    if len(key) < 16:
        raise ValueError("the key for card numbers needs at least 16 bytes")
    digits = re.sub(r"[^0-9A-Za-z]", "", card_number)
    # Letters in front: a token can never be taken for a card number.
    return "tok_" + hmac.new(key, digits.encode(), sha256).hexdigest()[:32]


def _plain(text: str) -> str:
    """The text with digits of all scripts as 0 to 9, separators of one kind as one, and nothing invisible."""
    plain = []
    for character in unicodedata.normalize("NFKC", text):
        kind = unicodedata.category(character)
        if kind == "Nd":
            plain.append(str(unicodedata.decimal(character)))
        elif kind not in _INVISIBLE:
            plain.append(_SEPARATORS.get(kind, character))
    return "".join(plain)


def _found(value: Any, path: str, exempt: frozenset[str]) -> Iterator[str]:
    if isinstance(value, dict):
        for name, item in value.items():
            if holds_card_number(str(name)):
                yield f"{path}(a field's name)"
            if path or name not in exempt:
                yield from _found(item, f"{path}{name}.", exempt)
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from _found(item, f"{path}{position}.", exempt)
    elif _is_suspect(value):
        yield path.rstrip(".")


def _is_suspect(value: Any) -> bool:
    if isinstance(value, bool) or value is None:
        return False
    return is_card_like(value) if isinstance(value, float) else holds_card_number(str(value))
