"""What a report is made of: plain dictionaries, as the platform's files and APIs give them."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class MonitorRun:
    """One run of the data-quality monitor.

    status: of the monitoring execution, e.g. Completed or CompletedWithViolations; exit_message: the analyser's own.
    violations: the list in constraint_violations.json. statistics: statistics.json of the data it saw.
    """

    status: str = ""
    exit_message: str = ""
    violations: list[dict] = field(default_factory=list)
    statistics: dict | None = None


@dataclass(frozen=True)
class ReportInputs:
    """Everything a report can show; what is missing leaves its section out with a sentence why.

    run: name -> value, shown as they are (status, run id, data set, times …); ``status`` colours the headline.
    outputs: stack name -> its outputs. evaluation, curves: the run's evaluation.json and curves.json.
    trials: see ``scripts.retraining.trials.list_trials``. durations: step's title -> seconds, in order.
    monitor_before, monitor_after: the monitor's runs around a drift; baseline: the statistics.json they compare with.
    drift_threshold: the monitor's comparison threshold. drift_description: what was changed in the data.
    scored: transactions as dictionaries with at least ``score`` and ``fraud`` (the truth, a boolean).
    replay: what came of a replay through the API: name -> text; replay_latencies: milliseconds of each request.
    """

    title: str = "Retraining report"
    run: dict[str, object] = field(default_factory=dict)
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    evaluation: dict = field(default_factory=dict)
    curves: dict = field(default_factory=dict)
    trials: list[dict] = field(default_factory=list)
    durations: dict[str, float] = field(default_factory=dict)
    monitor_before: MonitorRun | None = None
    monitor_after: MonitorRun | None = None
    baseline: dict | None = None
    drift_threshold: float = 0.1
    drift_description: str = ""
    scored: list[dict] = field(default_factory=list)
    replay: dict[str, str] = field(default_factory=dict)
    replay_latencies: list[float] = field(default_factory=list)
