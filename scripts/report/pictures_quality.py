"""Pictures of how well models rank, separate and calibrate, from the parts of curves.json.

``models``: {"candidate": {...}, "champion": {...}}, the champion left out where there is none.
"""

import math

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, PercentFormatter

from scripts.report.style import (
    BEST,
    COLOURS,
    FRAUD,
    GENUINE,
    INK,
    LINE_STYLES,
    NEUTRAL,
    new_figure,
    plain,
    settings,
    to_svg,
)

# Where the logarithmic scale of scores ends and a linear stretch down to zero begins.
_SMALLEST_SCORE = 1e-5


def precision_recall(models: dict[str, dict], areas: dict[str, float | None], prevalence: float | None) -> str:
    """Precision against recall; a dotted line at the share of frauds. areas: average precision by model."""
    with settings():
        figure, (axes,) = new_figure()
        for role, curve in models.items():
            points = curve["precision_recall"]
            _line(axes, points["recall"], points["precision"], role, _with_value(role, "AP", areas.get(role)))
        if prevalence:
            axes.axhline(prevalence, color=NEUTRAL, linestyle=":", label=f"by chance ({prevalence:.2%})")
        _unit_square(axes, "recall", "precision")
        axes.legend(loc="best")
        return to_svg(figure, "pr", "Precision against recall of " + " and ".join(models))


def roc(models: dict[str, dict], areas: dict[str, float | None]) -> str:
    """True against false positive rate. areas: area under the curve by model."""
    with settings():
        figure, (axes,) = new_figure()
        for role, curve in models.items():
            points = curve["roc"]
            label = _with_value(role, "AUC", areas.get(role))
            _line(axes, points["false_positive_rate"], points["true_positive_rate"], role, label)
        axes.plot([0, 1], [0, 1], color=NEUTRAL, linestyle=":", label="by chance")
        _unit_square(axes, "false positive rate", "true positive rate")
        axes.legend(loc="lower right")
        return to_svg(figure, "roc", "True against false positive rate of " + " and ".join(models))


def scores(histogram: dict, threshold: float | None) -> str:
    """Rows by score and class, both axes logarithmic. histogram: edges (one more than counts), genuine, fraud."""
    with settings():
        figure, (axes,) = new_figure("full", 3.4)
        edges = histogram["edges"]
        for name, colour in (("genuine", GENUINE), ("fraud", FRAUD)):
            axes.stairs(histogram[name], edges, fill=True, color=colour, alpha=0.35)
            axes.stairs(histogram[name], edges, color=colour, linewidth=1.5, label=name)
        axes.set_xscale("symlog", linthresh=_SMALLEST_SCORE, linscale=0.4)
        axes.set_yscale("symlog", linthresh=1)
        axes.set_ylim(0, max([1, *histogram["genuine"], *histogram["fraud"]]) * 3)
        axes.set_xticks([0, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1])
        # After the ticks, which widen the axis to show all of themselves.
        axes.set_xlim(_first_score(histogram), 1)
        axes.minorticks_off()
        axes.xaxis.set_major_formatter(FuncFormatter(plain))
        axes.yaxis.set_major_formatter(FuncFormatter(plain))
        _mark(axes, threshold)
        axes.set_xlabel("fraud probability (log)")
        axes.set_ylabel("transactions (log)")
        _legend_above(axes)
        return to_svg(figure, "scores", "Number of transactions by score, for frauds and genuine ones")


def _first_score(histogram: dict) -> float:
    """Where the axis begins: at zero, or at the power of ten below the lowest score."""
    counts = zip(histogram["edges"], histogram["genuine"], histogram["fraud"], strict=False)
    lowest = next((edge for edge, genuine, fraud in counts if genuine or fraud), 0.0)
    return 10.0 ** math.floor(math.log10(lowest) + 1e-9) if lowest else 0.0


