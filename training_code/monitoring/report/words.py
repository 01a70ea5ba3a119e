"""Numbers and lists as people read them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any


def number(value: Any) -> str:
    """Three significant digits, thousands with commas; – for nothing."""
    if value is None or isinstance(value, str):
        return value or "–"
    if isinstance(value, bool) or not math.isfinite(value):
        return str(value)
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    if abs(value) >= 1e-4:
        return f"{value:.3g}"
    return f"{value:.1e}"


def percent(share: Any) -> str:
    """A share in per cent, with as many digits as it needs; – for nothing."""
    if share is None or isinstance(share, str):
        return share or "–"
    value = share * 100
    if value and abs(value) < 0.1:
        return f"{value:.2g}\N{NO-BREAK SPACE}%"
    return f"{value:.1f}".removesuffix(".0") + "\N{NO-BREAK SPACE}%"


def listed(names: Sequence[str], most: int = 4) -> str:
    """a, b and c; of more than `most` the first ones and how many others."""
    names = list(names)
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def counted(amount: int, noun: str) -> str:
    """1 row, 2 rows."""
    return f"{amount:,} {noun if amount == 1 else noun + 's'}"


def moment(text: Any) -> str:
    """2030-01-01T05:00:00+00:00 as 2030-01-01 05:00 UTC."""
    return f"{text[:10]} {text[11:16]} UTC" if isinstance(text, str) and len(text) >= 16 else "–"
