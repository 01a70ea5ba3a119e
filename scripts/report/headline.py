"""The first thing a reader sees: how the run ended, and its key figures."""

from dataclasses import dataclass

from scripts.report.inputs import ReportInputs
from scripts.report.text import number, seconds, signed
from scripts.retraining.evaluation import gate, metric_rows

_WORDS = {
    "Promoted": ("good", "Promoted.", "The candidate serves."),
    "Superseded": ("", "Replaced.", "The candidate was promoted, and another promotion has replaced it since."),
    "AwaitingApproval": ("", "Awaiting approval.", "The candidate passed the gate and waits in the registry."),
    "Rejected": ("bad", "Rejected.", "The gate kept the candidate out; the model that serves is unchanged."),
    "Failed": ("bad", "Failed.", ""),
    "Stopped": ("bad", "Stopped.", ""),
}


@dataclass(frozen=True)
class Verdict:
    """How it ended: ``kind`` is good, bad or empty."""

    kind: str
    word: str
    text: str


@dataclass(frozen=True)
class Tile:
    """One key figure."""

    name: str
    value: str
    note: str = ""


def verdict(inputs: ReportInputs) -> Verdict:
    """From the run's status, else from the gate."""
    status = inputs.run.get("status")
    if status in _WORDS:
        kind, word, text = _WORDS[status]
        return Verdict(kind, word, text or str(inputs.run.get("cause") or ""))
    if status:
        return Verdict("", f"{status}.", "")
    decision = gate(inputs.evaluation)
    if decision is None:
        return Verdict("", "No verdict.", "Neither the run's status nor an evaluation was given.")
    return Verdict("good" if decision.passed else "bad", f"Gate {'passed' if decision.passed else 'rejected'}.", "")


def tiles(inputs: ReportInputs) -> list[Tile]:
    """The metrics that matter most, and how large and long the run was; those that are not known are left out."""
    rows = {row.name: row for row in metric_rows(inputs.evaluation)}
    found = []
    wanted = ["average_precision", "auc", *(name for name in rows if name.startswith("card_precision")), "ece"]
    for name in wanted:
        row = rows.get(name)
        if row is None or row.candidate is None:
            continue
        note = f"champion {row.champion:.3f} ({signed(row.difference, 3)})" if row.champion is not None else ""
        label = row.label.removesuffix(" (lower is better)")
        found.append(Tile(label, f"{row.candidate:.3f}", note))
    test = inputs.evaluation.get("test") or {}
    if test.get("rows"):
        found.append(Tile("hold-out", number(test["rows"]), f"{number(test['frauds'])} frauds"))
    if inputs.durations:
        found.append(Tile("time", seconds(sum(value or 0 for value in inputs.durations.values()))))
    return found
