"""Bias: what the model does to segments of events, and which metric moved away from parity."""

from __future__ import annotations

from typing import Any

from training_code.monitoring.report import history, svg
from training_code.monitoring.report.section import Findings, Picture, Run, Section, Table
from training_code.monitoring.report.words import counted, listed, number, percent

MOST_SEGMENTS = 14
_RATES = (
    ("selection_rate", "others_selection_rate", "Alerts", "the share of events that alert"),
    ("false_positive_rate", "others_false_positive_rate", "False alarms", "the share of genuine events that alert"),
    ("true_positive_rate", "others_true_positive_rate", "Fraud found", "the share of frauds that alert"),
)
_FEW = 30
_SMALL = 0.01


def findings(run: Run) -> Findings:
    """Return what segments have to say."""
    segments = (run.documents.get("segments.json") or {}).get("segments", [])
    analysis = run.documents.get("analysis.json") or {}
    worse = {(v["facet"], v["facet_value"], v["metric_name"]): v for v in run.violations}
    sections = [
        *_pictures(segments),
        *history.over_time(run, [("widest_false_positive_gap", "Widest gap of false alarms", None)]),
        _rates(segments),
        *_metrics(analysis, run.constraints or {}, worse),
    ]
    material = _material(run)
    return Findings(_changed(run, segments, material), _advice(segments, material), sections)


def _material(run: Run) -> dict[tuple[str, str], list[str]]:
    """Metrics by segment that are in violation by more than what is worth a word."""
    from fraud.monitoring.bias import STAGES, bias_values

    worse = {(v["facet"], v["facet_value"], v["metric_name"]) for v in run.violations}
    found: dict[tuple[str, str], list[str]] = {}
    for stage in STAGES:
        before = {tuple(key): value for *key, value in bias_values(run.constraints or {}, stage)}
        for facet, segment, name, value in bias_values(run.documents.get("analysis.json") or {}, stage):
            key = (facet, segment, name)
            if key in worse and not abs(value - before[key]) < _SMALL:
                found.setdefault((facet, segment), []).append(name)
    return found


def _changed(run: Run, segments: list[dict[str, Any]], material: dict[tuple[str, str], list[str]]) -> list[str]:
    texts = []
    for (facet, value), names in material.items():
        row = next((s for s in segments if (s["facet"], s["value"]) == (facet, value)), None)
        texts.append(f"{facet} = {value}: {listed(names, 8)} moved away from parity.{_plainly(row)}")
    small = len(run.violations) - sum(map(len, material.values()))
    if small:
        texts.append(f"{counted(small, 'violation')} by less than {_SMALL}, too little to act on.")
    return [*texts[:8], *texts[8:][-1:]]


def _plainly(row: dict[str, Any] | None) -> str:
    if row is None or row.get("false_positive_rate") is None or row.get("others_false_positive_rate") is None:
        return ""
    return (
        f" Of its genuine events {percent(row['false_positive_rate'])} alert, of all others "
        f"{percent(row['others_false_positive_rate'])}."
    )


def _advice(segments: list[dict[str, Any]], material: dict[tuple[str, str], list[str]]) -> list[str]:
    if not material:
        text = "Nothing to do: no segment is noticeably farther from parity than at the baseline."
        return [text] if segments else []
    texts = [
        "Look first at the false alarms: they are what a segment's genuine customers feel. If fraud truly differs "
        "between segments, alerts will too; if it does not, look for a column that stands in for the segment."
    ]
    few = [f"{s['facet']} = {s['value']}" for s in segments if s["positives"] < _FEW]
    if few:
        texts.append(
            f"Segments with fewer than {_FEW} frauds move by chance: {listed(few)}. Wait for more labels before acting."
        )
    texts.append("If the gap stays over several runs, retrain on recent data and compare the segments again.")
    return texts


def _pictures(segments: list[dict[str, Any]]) -> list[Section]:
    pictures = []
    for name, others, title, meaning in _RATES:
        known = [s for s in segments if s.get(name) is not None and s.get(others) is not None]
        known.sort(key=lambda s: -abs(s[name] - s[others]))
        rows = [(f"{s['facet']} = {s['value']}", s[others], s[name]) for s in known[:MOST_SEGMENTS]]
        if rows:
            note = f"{meaning[0].upper()}{meaning[1:]}."
            pictures.append(Picture(title, svg.bars(rows, as_percent=True), note))
    legend = ("all others", "the segment")
    return [Section("Segments, widest gap first", pictures=pictures, legend=legend)] if pictures else []


def _rates(segments: list[dict[str, Any]]) -> Section:
    rows = [
        (
            f"{s['facet']} = {s['value']}",
            f"{s['rows']:,}",
            f"{s['positives']:,}",
            *(percent(s.get(n)) for n in ("positive_rate", "selection_rate", "true_positive_rate")),
            *(percent(s.get(n)) for n in ("false_positive_rate", "precision")),
        )
        for s in segments
    ]
    heads = ("segment", "events", "frauds", "fraud rate", "alerts", "fraud found", "false alarms", "precision")
    text = f"{counted(len(segments), 'segment')}, each against all other events."
    return Section("All segments", [text], tables=[Table(heads, rows, frozenset(range(1, 8)))])


def _metrics(analysis: dict[str, Any], baseline: dict[str, Any], worse: dict) -> list[Section]:
    from fraud.monitoring.bias import STAGES, bias_values

    tables = []
    for stage, title in STAGES.items():
        before = {(facet, segment, name): value for facet, segment, name, value in bias_values(baseline, stage)}
        rows, marked = [], set()
        for facet, segment, name, value in bias_values(analysis, stage):
            if (facet, segment, name) in worse:
                marked.add(len(rows))
            rows.append((f"{facet} = {segment}", name, number(value), number(before.get((facet, segment, name)))))
        if rows:
            heads = ("segment", "metric", "value", "allowed")
            tables.append(Table(heads, rows, frozenset({2, 3}), frozenset(marked), f"{title} metrics"))
    note = "Fairness is 0, and 1 for disparate impact (DI). Marked: farther from it than the baseline's constraints."
    return [Section("Clarify's metrics", tables=tables, notes=[note])] if tables else []
