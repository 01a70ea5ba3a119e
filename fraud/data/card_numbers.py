"""Raw card numbers in files, found before a file leaves the operator's machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from fraud.cards import SMALLEST, find_card_number, holds_card_number
from fraud.data.reading import opened
from fraud.event_types.model import EventType

MOST_JUDGED = 200_000
"""Different values of a column that are looked at."""
_DIGITS = r"(?:\d[^\dA-Za-z]*){13}"
_REMEDY = "replace card numbers by tokens, see 'Card numbers' in docs/event-types.md; nothing was uploaded"


def card_number_faults(files: Sequence[Path], event_type: EventType) -> list[str]:
    """Return a sentence for each column of each file that holds card numbers; it repeats none.

    Every column is looked at, those that the event type leaves out as well, because files are stored as they are.
    Times are not. One number in ten passes the check of card numbers by chance: a column is at fault where more of
    its long numbers do than chance explains. Raises DataError for a file that cannot be opened.
    """
    times = {event_type.timestamp, event_type.arrival, event_type.label_known_at}
    return [fault for file in files for fault in _of_file(file, times)]


def _of_file(file: Path, times: set[str | None]) -> Iterator[str]:
    if holds_card_number(file.name):
        yield f"a file's name holds a card number; {_REMEDY}"
        return
    frame, schema = opened(file)
    for position, (name, kind) in enumerate(schema.items(), 1):
        if holds_card_number(name):
            yield f"{file.name}: the name of column {position} holds a card number; {_REMEDY}"
        elif name not in times and (column := _suspects(name, kind)) is not None:
            found = frame.select(column).with_row_index().drop_nulls().unique(name, keep="first", maintain_order=True)
            suspects = found.head(MOST_JUDGED).collect()
            rows = [row for row, value in suspects.rows() if find_card_number([_listed(value)]) is not None]
            # Of nested values it is not known how many were long enough.
            if _more_than_chance(len(rows), len(rows) if kind.is_nested() else len(suspects)):
                yield (
                    f"{file.name}: column {name}: {len(rows):,} value(s) look like card numbers, the first in row "
                    f"{rows[0] + 1}; {_REMEDY}"
                )


def _suspects(name: str, kind: pl.DataType) -> pl.Expr | None:
    """The column's values that are long enough to be card numbers, others null; None where none can be."""
    column = pl.col(name)
    if kind.is_numeric():
        return pl.when(column.cast(pl.Float64).abs() >= SMALLEST).then(column)
    if kind in (pl.String, pl.Categorical, pl.Enum):
        text = column.cast(pl.String)
        return pl.when(text.str.contains(_DIGITS)).then(text)
    return column if kind.is_nested() else None


def _listed(value: Any) -> Any:
    return value.to_list() if isinstance(value, pl.Series) else value


def _more_than_chance(cards: int, suspects: int) -> bool:
    # Six standard deviations above one in ten.
    return cards > suspects / 2 or cards > suspects / 10 + 6 * (0.09 * suspects) ** 0.5
