"""What the values of a data set's columns look like."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import polars as pl

from fraud.cards import holds_card_number, is_card_number
from fraud.data.errors import DataError
from fraud.data.reading import find_files
from fraud.data.typed import allowed, typed
from fraud.event_types.limits import LONGEST_KEY

MOST_ROWS = 1_000_000
"""Of a longer file, about so many rows are looked at; different values are counted in all of it."""
MOST_LISTED = 60
"""A category has at most so many values."""
NEARLY_ALL = 0.98
_SAMPLE_OF_TEXTS = 5_000
_EMAIL = r"^[^@\s]+@[^@\s]+\.[^@\s]+$"
_IP = r"^(\d{1,3}\.){3}\d{1,3}$|^[0-9a-fA-F]{0,4}(:[0-9a-fA-F]{0,4}){2,7}$"
_DATE = r"^\d{4}-\d{2}-\d{2}$"
_PATTERNS = (
    "%d/%m/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%Y%m%d%H%M%S",
    "%d-%m-%Y %H:%M:%S",
    "%d-%m-%Y %H:%M",
    "%m/%d/%Y %I:%M:%S %p",
    "%m/%d/%Y %I:%M %p",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d.%m.%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%Y/%m/%d",
)
# 2001 to 2096 in each unit: narrower than any other number is likely to be.
_EPOCHS = {"epoch_seconds": 1e9, "epoch_milliseconds": 1e12, "epoch_microseconds": 1e15}


@dataclass(frozen=True)
class Facts:
    """A column of the rows looked at.

    `form` is "number", "boolean", "time", "date", "email", "ip", "text" or "other" (lists, durations and the like,
    which nothing can be made of). `values` is typed by it, null where there is none; `raw` is as the file has it.
    `unique` counts the different values of the whole file, `different` has them (as in the file) if they are at most
    MOST_LISTED; `missing` is a share of the rows looked at. `time_format` is that of times, and of numbers that may be
    times ("" for other numbers).
    """

    name: str
    form: str
    raw: pl.Series
    values: pl.Series
    unique: int
    different: pl.Series
    rows: int
    missing: float
    integer: bool = False
    time_format: str = "iso"

    @property
    def repetition(self) -> float:
        """Rows of the file for each different value."""
        return self.rows * (1 - self.missing) / max(self.unique, 1)

    @cached_property
    def texts(self) -> pl.Series:
        """The values as keys and categories read them."""
        return _typed(self.raw, "key")[0]

    @property
    def different_texts(self) -> list[str]:
        """The different values as keys and categories read them; empty if they are more than MOST_LISTED."""
        return _typed(self.different, "key")[0].drop_nulls().unique().sort().to_list()

    @property
    def may_be_date(self) -> bool:
        """Whether each value can be read as a calendar date."""
        if not allowed(self.raw.dtype, "date", "iso"):
            return False
        return not _typed(self.raw, "date")[1].any()

    def listed(self) -> list[str]:
        """Return the different values as texts, in order; empty if they are many, long, or too rare to be classes."""
        if not 0 < self.unique <= MOST_LISTED or self.repetition < 2:
            return []
        found = self.different_texts
        if max(map(len, found), default=LONGEST_KEY + 1) > LONGEST_KEY:
            return []
        whole = all(value.lstrip("-").isdecimal() for value in found)
        return sorted(found, key=lambda value: (int(value), value)) if whole else found

    @cached_property
    def card_numbers(self) -> tuple[float, float]:
        """Shares of the values that are card numbers, and that hold one somewhere."""
        if self.form not in ("text", "number") or (self.form == "number" and not self.integer):
            return 0.0, 0.0
        texts = self.texts.drop_nulls().unique().sort().gather_every(max(1, self.unique // _SAMPLE_OF_TEXTS)).to_list()
        if not texts:
            return 0.0, 0.0
        cards = sum(is_card_number(text.replace(" ", "").replace("-", "")) for text in texts)
        return cards / len(texts), sum(map(holds_card_number, texts)) / len(texts)


def read(path: Path) -> dict[str, Facts]:
    """Return the facts of the columns of a file, or of a folder of files. Raises DataError if there is nothing."""
    files = find_files([path])
    for file in files:
        if file.stat().st_size == 0:
            raise DataError(f"{file.name}: the file is empty (0 bytes)")
    kinds = {file.name.lower().endswith((".parquet", ".pq")) for file in files}
    if len(kinds) > 1:
        raise DataError(f"{path}: parquet and CSV files side by side; name one file, or a folder of one kind")
    try:
        if kinds == {True}:
            frame = pl.scan_parquet(files, hive_partitioning=False)
        else:
            frame = pl.scan_csv(files, infer_schema=False)
        names = frame.collect_schema().names()
        if len(names) == 1 and any(mark in names[0] for mark in ";\t|"):
            raise DataError(f"{path.name}: one column, {names[0]!r}: columns must be separated by commas")
        rows = frame.select(pl.len()).collect().item()
        if not rows:
            raise DataError(f"{path.name}: the file has columns but no row")
        sample = frame if rows <= MOST_ROWS else _sampled(frame, -(-rows // MOST_ROWS))
        sample = sample.collect(engine="streaming")
        unique = _different(sample.lazy() if len(sample) == rows else frame, sample)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(f"{path.name}: cannot be read: {(str(error).splitlines() or [''])[0]}") from None
    return {name: _facts(sample[name], *unique[name], rows) for name in names}


def _sampled(frame: pl.LazyFrame, step: int) -> pl.LazyFrame:
    """One row of so many, spread by chance (the same each time): whatever repeats in a rhythm is still seen."""
    number = "__number"
    return frame.with_row_index(number).filter(pl.col(number).hash(0) % step == 0).drop(number)


def _different(frame: pl.LazyFrame, sample: pl.DataFrame) -> dict[str, tuple[int, pl.Series]]:
    """How many different values each column of a frame has, missing ones apart, and which, where they are few."""
    names = [name for name in sample.columns if not _is_other(sample[name].dtype)]
    counts = frame.select([pl.col(name).drop_nulls().n_unique() for name in names]).collect(engine="streaming").row(0)
    found = {name: (0, sample[name].clear()) for name in sample.columns}
    found |= {name: (count, sample[name].clear()) for name, count in zip(names, counts, strict=True)}
    few = [name for name in names if found[name][0] <= MOST_LISTED]
    wanted = [frame.select(pl.col(name).drop_nulls().unique()) for name in few]
    for name, values in zip(few, pl.collect_all(wanted, engine="streaming"), strict=True):
        found[name] = (found[name][0], values.to_series())
    return found


def _is_other(kind: pl.DataType) -> bool:
    is_time = kind == pl.Date or isinstance(kind, pl.Datetime)
    return kind.is_nested() or kind in (pl.Binary, pl.Null, pl.Object) or (kind.is_temporal() and not is_time)


def _facts(raw: pl.Series, unique: int, different: pl.Series, rows: int) -> Facts:
    def made(form: str, values: pl.Series, **more: object) -> Facts:
        missing = values.null_count() / len(values)
        return Facts(raw.name, form, raw, values, unique, different, rows, missing, **more)

    kind = raw.dtype
    if _is_other(kind):
        return made("other", pl.Series(raw.name, [None] * len(raw), dtype=pl.String))
    if kind == pl.Boolean:
        return made("boolean", raw)
    if kind == pl.Date:
        return made("date", raw.cast(pl.Datetime("us")))
    if kind.is_temporal():
        return made("time", _typed(raw, "time")[0])
    if kind.is_numeric():
        return _numeric(made, raw)
    return _textual(made, raw)


def _numeric(made, raw: pl.Series) -> Facts:
    values = _typed(raw, "number")[0]
    there = values.drop_nulls()
    integer = bool(len(there)) and bool((there == there.round()).all())
    form = ""
    for name, least in _EPOCHS.items():
        if len(there) and there.min() >= least and there.max() < 4 * least:
            form = name
    return made("number", values, integer=integer, time_format=form)


def _textual(made, raw: pl.Series) -> Facts:
    text = raw.cast(pl.String).str.strip_chars()
    text = pl.select(pl.when(text != "").then(text).otherwise(None)).to_series().alias(raw.name)
    there = text.drop_nulls()
    if not len(there):
        return made("text", text)
    number, unreadable = _typed(raw, "number")
    # Leading zeros belong to codes, never to numbers.
    if not unreadable.any() and number.drop_nulls().len() and not there.str.contains(r"^-?0\d").any():
        return _numeric(made, raw)
    boolean, unreadable = _typed(raw, "boolean")
    if not unreadable.any() and boolean.n_unique() <= 3:
        return made("boolean", boolean)
    for form, pattern in (("email", _EMAIL), ("ip", _IP)):
        if there.str.contains(pattern).mean() >= NEARLY_ALL:
            return made(form, text)
    if there.str.contains(_DATE).mean() >= NEARLY_ALL and not _typed(raw, "date")[1].any():
        return made("date", _typed(raw, "time")[0])
    if there.head(1_000).str.contains(r"\d").mean() >= NEARLY_ALL:
        # A format that reads every value wins over one that reads nearly all: days and months look alike.
        formats = sorted(("iso", *_PATTERNS), key=lambda form: -_readable(there.head(1_000), form))
        times = _typed(raw, "time", formats[0])[0]
        if times.drop_nulls().len() >= NEARLY_ALL * len(there):
            best = max(formats[:2], key=lambda form: _readable(there, form))
            return made("time", _typed(raw, "time", best)[0], time_format=best)
    return made("text", text)


def _readable(texts: pl.Series, form: str) -> float:
    return _typed(texts, "time", form)[0].drop_nulls().len() / len(texts)


def _typed(raw: pl.Series, kind: str, form: str = "iso") -> tuple[pl.Series, pl.Series]:
    """Values as the platform reads them from files, and where they cannot be read."""
    read_as = typed(raw.name, raw.dtype, kind, form)
    frame = raw.to_frame().select(read_as.values.alias("values"), read_as.unreadable.alias("unreadable"))
    return frame["values"].alias(raw.name), frame["unreadable"]
