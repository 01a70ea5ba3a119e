"""What the demo prints at its end, and the report it writes."""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from scripts.demo.monitor import Verdict
from scripts.demo.options import DemoOptions
from scripts.demo.story import Story
from scripts.report.build import build_report
from scripts.report.inputs import MonitorRun, ReportInputs
from scripts.retraining.summary import print_metrics

NAMED = 3


def print_story(story: Story, console: Console) -> None:
    """Outputs, metrics side by side, scores, verdicts and times."""
    _heading(console, "Stack outputs")
    for stack, values in story.outputs.items():
        for name, value in values.items():
            console.print(f"  {stack}.{name} = {value}", soft_wrap=True, highlight=False)
    _heading(console, "Challenger (candidate) and champion on the same hold-out")
    print_metrics(story.challenger.evaluation, console)
    tables = {"Ten decisions": _scores, "Monitor": _verdicts, "Where the time went": _times}
    for title, table in tables.items():
        _heading(console, title)
        console.print(table(story))


def _heading(console: Console, title: str) -> None:
    console.print(f"\n[bold]{title}[/]")


def write_report(story: Story, options: DemoOptions) -> Path:
    """The HTML report of the whole demo."""
    challenger = story.challenger
    inputs = ReportInputs(
        title="fraudstack demo",
        run={
            "status": challenger.status,
            "run": challenger.run_id,
            "data": story.data.name,
            "model package": challenger.model_package_arn or "unchanged",
        },
        outputs=story.outputs,
        evaluation=challenger.evaluation,
        curves=story.curves,
        trials=challenger.trials,
        durations=story.seconds,
        monitor_before=_monitor_run(story.clean),
        monitor_after=_monitor_run(story.drift),
        baseline=story.baseline,
        drift_description=story.drift_description,
        scored=story.scored,
        replay=story.replay,
        replay_latencies=story.latencies,
    )
    return build_report(inputs, options.out / "report.html")


def _monitor_run(verdict: Verdict) -> MonitorRun:
    return MonitorRun(verdict.status, verdict.exit_message, verdict.violations, verdict.statistics)


def _scores(story: Story) -> Table:
    table = Table(box=None)
    for heading, justify in (
        ("id", "left"),
        ("time", "left"),
        ("amount", "right"),
        ("probability", "right"),
        ("decision", "left"),
        ("strongest reason", "left"),
        ("truth", "left"),
    ):
        table.add_column(heading, justify=justify)
    for row in story.scored:
        truth = "[red]fraud[/]" if row["fraud"] else "genuine"
        amount = "" if row["amount"] is None else f"{row['amount']:.2f}"
        table.add_row(
            row["id"] or "", row["timestamp"], amount, f"{row['score']:.4f}", row["outcome"], row["reason"], truth
        )
    return table


def _verdicts(story: Story) -> Table:
    table = Table(box=None)
    for heading in ("traffic", "monitor", "status", "found", "about"):
        table.add_column(heading, overflow="fold", no_wrap=heading != "about")
    runs = [("replay", "data-quality", story.clean)]
    runs += [("replay", kind, verdict) for kind, verdict in story.others.items()]
    runs += [("price shock", "data-quality", story.drift)]
    for traffic, kind, verdict in runs:
        about = _shortened(verdict.drifted_features) or verdict.worst or "none"
        table.add_row(traffic, kind, verdict.status, str(len(verdict.violations)), about)
    return table


def _shortened(features: list[str]) -> str:
    """The first of them; the report has all."""
    more = [f"{len(features) - NAMED} more"] if len(features) > NAMED else []
    return ", ".join([*features[:NAMED], *more])


def _times(story: Story) -> Table:
    table = Table(box=None)
    table.add_column("step")
    table.add_column("seconds", justify="right")
    for title, seconds in story.seconds.items():
        table.add_row(title, f"{seconds:.1f}")
    table.add_row("[bold]total[/]", f"[bold]{sum(story.seconds.values()):.1f}[/]")
    return table
