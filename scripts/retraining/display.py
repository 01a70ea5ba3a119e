"""Show a run as it goes: a live table on a terminal, a line for each change elsewhere."""

from collections.abc import Iterable
from datetime import UTC, datetime

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from scripts.retraining.durations import duration
from scripts.retraining.follow import Snapshot
from scripts.retraining.steps import DONE, FAILED, RUNNING, SKIPPED
from scripts.retraining.trials import FINISHED

_MARKS = {RUNNING: ("●", "yellow"), DONE: ("✓", "green"), FAILED: ("✗", "red"), SKIPPED: ("–", "dim")}
# A terminal shows about this many trials below the steps; the newest matter most.
_MOST_TRIALS = 12


def short_hyperparameters(values: dict[str, str], most: int = 5) -> str:
    """``eta=0.12 max_depth=6``: numbers to three significant digits, script-mode settings left out."""
    own = {name: value for name, value in sorted(values.items()) if not name.startswith(("sagemaker_", "_"))}
    parts = [f"{name}={_short(value)}" for name, value in own.items()]
    return " ".join(parts[:most]) + (" …" if len(parts) > most else "")


def _short(value: str) -> str:
    text = str(value).strip('"')
    try:
        return f"{float(text):.3g}" if not text.lstrip("-").isdigit() else text
    except ValueError:
        return text


class _Table:
    """Renders the latest snapshot; rich calls it several times a second, so elapsed times run on between polls."""

    def __init__(self) -> None:
        self.snapshot: Snapshot | None = None

    def __rich__(self) -> Group:
        if self.snapshot is None:
            return Group(Text("Waiting for the execution …", style="dim"))
        parts = [_steps_table(self.snapshot)]
        if self.snapshot.trials:
            parts.append(_trials_table(self.snapshot.trials))
        return Group(*parts)


def _steps_table(snapshot: Snapshot) -> Table:
    now = datetime.now(UTC)
    table = Table(title=f"Retraining {snapshot.run_id}", title_justify="left", box=None, pad_edge=False)
    for heading, justify in (("", "left"), ("step", "left"), ("elapsed", "right"), ("detail", "left")):
        table.add_column(heading, justify=justify, no_wrap=heading != "detail")
    for step in snapshot.progress.steps:
        mark, style = _MARKS.get(step.status, ("·", "dim"))
        detail = Text(snapshot.details.get(step.id, ""))
        table.add_row(Text(mark, style), Text(step.title, style), duration(step.seconds(now)), detail)
    return table


def _trials_table(trials: list[dict]) -> Table:
    table = Table(title="Trials", title_justify="left", box=None, pad_edge=False)
    table.add_column("trial", no_wrap=True)
    table.add_column("status", no_wrap=True)
    table.add_column("hyperparameters", overflow="ellipsis", no_wrap=True)
    table.add_column("objective", justify="right", no_wrap=True, min_width=9)
    table.add_column("best", justify="right", no_wrap=True, min_width=6)
    hidden = len(trials) - _MOST_TRIALS
    if hidden > 0:
        table.add_row(f"({hidden} earlier)", "", "", "", "")
    for trial in trials[-_MOST_TRIALS:]:
        is_best = trial["objective"] is not None and trial["objective"] == trials[-1]["best"]
        table.add_row(
            Text(short_name(trial["name"])),
            Text(trial["status"], "red" if trial["status"] == "Failed" else ""),
            Text(short_hyperparameters(trial["hyperparameters"])),
            Text(_number(trial["objective"]), "bold green" if is_best else ""),
            _number(trial["best"]),
        )
    return table


def short_name(name: str) -> str:
    """A trial's own part of its name: ``…-001-3f2a`` of a job's long name."""
    parts = name.split("-")
    return "-".join(parts[-2:]) if len(parts) > 2 else name


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


class _Lines:
    """One line for each step or trial that changes: what a log file or a pipe wants."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._steps: dict[str, str] = {}
        self._trials: dict[str, str] = {}

    def show(self, snapshot: Snapshot) -> None:
        for step in snapshot.progress.steps:
            if self._steps.get(step.id) == step.status:
                continue
            self._steps[step.id] = step.status
            if step.started is None:
                continue
            took = f" ({duration(step.seconds(step.ended))})" if step.ended else ""
            detail = snapshot.details.get(step.id)
            self._say(f"{step.title}: {step.status}{took}" + (f" - {detail}" if detail and step.ended else ""))
        for trial in snapshot.trials:
            if trial["status"] in FINISHED and self._trials.get(trial["name"]) != trial["status"]:
                self._trials[trial["name"]] = trial["status"]
                self._say(
                    f"  trial {short_name(trial['name'])}: {trial['status']}"
                    f" objective={_number(trial['objective']) or 'none'} best={_number(trial['best']) or 'none'}"
                    f" {short_hyperparameters(trial['hyperparameters'])}"
                )

    def _say(self, line: str) -> None:
        self._console.print(f"{datetime.now(UTC):%H:%M:%S} {escape(line)}", soft_wrap=True, highlight=False)


def show(snapshots: Iterable[Snapshot], console: Console) -> Snapshot:
    """Show all snapshots as they come and return the last."""
    last = None
    if not console.is_terminal:
        lines = _Lines(console)
        for last in snapshots:
            lines.show(last)
    else:
        table = _Table()
        with Live(table, console=console, refresh_per_second=4, vertical_overflow="visible"):
            for last in snapshots:
                table.snapshot = last
    assert last is not None, "an execution has at least one snapshot"
    return last
