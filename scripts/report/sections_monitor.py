"""What the monitor saw before and after a drift."""

from scripts.report.distance import distances
from scripts.report.inputs import MonitorRun, ReportInputs
from scripts.report.pictures_drift import drift as drift_picture
from scripts.report.section import Picture, Section, Table

_TITLE = "Drift"
_MOST_VIOLATIONS = 40


def drift(inputs: ReportInputs) -> Section:
    """Verdicts, distance by feature, and the violations."""
    runs = {"before": inputs.monitor_before, "after": inputs.monitor_after}
    runs = {when: run for when, run in runs.items() if run is not None}
    if not runs:
        return Section("drift", _TITLE, missing="no run of the monitor was given.")
    measured = {when: distances(inputs.baseline, run.statistics, run.violations) for when, run in runs.items()}
    texts = [f"The injected drift: {inputs.drift_description}"] if inputs.drift_description else []
    pictures, notes = [], []
    if any(measured.values()):
        before, after = measured.get("before", {}), measured.get("after", {})
        svg = drift_picture(before, after, inputs.drift_threshold)
        pictures.append(Picture("Distance from the baseline by feature, worst first", svg, "full"))
    else:
        notes.append("No picture of distances: neither statistics of both sides nor a violation that states one.")
    rows = [_verdict(when, run, measured[when], inputs.drift_threshold) for when, run in runs.items()]
    heads = ("run", "status", "violations", "features above the threshold", "message")
    tables = [Table(rows, heads, numeric=frozenset({2, 3}), caption="The monitor's verdict")]
    tables += [_violations(when, run) for when, run in runs.items() if run.violations]
    return Section("drift", _TITLE, texts=texts, pictures=pictures, tables=tables, notes=notes)


def _verdict(when: str, run: MonitorRun, measured: dict[str, float], threshold: float) -> tuple:
    above = sum(distance > threshold for distance in measured.values())
    return (when, run.status or "–", len(run.violations), above if measured else "–", run.exit_message or "–")


def _violations(when: str, run: MonitorRun) -> Table:
    shown = run.violations[:_MOST_VIOLATIONS]
    rows = [(v.get("feature_name", "–"), v.get("constraint_check_type", "–"), v.get("description", "")) for v in shown]
    rest = len(run.violations) - len(shown)
    caption = f"Violations {when}" + (f" (the first {len(shown)}; {rest} more)" if rest else "")
    return Table(rows, ("feature", "check", "description"), caption=caption)
