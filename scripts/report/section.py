"""The parts a report is composed of; every text is escaped when the page is made."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Picture:
    """An inline SVG with its caption; ``half`` or ``full`` width."""

    caption: str
    svg: str
    width: str = "half"


@dataclass(frozen=True)
class Table:
    """Rows of texts. numeric: columns aligned right; marked: rows set off; kind: plain, pairs or dense."""

    rows: Sequence[Sequence[object]]
    heads: Sequence[str] = ()
    numeric: frozenset[int] = frozenset()
    marked: frozenset[int] = frozenset()
    caption: str = ""
    kind: str = "plain"


@dataclass(frozen=True)
class Section:
    """A titled part of the page, or, with ``missing``, the reason why it has been left out.

    beside: its tables stand beside its picture instead of below.
    """

    id: str
    title: str
    missing: str = ""
    texts: Sequence[str] = ()
    lists: Sequence[Sequence[str]] = ()
    pictures: Sequence[Picture] = ()
    tables: Sequence[Table] = ()
    notes: Sequence[str] = ()
    beside: bool = False


def pairs(values: dict[str, object], caption: str = "") -> Table:
    """A table of names and values."""
    return Table([(name, value) for name, value in values.items()], caption=caption, kind="pairs")
