"""Sections of RESULTS.md, written by the benchmarks themselves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

RESULTS = Path(__file__).resolve().parent / "RESULTS.md"
Titled = tuple[str, Sequence[str], Sequence[Sequence[str]]]


def put(heading: str, command: str, tables: Sequence[Titled], notes: Sequence[str] = ()) -> None:
    """Replace a section by tables (title, heads, rows), or append it; what is written by hand elsewhere stays."""
    lines = [heading, "", f"{command}.", ""]
    for title, head, rows in tables:
        lines += [f"{title}:", "", f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
        lines += [*(f"| {' | '.join(row)} |" for row in rows), ""]
    for note in notes:
        lines += [note, ""]
    text = RESULTS.read_text(encoding="utf-8")
    before, _, rest = text.partition(f"{heading}\n")
    after = rest[rest.index("\n## ") + 1 :] if "\n## " in rest else ""
    section = "\n".join([*lines, after] if after else lines)
    RESULTS.write_text(f"{before.rstrip()}\n\n{section}", encoding="utf-8")
