"""Numbers as Java writes them, which is how they stand in AWS's texts."""

from __future__ import annotations

import math


def java(value: float | str) -> str:
    """Return a number as Java writes it, which AWS's texts do: 5.09E-4, 1.0E7."""
    if isinstance(value, str):
        return value
    if value and math.isfinite(value) and not 1e-3 <= abs(value) < 1e7:
        digits, exponent = f"{value!r}".lower().split("e") if "e" in repr(value) else _scientific(value)
        return f"{digits if '.' in digits else digits + '.0'}E{int(exponent)}"
    return {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}.get(repr(float(value)), repr(float(value)))


def _scientific(value: float) -> tuple[str, str]:
    for places in range(17):
        text = f"{value:.{places}e}"
        if float(text) == value:
            break
    digits, exponent = text.split("e")
    return digits, exponent
