"""Values of earlier runs, from their run.json, with this run's at the end."""

from __future__ import annotations

from collections.abc import Sequence

from training_code.monitoring.report import svg
from training_code.monitoring.report.section import Picture, Run, Section
from training_code.monitoring.report.words import counted, number

MOST_RUNS = 60


def over_time(run: Run, names: Sequence[tuple[str, str, float | None]]) -> list[Section]:
    """Return the section of (headline's key, title, limit or None); none without earlier runs."""
    runs = [*sorted(run.history, key=_end), run.summary][-MOST_RUNS:]
    if len(runs) < 2:
        return []
    labels = [(_end(each) or "this run")[:16].replace("T", " ") for each in runs]
    pictures = []
    for key, title, limit in names:
        values = [_number(each.get("headline", {}).get(key)) for each in runs]
        if sum(value is not None for value in values) > 1:
            note = f"Now {number(values[-1])}" + (f", limit {number(limit)}." if limit is not None else ".")
            pictures.append(Picture(title, svg.over_time(values, labels, limit), note))
    counts = [float(each.get("violations", 0)) for each in runs]
    pictures.append(Picture("Violations", svg.over_time(counts, labels), f"Now {int(counts[-1])}."))
    empty = sum(each.get("status") == "NoData" for each in runs)
    notes = [f"{counted(empty, 'run')} had no data."] if empty else []
    return [Section("Over time", [f"The last {len(runs)} runs of this schedule."], pictures, notes=notes, legend=None)]


def _end(run: dict) -> str:
    return (run.get("window") or {}).get("end") or ""


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
