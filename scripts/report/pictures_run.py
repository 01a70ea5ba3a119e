"""Pictures of a run: its tuning and where its time went."""

import numpy as np
from matplotlib.ticker import FuncFormatter

from scripts.report.style import BEST, CANDIDATE, INK, NEUTRAL, new_figure, plain, settings, to_svg
from scripts.retraining.durations import duration

_MOST_PARAMETERS = 6


def tuning_history(trials: list[dict]) -> str:
    """Objective of each trial in order and the best so far; trials without one are marked at the foot."""
    with settings():
        figure, (axes,) = new_figure("full", 3.2)
        scored = [(i + 1, t["objective"]) for i, t in enumerate(trials) if t.get("objective") is not None]
        best = [(i + 1, t["best"]) for i, t in enumerate(trials) if t.get("best") is not None]
        if best:
            axes.step(*zip(*best, strict=True), where="post", color=BEST, label="best so far")
        if scored:
            axes.plot(*zip(*scored, strict=True), "o", color=CANDIDATE, markersize=6, label="trial")
            low, high = min(v for _, v in scored), max(v for _, v in scored)
            room = max((high - low) * 0.15, 0.005)
            axes.set_ylim(low - room, high + room)
        without = [i + 1 for i, t in enumerate(trials) if t.get("objective") is None]
        if without:
            foot = axes.get_ylim()[0]
            axes.plot(without, [foot] * len(without), "x", color=NEUTRAL, clip_on=False, label="failed or stopped")
        axes.set_xlabel("trial")
        axes.set_ylabel(_metric_name(trials))
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set_xlim(0.5, len(trials) + 0.5)
        axes.legend(loc="lower right")
        return to_svg(figure, "tuning", f"Objective of {len(trials)} trials and the best so far")


def hyperparameters(trials: list[dict]) -> str | None:
    """A panel for each hyperparameter that varied: its value against the objective; None where none varied."""
    varied = _varied(trials)
    if not varied:
        return None
    with settings():
        figure, panels = new_figure("full", 2.6, columns=len(varied))
        top = max(objective for points in varied.values() for _, objective in points)
        for axes, (name, points) in zip(panels, varied.items(), strict=True):
            values = [value for value, _ in points]
            for value, objective in points:
                is_best = objective == top
                axes.plot(value, objective, "o", color=BEST if is_best else CANDIDATE, markersize=8 if is_best else 5)
            if min(values) > 0 and max(values) / min(values) > 50:
                axes.set_xscale("log")
                axes.minorticks_off()
                axes.xaxis.set_major_formatter(FuncFormatter(plain))
            axes.set_xlabel(name)
            axes.locator_params(axis="y", nbins=5)
            if axes is not panels[0]:
                axes.tick_params(labelleft=False)
            if axes.get_xscale() == "linear":
                axes.locator_params(axis="x", nbins=4)
        panels[0].set_ylabel("objective")
        for axes in panels[1:]:
            axes.sharey(panels[0])
        return to_svg(figure, "hyperparameters", "Objective against each hyperparameter, a point a trial")


def time_spent(durations: dict[str, float]) -> str:
    """A bar for each step in the order given, in seconds."""
    names, seconds = list(durations), list(durations.values())
    with settings():
        figure, (axes,) = new_figure("full", 0.7 + 0.3 * len(names))
        bars = axes.barh(names, seconds, color=CANDIDATE, height=0.65)
        axes.bar_label(bars, [duration(value) for value in seconds], padding=4, color=INK)
        axes.invert_yaxis()
        axes.margins(x=0.12)
        axes.grid(axis="y", visible=False)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("seconds")
        return to_svg(figure, "time", "Seconds spent in each step")


def latencies(milliseconds: list[float]) -> str:
    """A histogram on a logarithmic axis, with the median and the 99th percentile marked."""
    with settings():
        figure, (axes,) = new_figure("half", 2.6)
        low, high = max(min(milliseconds), 0.1), max(milliseconds)
        axes.hist(milliseconds, bins=np.geomspace(low * 0.95, high * 1.05, 40), color=CANDIDATE)
        axes.set_xscale("log")
        axes.minorticks_off()
        axes.xaxis.set_major_formatter(FuncFormatter(plain))
        top = axes.get_ylim()[1]
        # One below the other: the two may stand close together.
        for share, name, height in ((50, "median", top), (99, "p99", 0.88 * top)):
            value = float(np.percentile(milliseconds, share, method="higher"))
            axes.axvline(value, color=INK, linewidth=1)
            axes.annotate(f" {name} {value:.0f} ms", (value, height), va="top", color=INK)
        axes.set_xlabel("milliseconds")
        axes.set_ylabel("requests")
        return to_svg(figure, "latencies", f"Latency of {len(milliseconds)} requests")


def _metric_name(trials: list[dict]) -> str:
    name = next((t["metric"] for t in trials if t.get("metric")), "objective")
    words = name.removeprefix("validation:").replace("_", " ")
    return f"{words} (validation)" if name.startswith("validation:") else words


def _varied(trials: list[dict]) -> dict[str, list[tuple[float, float]]]:
    points: dict[str, list[tuple[float, float]]] = {}
    for trial in trials:
        if trial.get("objective") is None:
            continue
        for name, text in sorted(trial.get("hyperparameters", {}).items()):
            try:
                points.setdefault(name, []).append((float(str(text).strip('"')), trial["objective"]))
            except ValueError:
                continue
    varied = {name: found for name, found in points.items() if len({value for value, _ in found}) > 1}
    return dict(list(varied.items())[:_MOST_PARAMETERS])
