"""A retraining from the operator's side: check, upload, start or attach, follow, conclude."""

from dataclasses import replace

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from fraud.data import ValidationReport
from scripts.retraining.clients import Clients
from scripts.retraining.commands import aws_command
from scripts.retraining.dataset import Dataset, data_files, identify, upload
from scripts.retraining.discovery import Platform, discover
from scripts.retraining.display import show
from scripts.retraining.errors import AWS_ERRORS, OperatorError, explain
from scripts.retraining.follow import Follower, follow
from scripts.retraining.options import Options, RetrainResult
from scripts.retraining.outcome import outcome
from scripts.retraining.runs import Run, definition_of, find_or_start, fingerprint
from scripts.retraining.selection import check, choose, split_days, to_yaml
from scripts.retraining.summary import print_summary


class Detached(OperatorError):
    """The operator stopped watching; the run goes on."""

    exit_code = 130


def retrain(options: Options, console: Console | None = None) -> RetrainResult:
    """Retrain with ``options`` and return how it ended; progress goes to ``console`` (standard output by default).

    A run that fails or is rejected is a result, not an exception. Raises InputError before anything is started or
    uploaded when options or data are at fault, OperatorError when the platform cannot be used, Detached on Ctrl-C.
    """
    console = console or Console()
    try:
        return _retrain(options.check(), console)
    except AWS_ERRORS as error:
        raise OperatorError(explain(error)) from error


def _retrain(options: Options, console: Console) -> RetrainResult:
    clients = Clients(options.endpoint_url, options.region)
    platform = discover(clients, options.prefix)
    event_type = choose(options.data, options.event_type)
    console.print(f"Event type [bold]{escape(event_type.name)}[/]; checking the data …")
    definition = definition_of(clients, platform)
    report = check(data_files(options.data), event_type, split_days(definition), accept_labels=options.accept_labels)
    _say_found(report, console)
    dataset = identify(options.data, to_yaml(event_type))
    base = "r" + fingerprint(dataset.id, event_type.name, options, definition)
    _upload(clients, platform, dataset, console)
    run = find_or_start(clients, platform, base, execution_input(platform, dataset, options), options.force)
    _announce(run, options, console)
    if run.status == "RUNNING" and not options.follow:
        return RetrainResult("Running", run.id, run.execution_arn, dataset.id, data=report.to_json())
    result = _watch(clients, platform, run, dataset, options, console)
    return replace(result, data=report.to_json())


def _say_found(report: ValidationReport, console: Console) -> None:
    window = f", {report.first:%Y-%m-%d} to {report.last:%Y-%m-%d}" if report.first and report.last else ""
    console.print(f"{report.accepted:,} events, {report.frauds:,} frauds{window}", highlight=False)
    for warning in report.warnings:
        console.print(f"  [yellow]warning:[/] {escape(warning)}", soft_wrap=True, highlight=False)


def execution_input(platform: Platform, dataset: Dataset, options: Options) -> dict:
    """The state machine's input for a data set; settings that are not given keep the platform's own."""
    bucket = f"s3://{platform.transactions_bucket}"
    settings = {"maxTrials": options.max_trials, "parallelTrials": options.parallel_trials}
    return {
        "dataset": f"{bucket}/{dataset.prefix}",
        "eventType": f"{bucket}/{dataset.event_type_key}",
        "algorithm": options.algorithm,
        **{name: value for name, value in settings.items() if value is not None},
    }


def _upload(clients: Clients, platform: Platform, dataset: Dataset, console: Console) -> None:
    target = f"s3://{platform.transactions_bucket}/{dataset.prefix}"
    columns = (TextColumn("Uploading"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("upload", total=dataset.size)
        sent = upload(clients, platform.transactions_bucket, dataset, lambda done: bar.advance(task, done))
    there = len(dataset.files) - sent
    text = f"Data set {dataset.id}: {sent} of {len(dataset.files)} files uploaded to {target}"
    console.print(text + (f" ({there} were there)" if there else ""), soft_wrap=True, highlight=False)


def _announce(run: Run, options: Options, console: Console) -> None:
    if run.new:
        console.print(f"Started run [bold]{run.id}[/]")
    elif run.status == "RUNNING":
        console.print(f"Run [bold]{run.id}[/] with these inputs is running already: following it.")
    else:
        console.print(f"Run [bold]{run.id}[/] succeeded with these inputs; --force runs them again. Its result:")
    console.print(f"  {run.execution_arn}", soft_wrap=True, highlight=False)
    if run.status == "RUNNING" and not options.follow:
        console.print("Not following. To follow, run the same command without --no-follow.")


def _watch(
    clients: Clients, platform: Platform, run: Run, dataset: Dataset, options: Options, console: Console
) -> RetrainResult:
    follower = Follower(clients, platform, run.id)
    try:
        last = show(follow(follower), console)
    except KeyboardInterrupt:
        raise Detached(_how_to_return(run, options)) from None
    except AWS_ERRORS as error:
        raise OperatorError(f"{explain(error)}\n{_how_to_return(run, options)}") from error
    result = outcome(clients, platform, last, dataset.id)
    print_summary(result, options, console)
    return result


def _how_to_return(run: Run, options: Options) -> str:
    stop = aws_command(options, "stepfunctions", "stop-execution", "--execution-arn", run.execution_arn)
    return f"Run {run.id} goes on without this terminal.\n  follow again: run the same command\n  stop it: {stop}"
