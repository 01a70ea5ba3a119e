"""Values as a reader wants them."""

import math

from scripts.retraining.durations import duration

MINUS = "\N{MINUS SIGN}"


def number(value: object, digits: int | None = None) -> str:
    """A number with separators; floats to ``digits`` decimals, or four significant digits; other values as text."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if not isinstance(value, float):
        return str(value)
    if math.isnan(value):
        return "–"
    return _float(value, digits).replace("-", MINUS)


def _float(value: float, digits: int | None) -> str:
    if digits is not None:
        return f"{value:,.{digits}f}"
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    if abs(value) >= 1000:
        return f"{value:,.2f}"
    text = f"{value:.4g}"
    # 0.000003342 is read at once where 3.342e-06 is not.
    return f"{value:.12f}".rstrip("0") if "e-0" in text else text


def signed(value: float | None, digits: int = 4) -> str:
    """A difference with its sign."""
    return "–" if value is None or math.isnan(value) else f"{value:+.{digits}f}".replace("-", MINUS)


def seconds(value: float | None) -> str:
    """A duration; a dash where it is not known."""
    return duration(value, unknown="–")


def short_name(name: str) -> str:
    """The last two parts of a job's long name."""
    parts = str(name).split("-")
    return "-".join(parts[-2:]) if len(parts) > 2 else str(name)


def setting(value: object) -> str:
    """A hyperparameter's value, which the API gives as text: numbers to four significant digits."""
    text = str(value).strip('"')
    try:
        return text if text.lstrip("-").isdigit() else number(float(text))
    except ValueError:
        return text
