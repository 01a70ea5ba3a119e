"""Data quality: which columns changed, the score first, with their distributions laid over the baseline's."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from training_code.monitoring.report import distributions, history
from training_code.monitoring.report.section import Findings, Picture, Run, Section, Table
from training_code.monitoring.report.words import counted, listed, number, percent

MOST_PICTURES, MOST_ROWS = 24, 300
_TAIL = 0.99
_VISIBLE_GAP = 0.02
_ADVICE = {
    "data_type_check": "Values of another type reach the model as missing ones. Find the client that sends them: "
    "{names}.",
    "completeness_check": "More values are missing than in the baseline: {names}. Check the source that they come from "
    "before anything else; retraining would teach the model the gap.",
    "missing_column_check": "Columns that the model expects are not sent: {names}. Requests must hold the model's "
    "features in its order.",
    "extra_column_check": "More columns come than the model knows: {names}. Compare the client's event type with the "
    "deployed model's.",
    "categorical_values_check": "Values appeared that the baseline does not have: {names}. If they are genuine, "
    "retrain; if not, correct the client.",
    "non_negative_check": "Values that were never negative are now: {names}. Look for refunds, or a sign that turned.",
}
_DRIFT = (
    "The population moved in {names}. If that is a known change (a campaign, a season, a new country), watch the "
    "quality report; if precision or recall fell too, retrain on recent data (python -m scripts.retrain)."
)
_SCORE = (
    "The model's own answers moved, so the number of alerts at fixed thresholds moves with them. Check the alert "
    "volume of your rules, and whether one of the columns below explains it."
)


def findings(run: Run) -> Findings:
    """Return what the columns have to say."""
    drift = run.documents.get("drift.json") or {}
    now, before = (distributions.by_name(s) for s in (run.documents.get("statistics.json"), run.statistics))
    psi = {feature["name"]: feature for feature in drift.get("features", [])}
    score = drift.get("score")
    kinds: dict[str, list[str]] = defaultdict(list)
    for violation in [*run.violations, *drift.get("violations", [])]:
        kinds[violation["constraint_check_type"]].append(violation["feature_name"])
    # AWS's violations of columns count them; a reader wants their names.
    known = [feature["name"] for feature in (run.constraints or {}).get("features", [])]
    for kind, names in (
        ("missing_column_check", [name for name in known if name not in now]),
        ("extra_column_check", [name for name in now if name not in known]),
    ):
        if run.violations and run.constraints is not None and names:
            kinds[kind] = names
    marked = {name for names in kinds.values() for name in names}
    order = sorted(now, key=lambda name: (name not in marked, -psi.get(name, {}).get("psi", 0.0)))
    sections = []
    if score is not None:
        sections.append(_score_section(score, before, now, drift["threshold"]))
        psi[score["name"]] = score
    if run.constraints is None:
        sections.append(_table(order, psi, before, now, marked))
        return Findings((), (), sections)
    sections += [
        _columns_section([name for name in order if score is None or name != score["name"]], psi, before, now, marked),
        *history.over_time(
            run,
            [
                ("score_psi", "Score: population stability index", drift.get("threshold")),
                ("largest_psi", "Most changed column: population stability index", drift.get("threshold")),
                ("largest_drift", "Most drifted column: distance", 0.1),
            ],
        ),
        _table(order, psi, before, now, marked),
    ]
    return Findings(_changed(score, kinds, psi, before, now), _advice(score, kinds), sections)


def _changed(
    score: dict[str, Any] | None, kinds: dict[str, list[str]], psi: dict, before: dict, now: dict
) -> list[str]:
    texts = []
    if score is not None and score["unstable"]:
        texts.append(f"The score's distribution changed (PSI {number(score['psi'])}). {_tail(score, before, now)}")
    moved = [name for name in dict.fromkeys(kinds["psi_check"] + kinds["baseline_drift_check"])]
    moved = [name for name in moved if score is None or name != score["name"]]
    for name in sorted(moved, key=lambda name: -psi.get(name, {}).get("psi", 0.0))[:5]:
        texts.append(_movement(name, psi.get(name), before.get(name), now.get(name)))
    if len(moved) > 5:
        texts.append(f"{counted(len(moved) - 5, 'more column')} moved.")
    for kind, phrase in (
        ("missing_column_check", "no longer sent"),
        ("extra_column_check", "sent though the baseline does not know them"),
        ("completeness_check", "missing more often than before"),
        ("data_type_check", "of another type than before"),
        ("categorical_values_check", "with values that are new"),
        ("non_negative_check", "negative, which they never were"),
    ):
        if kinds[kind]:
            texts.append(f"{counted(len(kinds[kind]), 'column')} {phrase}: {listed(kinds[kind], 6)}.")
    return texts


def _movement(name: str, found: dict[str, Any] | None, before: dict | None, now: dict | None) -> str:
    old, new = distributions.body(before), distributions.body(now)
    index = f" (PSI {number(found['psi'])})" if found else ""
    gap = _gap(before or {}, now or {})
    if gap:
        return f"{name}{index}:{gap.lower()}"
    if "mean" in old and "mean" in new:
        return f"{name}{index}: the mean went from {number(old['mean'])} to {number(new['mean'])}."
    return f"{name}{index}: its categories have other shares."


def _gap(before: dict, now: dict) -> str:
    """How often values are missing, where that changed."""
    shares = [1 - distributions.body(side).get("completeness", 1.0) for side in (before, now)]
    if abs(shares[1] - shares[0]) < _VISIBLE_GAP:
        return ""
    return f" Missing values went from {percent(shares[0])} to {percent(shares[1])}."


def _tail(score: dict[str, Any], before: dict, now: dict) -> str:
    name = score["name"]
    sides = [distributions.points(distributions.body(side.get(name))) for side in (before, now)]
    if sides[0] is None or sides[1] is None:
        return ""
    edge = distributions.quantile(sides[0], _TAIL)
    share = distributions.share_above(sides[1], edge)
    return (
        f"{percent(distributions.share_above(sides[0], edge))} of the baseline's scores lie above {number(edge)}; "
        f"now {percent(share)} do."
    )


def _advice(score: dict[str, Any] | None, kinds: dict[str, list[str]]) -> list[str]:
    texts = [text.format(names=listed(kinds[kind])) for kind, text in _ADVICE.items() if kinds[kind]]
    if score is not None and score["unstable"]:
        texts.append(_SCORE)
    moved = dict.fromkeys(kinds["psi_check"] + kinds["baseline_drift_check"])
    moved = [name for name in moved if score is None or name != score["name"]]
    if moved:
        texts.append(_DRIFT.format(names=listed(moved)))
    return texts


def _score_section(score: dict[str, Any], before: dict, now: dict, threshold: float) -> Section:
    name = score["name"]
    picture = distributions.picture(before[name], now[name])
    pictures = [Picture(name, picture, _index(score), score["unstable"])] if picture else []
    texts = [_tail(score, before, now)]
    return Section("Score", [text for text in texts if text], pictures, notes=[_reading(threshold)])


def _columns_section(order: list[str], psi: dict, before: dict, now: dict, marked: set[str]) -> Section:
    pictures = []
    for name in order[:MOST_PICTURES]:
        drawn = distributions.picture(before[name], now[name]) if name in before else None
        if drawn:
            note = _index(psi.get(name)) + _gap(before[name], now[name])
            pictures.append(Picture(name, drawn, note, name in marked))
    shown = f"The {len(pictures)} that changed most of {counted(len(order), 'column')}" if order else "No column"
    return Section("Columns, worst first", [f"{shown}. Filled: the baseline; line: this run."], pictures)


def _index(found: dict[str, Any] | None) -> str:
    if found is None:
        return ""
    verdict = "changed" if found["unstable"] else "stable"
    return f"PSI {number(found['psi'])} ({verdict}; chance gives up to {number(found['psi_by_chance'])})"


def _reading(threshold: float) -> str:
    return (
        "The population stability index (PSI) compares shares of bins: below 0.1 a population counts as stable, above "
        f"0.25 as another one. A column is marked from {number(threshold)} on, and only beyond what chance gives at "
        "these numbers of rows."
    )


def _table(order: list[str], psi: dict, before: dict, now: dict, marked: set[str]) -> Section:
    rows = []
    for name in order[:MOST_ROWS]:
        old, new = distributions.body(before.get(name)), distributions.body(now[name])
        rows.append(
            (
                name,
                now[name].get("inferred_type", ""),
                number(psi[name]["psi"]) if name in psi else "–",
                *(percent(side.get("completeness")) for side in (old, new)),
                *(number(side.get("mean")) for side in (old, new)),
                *(number(side.get("std_dev")) for side in (old, new)),
            )
        )
    heads = ("column", "type", "PSI", "present before", "now", "mean before", "now", "deviation before", "now")
    at = frozenset(place for place, row in enumerate(rows) if row[0] in marked)
    table = Table(heads, rows, frozenset(range(2, 9)), at)
    more = [f"{len(order) - MOST_ROWS} more columns are in statistics.json."] if len(order) > MOST_ROWS else []
    return Section("All columns", tables=[table], notes=more)
