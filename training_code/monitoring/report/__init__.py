"""The HTML report of a run: one file, without network, script or picture files."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from training_code.monitoring.report.section import Findings, Run, Section, Table
from training_code.monitoring.report.words import counted, moment, number, percent
from training_code.monitoring.settings import Settings

FOLDER = Path(__file__).parent
DOCUMENTS = (
    *("statistics.json", "constraint_violations.json", "drift.json", "analysis.json", "segments.json"),
    *("fraud_metrics.json", "comparison.json"),
)
TITLES = {
    "DATA_QUALITY": "Data quality",
    "MODEL_QUALITY": "Model quality",
    "MODEL_BIAS": "Bias",
    "MODEL_EXPLAINABILITY": "Feature attribution",
}
_LEFT_OUT = {
    "malformed": "records that cannot be understood",
    "truncated_files": "files that end in the middle",
    "unreadable_files": "files that cannot be read",
    "ignored_files": "files that are none of the data",
    "blank_files": "files without a record",
    "other_columns": "files with other columns than the first",
    "missing_fields": "rows with fewer fields than there are columns (filled with missing values)",
    "extra_fields": "rows with more fields than there are columns (those were left out)",
    "unclosed_quotes": "quotes that do not close",
    "replaced_characters": "characters that are no UTF-8 (replaced)",
    "values_infinite": "infinite numbers",
    "values_out_of_range": "numbers beyond 64 bits",
    "values_not_numbers": "NaN (taken as missing)",
    "outside_window": "records outside the window",
    "shadow_records": "records of a shadow test",
    "challenger_files": "files of the challenger, which is compared on its own",
    "unmatched": "captured events without a label",
    "labels_unknown": "labels of events that were not captured in the window",
    "labels_duplicate": "labels given twice",
    "labels_conflicting": "labels that contradict an earlier one (the last holds)",
    "labels_malformed": "lines of ground truth that cannot be understood",
    "labels_not_understood": "labels or answers that are none of this problem",
}
_MOST_VIOLATIONS = 200
_SHARES = ("recall", "precision", "accuracy", "value_recall", "mean_probability", "widest_false_positive_gap")
_WORDS = {"psi": "PSI", "ndcg": "nDCG", "auc": "AUC"}


def write_report(settings: Settings, summary: dict[str, Any]) -> Path:
    """Write report.html beside the run's documents and return its path."""
    run = Run(
        summary=summary,
        documents=dict(_documents(settings.output)),
        constraints=settings.constraints,
        statistics=settings.statistics,
        history=list(_history(settings, summary)),
    )
    path = settings.output / "report.html"
    path.write_text(render(run), encoding="utf-8")
    return path


def render(run: Run) -> str:
    """Return the page."""
    import jinja2

    kind = run.summary["analysis_type"]
    findings: Findings = Findings()
    if run.summary["rows"]:
        findings = importlib.import_module(f"training_code.monitoring.report.{kind.lower()}").findings(run)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template("page.html.jinja").render(
        title=f"{TITLES[kind]}: {run.summary['endpoint'] or 'baseline'}",
        subtitle=_subtitle(run),
        verdict=_verdict(run),
        tiles=_tiles(run),
        changed=findings.changed,
        advice=findings.advice,
        comparison=_comparison(run),
        sections=[*findings.sections, *_violations(run), *_left_out(run)],
        style=(FOLDER / "page.css").read_text(encoding="utf-8"),
    )


def _comparison(run: Run) -> str:
    """The section of champion and challenger, ready-made HTML; empty where nothing challenges."""
    from fraud.evaluation.comparison_page import section

    found = run.documents.get("comparison.json")
    return section(found) if found else ""


def _documents(folder: Path) -> Iterator[tuple[str, Any]]:
    for name in DOCUMENTS:
        path = folder / name
        if path.is_file():
            yield name, json.loads(path.read_text(encoding="utf-8"))


def _history(settings: Settings, summary: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Earlier runs of the same kind; a file that is none is left out, a report must not fail by its past."""
    folder = settings.folder("history_source")
    end = (summary["window"]["end"] or "") if summary.get("window") else ""
    for path in sorted(folder.rglob("run.json")) if folder else ():
        try:
            body = json.loads(path.read_text(encoding="utf-8"))
            same = body["analysis_type"] == summary["analysis_type"] and body["window"]["end"] != end
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if same and body["baseline"]:
            yield body


def _subtitle(run: Run) -> str:
    window = run.summary["window"]
    parts = [f"Schedule {run.summary['schedule']}"] if run.summary["schedule"] else []
    if window["start"] or window["end"]:
        parts.append(f"{moment(window['start'])} to {moment(window['end'])}")
    parts.append(counted(run.summary["rows"], "row"))
    return " · ".join(parts)


def _verdict(run: Run) -> dict[str, str]:
    status, amount = run.summary["status"], run.summary["violations"]
    if status == "NoData":
        return {"kind": "neutral", "word": "No data", "text": "Nothing in this window could be analysed."}
    if not run.summary["baseline"]:
        return {"kind": "neutral", "word": "Baseline", "text": "Later runs are compared with what stands here."}
    unstable = run.summary["headline"].get("unstable_features", 0)
    if amount:
        moved = f"; the population of {counted(unstable, 'column')} has changed" if unstable else ""
        return {"kind": "bad", "word": counted(amount, "violation"), "text": f"of the baseline's constraints{moved}."}
    if unstable:
        text = f"No constraint is violated, but the population of {counted(unstable, 'column')} has changed."
        return {"kind": "warning", "word": "Watch", "text": text}
    return {"kind": "good", "word": "As the baseline", "text": "No constraint is violated."}


def _tiles(run: Run) -> list[tuple[str, str]]:
    found = []
    for name, value in run.summary["headline"].items():
        share = name.endswith("_rate") or name in _SHARES
        show = percent if share and isinstance(value, float) else number
        found.append((" ".join(_WORDS.get(word, word) for word in name.split("_")), show(value)))
    return found[:8]


def _violations(run: Run) -> list[Section]:
    drift = run.documents.get("drift.json") or {}
    found = [*run.violations, *drift.get("violations", [])]
    if not found:
        return []
    rows = [
        (
            " = ".join(str(v[key]) for key in ("feature_name", "facet", "facet_value", "label") if key in v),
            v.get("metric_name", ""),
            v["constraint_check_type"],
            v["description"],
        )
        for v in found[:_MOST_VIOLATIONS]
    ]
    notes = [f"{len(found) - len(rows)} more are in constraint_violations.json."] if len(found) > len(rows) else []
    return [Section("Violations", tables=[Table(("where", "metric", "check", "description"), rows)], notes=notes)]


def _left_out(run: Run) -> list[Section]:
    rows = [(meaning, f"{run.summary[name]:,}") for name, meaning in _LEFT_OUT.items() if run.summary.get(name)]
    if not rows:
        return []
    text = "Nothing is dropped silently. What could not be used in this window:"
    return [Section("Left out", [text], tables=[Table(("what", "how many"), rows, frozenset({1}))])]
