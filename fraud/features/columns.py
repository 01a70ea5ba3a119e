"""Arrays of numbers as bytes: the building block of stored profiles."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence
from struct import Struct, error

_LENGTH = Struct("<H")
_SIZES = {code: array(code).itemsize for code in "BiIqd"}
MOST_ROWS = 65_535
# Profiles are little-endian wherever they are written; Lambda's and everyone's processors are.
_SWAPPED = sys.byteorder == "big"


class ProfileError(ValueError):
    """A stored profile cannot be read: it is damaged, or of another layout."""


def columns_of(codes: str) -> list[array]:
    """Return empty columns; `codes` is an array code for each."""
    return [array(code) for code in codes]


def pack(columns: Sequence[array]) -> bytes:
    """Return equally long columns as bytes."""
    rows = len(columns[0])
    if rows > MOST_ROWS:
        # Sliding profiles alone can grow so far: 65,535 events of one entity within its longest window.
        raise ProfileError(f"{rows} rows are more than a profile holds ({MOST_ROWS}): use bucketed windows")
    if _SWAPPED:
        columns = [array(column.typecode, column) for column in columns]
        for column in columns:
            column.byteswap()
    return _LENGTH.pack(rows) + b"".join(columns)


class Reader:
    """Reads what `pack` wrote, piece after piece."""

    def __init__(self, content: bytes, offset: int = 0) -> None:
        self.content, self.offset = content, offset

    def columns(self, codes: str) -> list[array]:
        """Return the columns of the next piece."""
        try:
            (rows,) = _LENGTH.unpack_from(self.content, self.offset)
        except error as reason:
            raise ProfileError(f"a stored profile is damaged: {reason}") from None
        self.offset += _LENGTH.size
        if not rows:
            return columns_of(codes)
        return [self._column(code, rows * _SIZES[code]) for code in codes]

    def _column(self, code: str, size: int) -> array:
        start, self.offset = self.offset, self.offset + size
        if self.offset > len(self.content):
            raise ProfileError(f"a stored profile is damaged: its {len(self.content)} bytes are too few")
        column = array(code, self.content[start : self.offset])
        if _SWAPPED:
            column.byteswap()
        return column
