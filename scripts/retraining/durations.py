"""Durations as a person reads them."""


def duration(seconds: float | None, unknown: str = "") -> str:
    """8.3 s, 2 min 05 s, 1 h 03 min; `unknown` for None."""
    if seconds is None:
        return unknown
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
