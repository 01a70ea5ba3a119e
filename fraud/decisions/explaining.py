"""What the type checker and the parser of CEL say, in words that an analyst can act upon."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection

_UNDECLARED = re.compile(r"undeclared reference to '([^']*)'")
_OVERLOAD = re.compile(r"found no matching overload for '([^']*)' applied to '(.*)'$")
_ENDS = re.compile(r"Syntax error: .*input '<EOF>'")
_WORD = re.compile(r"Syntax error: .*input '(and|or|not|AND|OR|NOT)'")
_ASSIGNMENT = re.compile(r"Syntax error: token recognition error at: '=[^=]*'$")
_EXPECTING = re.compile(r"Syntax error: (.*?) expecting .*", re.DOTALL)
_KINDS = {"double": "a number", "int": "a whole number", "string": "a text", "bool": "true or false"}
_NUMBERS = {"a number", "a whole number", "list(int)", "list(double)"}
_SIGNS = {"and": "&&", "or": "||", "not": "!"}


def explain(message: str, names: Collection[str], is_call: bool) -> str:
    """Return an error of CEL in plain words; `names` are those that exist, `is_call` says that a bracket follows."""
    unknown = _UNDECLARED.search(message)
    if unknown:
        return _unknown(unknown[1], names, is_call)
    overload = _OVERLOAD.search(message.strip())
    if overload:
        return _wrong_types(overload[1], overload[2])
    if _ENDS.search(message):
        return "the condition ends too early"
    word = _WORD.search(message)
    if word:
        return f"write {_SIGNS[word[1].lower()]} in place of {word[1]!r}"
    if _ASSIGNMENT.search(message):
        return "write == to compare"
    message = _EXPECTING.sub(r"\1 is not understood here", message.replace("(in container '')", "").strip())
    return message.removeprefix("Syntax error: ")


def _unknown(name: str, names: Collection[str], is_call: bool) -> str:
    if is_call:
        return f"there is no function {name!r}"
    close = difflib.get_close_matches(name, names, 3) or [
        other for other in names if other.lower() == name.lower() != other
    ]
    return f"there is no variable {name!r}" + (f"; did you mean {' or '.join(close)}?" if close else "")


def _wrong_types(function: str, types: str) -> str:
    sign = function.replace("_", "").removeprefix("@")
    found = [_KINDS.get(kind.strip(), kind.strip()) for kind in re.split(r", (?![^(<]*[)>])", types[1:-1])]
    text = f"{sign!r} cannot be applied to {' and '.join(found)}"
    kinds = set(found)
    if "a text" in kinds and kinds & _NUMBERS:
        return f"{text}: put texts (identifiers too) in quotes, or convert them by double(...)"
    if kinds == {"a number"} and sign == "%":
        return f"{text}: write int(...) around both"
    return f"{text}: convert one by double(...)" if kinds == {"a number", "a whole number"} else text