def calibration(models: dict[str, dict]) -> str:
    """Observed share of frauds against mean probability in bins of equal size, both axes logarithmic.

    A bin without any fraud has no place on a logarithmic axis: it is drawn hollow at the foot.
    """
    bins = {role: curve["reliability"] for role, curve in models.items()}
    present = [v for rows in bins.values() for row in rows for v in (row["mean_probability"], row["fraud_share"]) if v]
    foot = 10 ** math.floor(math.log10(max(min(present, default=0.1), _SMALLEST_SCORE)) - 0.3)
    with settings():
        figure, (axes,) = new_figure()
        axes.plot([foot, 1], [foot, 1], color=NEUTRAL, linestyle=":", label="perfect")
        for role, rows in bins.items():
            drawn = [(max(row["mean_probability"], foot), row["fraud_share"]) for row in rows]
            seen = [(x, y) for x, y in drawn if y > 0]
            if seen:
                axes.plot(
                    *zip(*seen, strict=True), marker="o", markersize=5, color=COLOURS[role],
                    linestyle=LINE_STYLES[role], linewidth=1.2, label=role,
                )  # fmt: skip
            empty = [x for x, y in drawn if y == 0]
            axes.plot(empty, [foot] * len(empty), "o", mfc="none", color=COLOURS[role], clip_on=False, markersize=5)
        axes.set(xscale="log", yscale="log", xlim=(foot, 1.1), ylim=(foot, 1.1))
        axes.minorticks_off()
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(FuncFormatter(plain))
        axes.set_xlabel("mean probability (log)")
        axes.set_ylabel("observed share of frauds (log)")
        axes.legend(loc="upper left")
        return to_svg(figure, "calibration", "Observed share of frauds against predicted probability")


def cost(table: list[dict]) -> str:
    """What each threshold costs: frauds missed, reviews, and both; rows as evaluation.json's ``thresholds``."""
    rows = sorted(table, key=lambda row: row["threshold"])
    places = [row["threshold"] for row in rows]
    missed = [row["fraud_amount_missed"] for row in rows]
    reviews = [row["review_cost"] for row in rows]
    total = [a + b for a, b in zip(missed, reviews, strict=True)]
    with settings():
        figure, (axes,) = new_figure()
        axes.plot(places, total, color=INK, linewidth=2.2, label="total")
        axes.plot(places, missed, color=FRAUD, linestyle=LINE_STYLES["champion"], label="frauds missed")
        axes.plot(places, reviews, color=GENUINE, linestyle=":", label="reviews")
        chosen = next((row["threshold"] for row in rows if row["best"]), None)
        _mark(axes, chosen)
        # Reviewing everything dwarfs all else; the bottom of the curve is what the threshold is chosen by.
        axes.set_ylim(0, min(2.5 * max(missed), 1.05 * max(total)) or 1)
        _threshold_axis(axes)
        axes.set_ylabel("cost")
        axes.yaxis.set_major_formatter(FuncFormatter(plain))
        _legend_above(axes)
        return to_svg(figure, "cost", "Cost of missed frauds, of reviews and in total against the threshold")


def precision_and_recall_by_threshold(table: list[dict]) -> str:
    """Precision and recall at each threshold of evaluation.json's ``thresholds``."""
    rows = sorted((row for row in table if row["recall"] is not None), key=lambda row: row["threshold"])
    with settings():
        figure, (axes,) = new_figure()
        places = [row["threshold"] for row in rows]
        axes.plot(places, [row["precision"] for row in rows], color=COLOURS["candidate"], label="precision")
        axes.plot(
            places, [row["recall"] for row in rows], color=COLOURS["champion"],
            linestyle=LINE_STYLES["champion"], label="recall",
        )  # fmt: skip
        _mark(axes, next((row["threshold"] for row in rows if row["best"]), None))
        _threshold_axis(axes)
        axes.set_ylim(-0.01, 1.01)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        _legend_above(axes)
        return to_svg(figure, "by-threshold", "Precision and recall against the threshold")


def _line(axes: Axes, x: list[float], y: list[float], role: str, label: str) -> None:
    axes.plot(x, y, color=COLOURS[role], linestyle=LINE_STYLES[role], label=label)


def _with_value(role: str, name: str, value: float | None) -> str:
    return role if value is None else f"{role} ({name} {value:.3f})"


def _unit_square(axes: Axes, x: str, y: str) -> None:
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), xlabel=x, ylabel=y)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0, decimals=0))


def _threshold_axis(axes: Axes) -> None:
    axes.set_xscale("log")
    axes.set_xlim(right=1.05)
    axes.minorticks_off()
    axes.xaxis.set_major_formatter(FuncFormatter(plain))
    axes.set_xlabel("threshold (log)")


def _legend_above(axes: Axes) -> None:
    handles, _ = axes.get_legend_handles_labels()
    axes.figure.legend(loc="outside upper left", ncols=len(handles), columnspacing=1.2, handlelength=1.8)


def _mark(axes: Axes, threshold: float | None) -> None:
    if threshold is not None:
        axes.axvline(threshold, color=BEST, linestyle="--", linewidth=1.4, label=f"chosen: {threshold:.3g}")
