"""The pictures of a backtest, as inline SVG."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, PercentFormatter

from fraud.backtest.results import RuleResult
from fraud.decisions.thresholds import HIGHEST, NEVER, UNITS
from scripts.backtesting.findings import Findings
from scripts.report.style import BEST, FRAUD, GENUINE, INK, NEUTRAL, new_figure, plain, settings, to_svg
from scripts.report.text import number

_DASHED, _DOTTED = (0, (5, 2)), ":"
_MOST_RULES = 25


def cost(findings: Findings) -> str:
    """What history would have cost with one threshold alone, by its score: reviews from there on, or declines."""
    swept, costs = findings.sweep, findings.costs
    scores = np.arange(HIGHEST + 2)
    frauds, amounts = swept.frauds, swept.fraud_amount
    fixed, share = float(costs.missed_fixed), float(costs.missed_share)
    lost = frauds * fixed + amounts / UNITS * share
    missed = lost[0] - lost
    reviewed = swept.events * float(costs.review) + (1 - float(costs.found_in_review)) * lost
    declined = swept.genuine * float(costs.declined_fixed) + swept.genuine_amount / UNITS * float(costs.declined_share)
    with settings():
        figure, (axes,) = new_figure("half", 3.6)
        axes.plot(scores, missed + reviewed, color=GENUINE, linewidth=2.2, label="reviewed from there on")
        axes.plot(scores, missed + declined, color=FRAUD, linestyle=_DASHED, linewidth=2.2, label="declined")
        axes.plot(scores, missed, color=NEUTRAL, linestyle=_DOTTED, label="frauds missed")
        choice = findings.by_cost
        if choice is not None:
            for line, (place, name) in enumerate(((choice.review_at, "review"), (choice.decline_at, "decline"))):
                if place < NEVER and not (name == "review" and choice.review_at >= choice.decline_at):
                    _mark(axes, place, f"{name} ≥ {place}", line)
        # Stopping everything dwarfs all else; the bottom is what thresholds are chosen by.
        lowest = min((missed + reviewed).min(), (missed + declined).min())
        if lowest > 0:
            axes.set_yscale("log")
            axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axes.minorticks_off()
        axes.set_ylim(0.7 * lowest, max(2 * float(lost[0]), 1.0))
        axes.set_xlim(_first_score(findings), HIGHEST)
        axes.set_xlabel("threshold of the score")
        axes.set_ylabel("cost (log)" if lowest > 0 else "cost")
        axes.yaxis.set_major_formatter(FuncFormatter(plain))
        _legend_above(axes)
        return to_svg(figure, "cost", "Cost of reviewing or declining from each threshold of the score on")


def load(findings: Findings) -> str:
    """Share of frauds found against events stopped a day: thresholds as a line, rules and rule sets as points."""
    whole = findings.result.whole
    with settings():
        figure, (axes,) = new_figure("half", 3.6)
        if findings.sweep is not None:
            swept = findings.sweep
            shown = swept.events > 0
            x = swept.events[shown] / max(findings.days, 1)
            axes.plot(x, swept.frauds[shown] / max(whole.frauds, 1), color=GENUINE, label="score, frauds")
            if whole.fraud_amount:
                y = swept.fraud_amount[shown] / whole.fraud_amount
                axes.plot(x, y, color=GENUINE, linestyle=_DOTTED, label="score, their amounts")
        for place, rule in enumerate(findings.result.rules[:_MOST_RULES], 1):
            if rule.found.events:
                share = rule.found.share_of(whole)[0] or 0.0
                face = "none" if rule.rule.shadow else NEUTRAL
                x = findings.a_day(rule.found.events)
                axes.plot(x, share, "o", color=NEUTRAL, mfc=face, markersize=6)
                axes.annotate(str(place), (x, share), xytext=(6, -4), textcoords="offset points", fontsize=8, zorder=5)
        sides = [(findings.name, findings.result, BEST, "D")]
        if findings.other is not None:
            sides.append((findings.other_name, findings.other, FRAUD, "s"))
        for name, result, colour, marker in sides:
            stopped = result.stopped
            if stopped.events:
                share = stopped.share_of(whole)[0] or 0.0
                axes.plot(
                    findings.a_day(stopped.events), share, marker, color=colour, markersize=8, label=_short(name, 24)
                )
        axes.set_xscale("log")
        axes.set_ylim(-0.02, 1.04)
        axes.set_xlabel("events stopped a day (log)")
        axes.set_ylabel("share of frauds")
        axes.xaxis.set_major_formatter(FuncFormatter(plain))
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        _legend_above(axes)
        return to_svg(figure, "load", "Share of frauds found against the number of events stopped a day")


def rules(findings: Findings) -> str:
    """Frauds and genuine events that each rule stops, and what it adds to the rule set."""
    shown = list(findings.result.rules[:_MOST_RULES])
    places = np.arange(len(shown))
    with settings():
        figure, axes = new_figure("full", 1.3 + 0.36 * max(len(shown), 2), columns=3)
        names = [
            _short(f"{place} {rule.rule.name}{' (shadow)' if rule.rule.shadow else ''}", 30)
            for place, rule in enumerate(shown, 1)
        ]
        _bars(axes[0], places, [rule.found.frauds for rule in shown], FRAUD, "frauds", shown)
        _bars(axes[1], places, [rule.found.genuine for rule in shown], GENUINE, "genuine events", shown)
        _bars(axes[2], places, [float(rule.adds) for rule in shown], BEST, "saved by having the rule", shown)
        for column, axis in enumerate(axes):
            axis.set_yticks(places, names if column == 0 else [""] * len(names))
            axis.invert_yaxis()
            axis.grid(axis="y", visible=False)
            axis.tick_params(axis="y", length=0)
            axis.set_xticks([])
            axis.spines[["bottom", "left"]].set_visible(False)
            axis.axvline(0, color=INK, linewidth=0.8)
        return to_svg(figure, "rules", "Frauds, genuine events and money saved by rule")


def time(findings: Findings) -> str:
    """Events stopped a day over time, and the share of frauds among all that was stopped."""
    periods = findings.periods
    starts = [period.start for period in periods]
    weekly = len(periods) > 1 and periods[0].days > 1
    with settings():
        figure, (axes,) = new_figure("full", 3.2)
        width = 0.85 * (7 if weekly else 1)
        reviews = [period.reviews / period.days for period in periods]
        declines = [period.declines / period.days for period in periods]
        kind = {"width": width, "align": "edge"}
        axes.bar(starts, reviews, color=GENUINE, alpha=0.45, label="reviews a day", **kind)
        axes.bar(starts, declines, bottom=reviews, color=FRAUD, alpha=0.55, label="declines a day", **kind)
        axes.set_ylabel("events a day")
        axes.yaxis.set_major_formatter(FuncFormatter(plain))
        right = axes.twinx()
        shares = [period.stopped / period.frauds if period.frauds else np.nan for period in periods]
        middle = [np.datetime64(start) + np.timedelta64(int(12 * width), "h") for start in starts]
        right.plot(middle, shares, color=INK, marker="o", markersize=3.5, linewidth=1.3, label="frauds stopped")
        right.set_ylim(0, 1.04)
        right.set_ylabel("share of frauds stopped")
        right.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        right.grid(visible=False)
        right.spines["right"].set_visible(True)
        figure.autofmt_xdate(rotation=0, ha="center")
        handles = [*axes.get_legend_handles_labels()[0], *right.get_legend_handles_labels()[0]]
        figure.legend(handles=handles, loc="outside upper left", ncols=3, columnspacing=1.4)
        words = "week" if weekly else "day"
        return to_svg(figure, "time", f"Reviews, declines and the share of frauds stopped by {words}")


def _bars(
    axes: Axes, places: np.ndarray, values: Sequence[float], colour: str, title: str, shown: Sequence[RuleResult]
) -> None:
    """Bars with their values beside them, by the square root: a rule that is far off leaves room for the others."""
    lengths = [np.sign(value) * abs(value) ** 0.5 for value in values]
    bars = axes.barh(places, lengths, color=colour, alpha=0.75)
    for bar, rule, length, value in zip(bars, shown, lengths, values, strict=True):
        if rule.rule.shadow:
            bar.set(fill=False, edgecolor=colour, hatch="///")
        side = -1 if length < 0 else 1
        axes.annotate(
            number(float(value), 0), (length, bar.get_y() + bar.get_height() / 2), xytext=(4 * side, 0),
            textcoords="offset points", va="center", ha="left" if side > 0 else "right", fontsize=8.5,
        )  # fmt: skip
    # Room for the values.
    low, high = min([0.0, *lengths]), max([0.0, *lengths])
    room = 0.3 * ((high - low) or 1.0)
    axes.set_xlim(low - (room if low < 0 else 0), high + room)
    axes.set_title(title)


def _mark(axes: Axes, place: int, label: str, line: int) -> None:
    axes.axvline(place, color=BEST, linestyle="--", linewidth=1.2)
    axes.annotate(
        label, (place, 1), xycoords=("data", "axes fraction"), xytext=(4 if line else -4, -11),
        textcoords="offset points", fontsize=8.5, color=BEST, ha="left" if line else "right",
    )  # fmt: skip


def _first_score(findings: Findings) -> int:
    """Where the axis begins: below nearly all frauds, since costs below hardly change."""
    frauds = findings.sweep.frauds
    below = np.flatnonzero(frauds >= 0.995 * max(int(frauds[0]), 1))
    return max(0, (int(below.max(initial=0)) // 50 - 1) * 50)


def _legend_above(axes: Axes) -> None:
    axes.figure.legend(loc="outside upper left", ncols=2, columnspacing=1.2, handlelength=1.8)


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
