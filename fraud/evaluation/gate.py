"""The gate: may the candidate replace the champion?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class GateDecision:
    """The verdict and its reasons in whole sentences."""

    passed: bool
    metric: str
    margin: float
    floor: float
    reasons: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form, as in evaluation.json."""
        return asdict(self) | {"reasons": list(self.reasons)}


def decide(
    candidate: Mapping[str, float],
    champion: Mapping[str, float] | None,
    metric: str,
    margin: float,
    floor: float,
) -> GateDecision:
    """Pass a candidate whose metric reaches `floor` and is not below the champion's by more than `margin`.

    `metric` is one where higher is better. A value that is missing or NaN never passes.
    """
    value = candidate.get(metric, math.nan)
    if not math.isfinite(value):
        reason = (
            f"The candidate's {metric} cannot be computed on this hold-out: it needs frauds and genuine rows. "
            "Choose a longer test period."
        )
        return GateDecision(False, metric, margin, floor, (reason,))
    checks = [
        (
            value >= floor,
            f"The candidate's {metric} of {value:.4f} {{}} the floor of {floor:.4f}.",
            ("reaches", "is below"),
        )
    ]
    if champion is None:
        checks.append((True, "There is no champion to compare with{}.", ("", "")))
    else:
        held = champion.get(metric, math.nan)
        bound = f"within the margin of {margin:.4f}"
        checks.append(
            (
                # NaN compares false: a champion that cannot be measured is not beaten.
                value >= held - margin,
                f"The candidate's {metric} of {value:.4f} {{}} the champion's {held:.4f}.",
                (f"is not below, {bound},", f"is not, {bound}, as good as"),
            )
        )
    passed = all(holds for holds, _, _ in checks)
    reasons = tuple(text.format(words[0] if holds else words[1]) for holds, text, words in checks)
    return GateDecision(passed, metric, margin, floor, reasons)
