"""Feature attribution: what the model's scores rest on, now and at the baseline."""

from __future__ import annotations

from training_code.monitoring.report import history, svg
from training_code.monitoring.report.section import Findings, Picture, Run, Section, Table
from training_code.monitoring.report.words import counted, number, percent

MOST_BARS = 15
_THRESHOLD = 0.9


def findings(run: Run) -> Findings:
    """Return what attributions have to say."""
    now = _shares(run.documents.get("analysis.json"))
    before = _shares(run.constraints)
    if not now:
        return Findings()
    order = sorted({*now, *before}, key=lambda name: -max(now.get(name, 0), before.get(name, 0)))
    rows = [(name, before.get(name), now.get(name)) for name in order[:MOST_BARS]]
    text = (
        "Each feature's share of the absolute contributions to the score (SHAP values, in log-odds). First bar: the "
        "baseline; second: this run."
    )
    picture = Picture("Attributions", svg.bars(rows, as_percent=True))
    sections = [
        Section("What the scores rest on", [text], [picture]),
        *history.over_time(run, [("ndcg", "nDCG of the ranking", _THRESHOLD)]),
        _table(now, before, order),
    ]
    return Findings(_changed(run, now, before), _advice(run), sections)


def _shares(document: dict | None) -> dict[str, float]:
    from fraud.monitoring.attribution import attributions

    try:
        values = next(iter(attributions(document or {}).values()))
    except ValueError:
        return {}
    total = sum(map(abs, values.values())) or 1.0
    return {name: abs(value) / total for name, value in values.items()}


def _ranks(shares: dict[str, float]) -> dict[str, int]:
    return {name: place for place, name in enumerate(sorted(shares, key=lambda name: -shares[name]), 1)}


def _changed(run: Run, now: dict[str, float], before: dict[str, float]) -> list[str]:
    if not before:
        return []
    old, new = _ranks(before), _ranks(now)
    texts = []
    if run.violations:
        texts.append(
            f"The ranking of features has moved: nDCG {number(run.summary['headline'].get('ndcg'))}, "
            f"the limit is {_THRESHOLD}."
        )
    moved = sorted(now, key=lambda name: -abs(now[name] - before.get(name, 0.0)))[:3]
    for name in moved:
        if abs(now[name] - before.get(name, 0.0)) >= 0.02:
            texts.append(
                f"{name} carries {percent(now[name])} of the score's weight (rank {new[name]}), it was "
                f"{percent(before.get(name, 0.0))} (rank {old.get(name, '–')})."
            )
    return texts


def _advice(run: Run) -> list[str]:
    if not run.violations:
        return ["Nothing to do: the scores rest on the same features as at the baseline."] if run.constraints else []
    return [
        "Open the data-quality report of the same window: a feature that gained or lost weight has mostly changed "
        "itself, or has begun to be missing.",
        "If its values are right, the population has changed: compare quality by the labels, and retrain.",
    ]


def _table(now: dict[str, float], before: dict[str, float], order: list[str]) -> Section:
    old, new = _ranks(before), _ranks(now)
    rows, marked = [], set()
    for name in order:
        if name in old and name in new and abs(old[name] - new[name]) >= 5:
            marked.add(len(rows))
        rows.append(
            (name, percent(before.get(name)), percent(now.get(name)), str(old.get(name, "–")), str(new.get(name, "–")))
        )
    heads = ("feature", "share before", "now", "rank before", "now")
    text = f"{counted(len(order), 'feature')}. Marked: five ranks or more apart."
    return Section("All features", [text], tables=[Table(heads, rows, frozenset({1, 2, 3, 4}), frozenset(marked))])
