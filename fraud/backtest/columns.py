"""Simple conditions on whole columns at once, with exactly the meaning that CEL gives them.

Understood are comparisons, `in` with literals or a list, + - * / of numbers, and && || ! with brackets: what most rules
are made of. Anything else is left to CEL itself. All numbers here are doubles, whose arithmetic numpy shares with CEL:
no operation can fail, so that && and || need no order.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from fraud.decisions.deciding import CompiledRule
from fraud.decisions.tokens import Token, tokens_of
from fraud.decisions.variables import Variable

Columns = Mapping[str, pl.Series]
_COMPARED: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_SUMS = {"+": np.add, "-": np.subtract}
_PRODUCTS = {"*": np.multiply, "/": np.divide}


class NotSimple(Exception):
    """A condition has what is left to CEL."""


@dataclass(frozen=True)
class _Node:
    """A part of a condition: its kind ("number", "text", "boolean") and its values; a constant has one value."""

    kind: str
    values: Callable[[Columns], Any]


def simple(
    rule: CompiledRule, variables: Mapping[str, Variable], lists: Mapping[str, Collection[str]]
) -> Callable[[Columns], np.ndarray] | None:
    """Return the function from columns without nulls to whether a rule fires on each event; None if it is CEL's."""
    try:
        parser = _Parser(rule, variables, lists)
        node = parser.either()
        parser.end()
    except NotSimple:
        return None

    def values(columns: Columns) -> np.ndarray:
        size = len(next(iter(columns.values())))
        with np.errstate(all="ignore"):
            return np.broadcast_to(np.asarray(node.values(columns), dtype=bool), size)

    return values if node.kind == "boolean" and rule.needs else None


class _Parser:
    """Descends through CEL's grammar; the condition has been compiled, so that its syntax and types are right."""

    def __init__(
        self, rule: CompiledRule, variables: Mapping[str, Variable], lists: Mapping[str, Collection[str]]
    ) -> None:
        self._tokens, self._at = tokens_of(rule.text), 0
        self._variables, self._lists = variables, lists
        self._tests = {test.name: test for test in rule.memberships}

    def either(self) -> _Node:
        return self._joined("||", self._both, np.logical_or)

    def _both(self) -> _Node:
        return self._joined("&&", self._relation, np.logical_and)

    def _joined(self, sign: str, part: Callable[[], _Node], join: Callable[[Any, Any], Any]) -> _Node:
        node = part()
        while self._peek() == sign:
            self._at += 1
            node = _two(node, part(), join, "boolean")
        return node

    def _relation(self) -> _Node:
        node = self._sum()
        while self._peek() in _COMPARED or self._peek() == "in":
            sign = self._take().text
            if sign == "in":
                node = self._among(node)
                continue
            other = self._sum()
            # The order of texts is left to CEL.
            if node.kind != other.kind or (node.kind != "number" and sign not in ("==", "!=")):
                raise NotSimple
            node = _two(node, other, _COMPARED[sign], "boolean")
        return node

    def _among(self, node: _Node) -> _Node:
        self._expect("[")
        members = [self._take()]
        while self._peek() == ",":
            self._at += 1
            members.append(self._take())
        self._expect("]")
        read = {"number": _number, "text": _text}.get(node.kind)
        if read is None:
            raise NotSimple
        wanted = [read(member) for member in members]
        if node.kind == "number":
            return _Node("boolean", lambda columns: np.isin(node.values(columns), wanted))
        return _Node("boolean", lambda columns: _in(node.values(columns), wanted))

    def _sum(self) -> _Node:
        return self._calculated(_SUMS, self._product)

    def _product(self) -> _Node:
        return self._calculated(_PRODUCTS, self._unary)

    def _calculated(self, signs: Mapping[str, Callable[[Any, Any], Any]], part: Callable[[], _Node]) -> _Node:
        node = part()
        while self._peek() in signs:
            join = signs[self._take().text]
            other = part()
            if node.kind != "number" or other.kind != "number":
                raise NotSimple
            node = _two(node, other, join, "number")
        return node

    def _unary(self) -> _Node:
        sign = self._peek()
        if sign not in ("!", "-"):
            return self._primary()
        self._at += 1
        node = self._unary()
        if node.kind != ("boolean" if sign == "!" else "number"):
            raise NotSimple
        change = np.logical_not if sign == "!" else np.negative
        return _Node(node.kind, lambda columns: change(node.values(columns)))

    def _primary(self) -> _Node:
        token = self._take()
        if token.text == "(":
            node = self.either()
            self._expect(")")
            return node
        if token.kind == "number":
            number = _number(token)
            return _Node("number", lambda columns: np.float64(number))
        if token.kind == "text":
            text = _text(token)
            return _Node("text", lambda columns: text)
        if token.text in ("true", "false"):
            truth = token.text == "true"
            return _Node("boolean", lambda columns: truth)
        return self._name(token.text)

    def _name(self, name: str) -> _Node:
        test = self._tests.get(name)
        if test is not None:
            texts = list(self._lists[test.list])
            return _Node("boolean", lambda columns: _in(columns[test.variable], texts))
        # A dot or a bracket after a name is no plain variable.
        if name not in self._variables or self._peek() in (".", "(", "["):
            raise NotSimple
        kind = self._variables[name].type
        if kind == "text":
            return _Node(kind, lambda columns: columns[name])
        return _Node(kind, lambda columns: columns[name].to_numpy())

    def end(self) -> None:
        if self._at < len(self._tokens):
            raise NotSimple

    def _peek(self) -> str:
        return self._tokens[self._at].text if self._at < len(self._tokens) else ""

    def _take(self) -> Token:
        if self._at >= len(self._tokens):
            raise NotSimple
        self._at += 1
        return self._tokens[self._at - 1]

    def _expect(self, sign: str) -> None:
        if self._take().text != sign:
            raise NotSimple


def _two(one: _Node, other: _Node, join: Callable[[Any, Any], Any], kind: str) -> _Node:
    return _Node(kind, lambda columns: _plain(join(one.values(columns), other.values(columns))))


def _plain(values: Any) -> Any:
    return values.to_numpy() if isinstance(values, pl.Series) else values


def _in(values: pl.Series | str, texts: list[str]) -> Any:
    if isinstance(values, str):
        return values in texts
    return values.is_in(pl.Series(texts, dtype=pl.String).implode()).to_numpy()


def _number(token: Token) -> float:
    # CEL has whole numbers too, whose arithmetic is another.
    if token.kind != "number" or token.is_whole or token.text[:2].lower() == "0x" or token.text[-1] in "uU":
        raise NotSimple
    return float(token.text)


def _text(token: Token) -> str:
    text = token.text
    quoted = len(text) >= 2 and text[0] in "\"'" and text[0] == text[-1] and text[:3] not in ('"""', "'''")
    if token.kind != "text" or not quoted or "\\" in text:
        raise NotSimple
    return text[1:-1]
