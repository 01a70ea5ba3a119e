"""What ran: the platform, the run, its tuning, its time, and transactions it scored."""

from scripts.report.inputs import ReportInputs
from scripts.report.pictures_run import hyperparameters, latencies, time_spent, tuning_history
from scripts.report.section import Picture, Section, Table, pairs
from scripts.report.text import number, seconds, setting, short_name

_MOST_TRIALS = 100


def outputs(inputs: ReportInputs) -> Section:
    """The stacks' outputs."""
    if not inputs.outputs:
        return Section("outputs", "Platform", missing="no stack outputs were given.")
    tables = [pairs(values, caption=stack) for stack, values in inputs.outputs.items() if values]
    return Section("outputs", "Platform", texts=["Outputs of the deployed stacks."], tables=tables)


def run(inputs: ReportInputs) -> Section:
    """What was run on which data."""
    values = {name: value for name, value in inputs.run.items() if value not in (None, "")}
    if not values:
        return Section("run", "Run", missing="no facts of the run were given.")
    return Section("run", "Run", tables=[pairs(values)])


def tuning(inputs: ReportInputs) -> Section:
    """Objective by trial, hyperparameters, and each trial in a table."""
    trials = inputs.trials
    if not trials:
        return Section("tuning", "Tuning", missing="no trials were given.")
    pictures = [Picture("Objective by trial", tuning_history(trials), "full")]
    if panels := hyperparameters(trials):
        pictures.append(Picture("Objective against each hyperparameter (best in green)", panels, "full"))
    best = max((t["objective"] for t in trials if t.get("objective") is not None), default=None)
    shown = trials[:_MOST_TRIALS]
    rows = [
        (
            short_name(trial["name"]),
            trial["status"],
            ", ".join(f"{k}={setting(v)}" for k, v in sorted(trial.get("hyperparameters", {}).items())),
            number(trial.get("objective"), 4),
            seconds(trial.get("seconds")),
        )
        for trial in shown
    ]
    marked = frozenset(i for i, t in enumerate(shown) if best is not None and t.get("objective") == best)
    heads = ("trial", "status", "hyperparameters", "objective", "time")
    notes = [f"{short_name(t['name'])} failed: {t['reason']}" for t in shown if t.get("reason")]
    if len(trials) > len(shown):
        notes.append(f"The first {len(shown)} of {len(trials)} trials are in the table; the pictures show all.")
    table = Table(rows, heads, numeric=frozenset({3, 4}), marked=marked)
    return Section("tuning", "Tuning", pictures=pictures, tables=[table], notes=notes)


def time(inputs: ReportInputs) -> Section:
    """Where the time went."""
    durations = {name: value for name, value in inputs.durations.items() if value is not None}
    if not durations:
        return Section("time", "Where the time went", missing="no durations were given.")
    total = f"{seconds(sum(durations.values()))} in {len(durations)} steps."
    pictures = [Picture("Seconds by step", time_spent(durations), "full")]
    return Section("time", "Where the time went", texts=[total], pictures=pictures)


def replay(inputs: ReportInputs) -> Section:
    """What came of a replay through the API."""
    if not inputs.replay:
        return Section("replay", "Replay through the API", missing="no replay was given.")
    pictures = [Picture("Requests by latency", latencies(inputs.replay_latencies))] if inputs.replay_latencies else []
    text = "Each transaction posted to the API: features from its entities' profiles, the model, then the rules."
    return Section(
        "replay", "Replay through the API", texts=[text], pictures=pictures, tables=[pairs(inputs.replay)], beside=True
    )


def scored(inputs: ReportInputs) -> Section:
    """Scored transactions with their truth."""
    if not inputs.scored:
        return Section("scored", "Scored transactions", missing="no scored transactions were given.")
    others = [name for name in dict.fromkeys(k for row in inputs.scored for k in row) if name not in ("score", "fraud")]
    rows = [
        (
            *(_field(row.get(name)) for name in others),
            number(row.get("score"), 4),
            _truth(row.get("fraud")),
        )
        for row in inputs.scored
    ]
    marked = frozenset(i for i, row in enumerate(inputs.scored) if row.get("fraud"))
    numeric = {i for i, name in enumerate(others) if all(isinstance(r.get(name), int | float) for r in inputs.scored)}
    table = Table(rows, (*others, "score", "truth"), numeric=frozenset({*numeric, len(others)}), marked=marked)
    text = "What the platform said of transactions whose truth is known; frauds are set off."
    return Section("scored", "Scored transactions", texts=[text], tables=[table])


def _truth(fraud: object) -> str:
    if fraud is None:
        return "unknown"
    return "fraud" if fraud else "genuine"


def _field(value: object) -> str:
    # Whole numbers are ids more often than quantities, and ids have no separators.
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else number(value, 2)
