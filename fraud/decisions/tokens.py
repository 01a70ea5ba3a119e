"""The tokens of a condition, with their places: enough to find names and numbers; CEL itself parses."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_TOKEN = re.compile(
    r"""(?P<text>[rRbB]{0,2}(?:\"\"\".*?\"\"\"|'''.*?'''|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'))
      | (?P<number>0x[0-9a-fA-F]+u?|[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?u?|\.[0-9]+(?:[eE][+-]?[0-9]+)?)
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<comment>//[^\n]*)
      | (?P<sign>&&|\|\||[<>=!]=|[^\sA-Za-z0-9_])""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True)
class Token:
    """A piece of a condition: its text, kind, and place (line and column from 1; `end` as an offset from 0)."""

    text: str
    kind: str
    line: int
    column: int
    end: int
    is_name: bool

    @property
    def is_whole(self) -> bool:
        """Whether it is a whole number that could be written as a double."""
        return self.kind == "number" and self.text.isdigit()


@lru_cache(1024)
def tokens_of(text: str) -> list[Token]:
    """Return the tokens of a condition, comments left out; `is_name` is false for what follows a dot."""
    tokens: list[Token] = []
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or ""
        if kind == "comment":
            continue
        line = text.count("\n", 0, match.start()) + 1
        # CEL says where a binary operator or a name starts, and for `in` likewise.
        column = match.start() - (text.rfind("\n", 0, match.start()) + 1) + 1
        is_name = kind == "name" and not (tokens and tokens[-1].text == ".")
        tokens.append(Token(match[0], kind, line, column, match.end(), is_name))
    return tokens
