"""Pictures of drift: each feature's distance from its baseline, before and after."""

from scripts.report.style import CANDIDATE, CHAMPION, INK, new_figure, settings, to_svg

_MOST_FEATURES = 25


def drift(before: dict[str, float], after: dict[str, float], threshold: float) -> str:
    """Two bars a feature, worst first by the greater distance, with a line at the threshold.

    before, after: distance by feature, in [0, 1]; either may be empty.
    """
    worst = sorted({*before, *after}, key=lambda name: (-max(after.get(name, 0), before.get(name, 0)), name))
    names = worst[:_MOST_FEATURES]
    sides = [(side, label, colour) for side, label, colour in (
        (before, "before", CANDIDATE), (after, "after", CHAMPION)) if side]  # fmt: skip
    with settings():
        figure, (axes,) = new_figure("full", 1.0 + 0.36 * len(names))
        height = 0.78 / len(sides)
        for index, (side, label, colour) in enumerate(sides):
            places = [row + (index - (len(sides) - 1) / 2) * height for row in range(len(names))]
            values = [side.get(name, 0.0) for name in names]
            bars = axes.barh(places, values, height=height * 0.92, color=colour, label=label)
            # The figures keep a distance of nought apart from a feature that was not measured.
            texts = [f"{side[name]:.2f}" if name in side else "not measured" for name in names]
            axes.bar_label(bars, texts, padding=3, fontsize=7.5, color=INK)
        axes.set_yticks(range(len(names)), names)
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.axvline(threshold, color=INK, linestyle="--", linewidth=1.2, label=f"threshold {threshold:g}")
        axes.set_xlim(0, max(threshold * 1.6, *(side.get(n, 0.0) * 1.05 for side, _, _ in sides for n in names)))
        axes.set_xlabel("robust distance from the baseline (L-infinity)")
        axes.grid(axis="y", visible=False)
        axes.tick_params(axis="y", length=0)
        axes.legend(loc="lower right")
        return to_svg(figure, "drift", "Distance from the baseline for each feature, worst first")
