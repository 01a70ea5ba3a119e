"""The end of a run on the screen: metrics side by side, the gate's verdict, what to do next."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from scripts.retraining.commands import aws_command
from scripts.retraining.durations import duration
from scripts.retraining.evaluation import gate, metric_rows
from scripts.retraining.options import Options, RetrainResult

_STYLES = {
    **{"Promoted": "green", "Superseded": "yellow", "AwaitingApproval": "yellow"},
    **{"Rejected": "red", "Failed": "red", "Stopped": "red"},
}
_HEADLINES = {
    "Promoted": "The model has been promoted and serves.",
    "Superseded": "The model was promoted, and another promotion has replaced it since.",
    "AwaitingApproval": "The model awaits approval.",
    "Rejected": "The gate rejected the candidate; the model that serves is unchanged.",
    "Failed": "The run failed; the model that serves is unchanged unless a promotion had begun.",
    "Stopped": "The run was stopped.",
}


def print_summary(result: RetrainResult, options: Options, console: Console) -> None:
    """Print how the run ended and, where it failed, the cause and where its logs are."""
    console.print()
    if result.evaluation:
        print_metrics(result.evaluation, console)
    console.print(f"[{_STYLES.get(result.status, '')}]{_HEADLINES.get(result.status, escape(result.status))}[/]")
    lines = []
    if result.status in ("Failed", "Stopped", "Rejected"):
        lines.append(f"cause: {': '.join(part for part in (result.error, result.cause) if part) or 'not stated'}")
    lines += result.logs
    if result.model_package_arn:
        lines.append(f"model package: {result.model_package_arn}")
    if result.status == "AwaitingApproval" and result.model_package_arn:
        lines += ["to approve and promote it:", f"  {approval_command(result.model_package_arn, options)}"]
    if result.durations:
        lines.append(f"time: {duration(sum(result.durations.values()))}")
    for line in lines:
        console.print(f"  {escape(line)}", soft_wrap=True, highlight=False)


def approval_command(package: str, options: Options) -> str:
    """The command that approves a model package, which promotes it."""
    return aws_command(
        options, "sagemaker", "update-model-package", "--model-package-arn", package,
        "--model-approval-status", "Approved",
    )  # fmt: skip


def print_metrics(evaluation: dict, console: Console) -> None:
    """Candidate and champion side by side, with the difference, its interval and the gate's verdict."""
    table = Table(box=None, pad_edge=False)
    table.add_column("metric")
    for heading in ("candidate", "champion", "difference", "95 % interval"):
        table.add_column(heading, justify="right")
    for row in metric_rows(evaluation):
        change = "" if row.difference is None else f"{row.difference:+.4f}"
        between = row.difference_interval
        interval = f"{between[0]:+.4f} to {between[1]:+.4f}" if between else ""
        table.add_row(row.label, _figure(row.candidate), _figure(row.champion), change, interval)
    console.print(table)
    if not evaluation.get("champion"):
        console.print("  There is no champion yet: the candidate is the first model.", highlight=False)
    verdict = gate(evaluation)
    if verdict is not None:
        console.print(f"Gate: {'passed' if verdict.passed else 'rejected'}")
        for reason in verdict.reasons:
            console.print(f"  {escape(reason)}", soft_wrap=True, highlight=False)
    console.print()


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"
