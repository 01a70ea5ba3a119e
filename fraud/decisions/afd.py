"""Rules of Amazon Fraud Detector in the rule language used here (CEL).

Its language: https://docs.aws.amazon.com/frauddetector/latest/ug/rule-language-reference.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from fraud.decisions.variables import LISTS

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
      | (?P<variable>\$[A-Za-z_][A-Za-z0-9_]*)
      | (?P<list>@[A-Za-z_][A-Za-z0-9_]*)
      | (?P<number>[0-9]+(?:\.[0-9]+)?|\.[0-9]+)
      | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<sign>[<>=!]=|[-+*/%<>!()\[\],]))""",
    re.VERBOSE,
)
_WORDS = {"and": "&&", "or": "||", "not": "!", "true": "true", "false": "false", "in": "in"}
_MODEL_SCORE = re.compile(r"(insightscore|model_score)$", re.IGNORECASE)


class ConversionError(ValueError):
    """A rule uses what has no counterpart here; the message says what, and where."""


def to_cel(expression: str, names: Mapping[str, str] | None = None) -> str:
    """Return the CEL condition that means what a rule expression of Amazon Fraud Detector means.

    `names` maps its variables, without the dollar sign, to ours; a model's score becomes `score`, others keep their
    names. Raises ConversionError naming the place.
    """
    return _Converter(expression, names or {}).convert()


class _Converter:
    """Walks over the tokens once; only `not in` and the functions need more than a word for a word."""

    def __init__(self, expression: str, names: Mapping[str, str]) -> None:
        self._names = names
        self._tokens = list(_split(expression))
        self._at = 0

    def convert(self) -> str:
        parts: list[str] = []
        while self._at < len(self._tokens):
            parts.append(self._next(parts))
        return _joined(parts)

    def _next(self, parts: list[str]) -> str:
        kind, text, place = self._take()
        if kind == "variable":
            return self._variable(text)
        if kind == "list":
            return f"{LISTS}.{text[1:]}"
        if kind == "word":
            return self._word(text, place, parts)
        return text

    def _word(self, text: str, place: int, parts: list[str]) -> str:
        word = text.lower()
        if word == "not" and self._peek() == "in":
            self._take()
            return self._not_in(parts, place)
        if word in _WORDS:
            return _WORDS[word]
        if word == "regex_match":
            return self._regex_match(place)
        raise ConversionError(f"at {place}: {text!r} has no counterpart; write the condition in CEL by hand")

    def _not_in(self, parts: list[str], place: int) -> str:
        """`x not in y` is `!(x in y)`; x is the operand just converted."""
        if not parts:
            raise ConversionError(f"at {place}: 'not in' needs a variable before it")
        operand = parts.pop()
        if operand == ")":
            raise ConversionError(f"at {place}: 'not in' after a bracket; name the variable alone")
        members = [self._next(parts)]
        while members[0] == "[" and members[-1] != "]":
            members.append(self._next(parts))
        return f"!({operand} in {_joined(members)})"

    def _regex_match(self, place: int) -> str:
        """The pattern must match the whole text, as in Java; `lowercase` becomes a flag of the pattern."""
        self._expect("(")
        kind, pattern, at = self._take()
        if kind != "text":
            raise ConversionError(f"at {at}: regex_match needs a pattern in quotes")
        self._expect(",")
        kind, text, at = self._take()
        flag = ""
        if kind == "word" and text.lower() == "lowercase":
            flag = "(?i)"
            self._expect("(")
            kind, text, at = self._take()
            self._expect(")")
        if kind != "variable":
            raise ConversionError(f"at {at}: regex_match needs a variable")
        self._expect(")")
        body = pattern[1:-1].replace('"', '\\"') if pattern[0] == "'" else pattern[1:-1]
        return f'{self._variable(text)}.matches(r"{flag}^(?:{body})$")'

    def _variable(self, text: str) -> str:
        name = text[1:]
        return self._names.get(name) or ("score" if _MODEL_SCORE.search(name) else name)

    def _take(self) -> tuple[str, str, int]:
        if self._at >= len(self._tokens):
            raise ConversionError("the expression ends too early")
        self._at += 1
        return self._tokens[self._at - 1]

    def _peek(self) -> str:
        return self._tokens[self._at][1].lower() if self._at < len(self._tokens) else ""

    def _expect(self, sign: str) -> None:
        _, text, place = self._take()
        if text != sign:
            raise ConversionError(f"at {place}: {sign!r} is expected, not {text!r}")


def _joined(parts: list[str]) -> str:
    """Tokens with a space between, but none inside brackets or before a comma."""
    text = ""
    for part in parts:
        text += part if not text or text[-1] in "([" or part in ")],." else f" {part}"
    return text


def _split(expression: str) -> Iterable[tuple[str, str, int]]:
    place = 0
    while place < len(expression.rstrip()):
        match = _TOKEN.match(expression, place)
        if match is None:
            raise ConversionError(f"at {place + 1}: {expression[place:].strip()[:1]!r} is not understood")
        yield match.lastgroup or "", match[match.lastgroup or 0], match.start(match.lastgroup or 0) + 1
        place = match.end()
