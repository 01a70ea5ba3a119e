"""The parts of a report's page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Picture:
    """An inline SVG with what it shows; `note` is a sentence below it, `marked` draws attention to it."""

    caption: str
    svg: str
    note: str = ""
    marked: bool = False


@dataclass(frozen=True)
class Table:
    """Rows of texts; `numeric` columns are aligned to the right, `marked` rows stand out."""

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: frozenset[int] = frozenset()
    marked: frozenset[int] = frozenset()
    caption: str = ""


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it, in this order; `legend` says what the pictures' two colours are."""

    title: str
    texts: Sequence[str] = ()
    pictures: Sequence[Picture] = ()
    tables: Sequence[Table] = ()
    notes: Sequence[str] = ()
    legend: tuple[str, str] | None = ("baseline", "this run")

    @property
    def anchor(self) -> str:
        """The id that links point to."""
        return "-".join("".join(c if c.isalnum() else " " for c in self.title.lower()).split())


@dataclass(frozen=True)
class Findings:
    """What a kind of monitoring has to say: what changed, what to do about it, and the pictures and tables of it."""

    changed: Sequence[str] = ()
    advice: Sequence[str] = ()
    sections: Sequence[Section] = field(default_factory=tuple)


@dataclass(frozen=True)
class Run:
    """What a report is made of: run.json, the run's documents by file name, the baseline's, and earlier runs."""

    summary: dict[str, Any]
    documents: dict[str, Any]
    constraints: dict[str, Any] | None
    statistics: dict[str, Any] | None
    history: Sequence[dict[str, Any]] = ()

    @property
    def violations(self) -> list[dict[str, Any]]:
        """The violations of constraint_violations.json."""
        return list(self.documents.get("constraint_violations.json", {}).get("violations", []))
