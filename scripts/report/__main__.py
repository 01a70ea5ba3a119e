"""Write a report from files.

python -m scripts.report --evaluation evaluation.json --curves curves.json --out report.html
"""

import argparse
import json
import sys
from pathlib import Path

from scripts.report import MonitorRun, ReportInputs, build_report


class FileError(ValueError):
    """A file given on the command line is not what it should be; the message names it."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 when the report is written, 2 when a file cannot be read."""
    given = _parser().parse_args(arguments)
    try:
        inputs = ReportInputs(
            title=given.title,
            run=_read(given.run, dict) or {},
            outputs=_read(given.outputs, dict) or {},
            evaluation=_read(given.evaluation, dict) or {},
            curves=_read(given.curves, dict) or {},
            trials=_read(given.trials, list) or [],
            durations=_read(given.durations, dict) or {},
            baseline=_read(given.baseline, dict),
            monitor_before=_monitor(given.before),
            monitor_after=_monitor(given.after),
            scored=_read(given.scored, list) or [],
        )
    except FileError as error:
        print(f"report: {error}", file=sys.stderr)
        return 2
    print(build_report(inputs, given.out))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.report", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--evaluation", type=Path, help="evaluation.json of a run")
    add("--curves", type=Path, help="curves.json of a run")
    add("--trials", type=Path, help="a JSON list of trials, as scripts.retraining.trials.list_trials gives them")
    add("--run", type=Path, help="a JSON object of facts to show about the run")
    add("--outputs", type=Path, help="a JSON object of stacks and outputs, as cdk deploy --outputs-file writes it")
    add("--durations", type=Path, help="a JSON object of steps and seconds")
    add("--baseline", type=Path, help="statistics.json that the monitor compares with")
    add("--before", type=Path, help="a folder with the monitor's report before a drift")
    add("--after", type=Path, help="a folder with the monitor's report after a drift")
    add("--scored", type=Path, help="a JSON list of scored transactions")
    add("--title", default="Retraining report", help="the report's title")
    add("--out", type=Path, default=Path("report.html"), help="the file to write (default: report.html)")
    return parser


def _monitor(folder: Path | None) -> MonitorRun | None:
    if folder is None:
        return None
    if not folder.is_dir():
        raise FileError(f"{folder}: a folder with constraint_violations.json or statistics.json is expected")
    statistics, violations = folder / "statistics.json", folder / "constraint_violations.json"
    found = (_read(violations, dict) or {}).get("violations", []) if violations.exists() else []
    return MonitorRun(
        status="CompletedWithViolations" if found else "Completed",
        violations=found,
        statistics=_read(statistics, dict) if statistics.exists() else None,
    )


def _read(path: Path | None, kind: type):
    if path is None:
        return None
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise FileError(f"{path}: is not JSON ({error})") from error
    if not isinstance(value, kind):
        raise FileError(f"{path}: a JSON {'object' if kind is dict else 'list'} is expected")
    return value


if __name__ == "__main__":
    sys.exit(main())
