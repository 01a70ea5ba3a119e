"""Pictures as inline SVG, without a library: containers have none. Colours are the page's, in page.css."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from training_code.monitoring.report.words import number, percent

WIDTH, HEIGHT = 360, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 10, 12, 30
Point = tuple[float, float]


def histogram(edges: Sequence[float], before: Sequence[float], now: Sequence[float], *, log: bool = False) -> str:
    """Two step outlines over shared bins: shares before, filled, and now, a line. `edges` has one more than shares."""
    frame = _Frame(len(before), max([*before, *now, 1e-9]))
    parts = [frame.axes()]
    for shares, kind in ((before, "before"), (now, "now")):
        points = []
        for at, share in enumerate(shares):
            points += [(frame.x(at), frame.y(share)), (frame.x(at + 1), frame.y(share))]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        parts.append(
            f'<path class="{kind} area" d="M{frame.x(0):.1f} {frame.base}L{path}L{frame.right} {frame.base}Z"/>'
        )
        parts.append(f'<path class="{kind} line" d="M{path}"/>')
    last = len(edges) - 1
    for at in (0, last // 2, last):
        # Bins of whole numbers begin and end halfway between two of them.
        edge = edges[at] + 0.5 * ((at < last) - (at == last)) if edges[0] % 1 == 0.5 else edges[at]
        parts.append(frame.below(frame.x(at), number(_rounded(edge)), at, last))
    if log:
        parts.append(f'<text class="tick" x="{frame.right}" y="{_TOP - 2}" text-anchor="end">logarithmic</text>')
    return _svg(parts, "Distribution before and now")


def pairs(labels: Sequence[str], before: Sequence[float], now: Sequence[float]) -> str:
    """Two bars for each label: shares before and now."""
    frame = _Frame(len(labels), max([*before, *now, 1e-9]))
    parts = [frame.axes()]
    width = frame.step * 0.36
    for at, label in enumerate(labels):
        middle = frame.x(at + 0.5)
        for share, kind, left in ((before[at], "before", middle - width), (now[at], "now", middle)):
            top = frame.y(share)
            parts.append(
                f'<rect class="{kind} bar" x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" '
                f'height="{frame.base - top:.1f}"><title>{escape(label)}: {percent(share)}</title></rect>'
            )
        if len(labels) <= 6 or at % (len(labels) // 6 + 1) == 0:
            room = int(frame.step * (1 if len(labels) <= 6 else len(labels) // 6 + 1) / 6)
            parts.append(frame.below(middle, label if len(label) <= room else label[: max(1, room - 1)] + "…", 1, 2))
    return _svg(parts, "Shares before and now")


def bars(rows: Sequence[tuple[str, float | None, float | None]], *, as_percent: bool = False) -> str:
    """A line for each name with two horizontal bars, before and now, worst or largest first; None draws no bar."""
    text = percent if as_percent else number
    longest = max([abs(value) for _, *values in rows for value in values if value is not None] or [0.0]) or 1.0
    height, left, room = 30, 128, WIDTH - 128 - 52
    parts = []
    for at, (name, before, now) in enumerate(rows):
        y = at * height + 4
        shown = name if len(name) <= 19 else name[:18] + "…"
        parts.append(
            f'<text class="name" x="{left - 6}" y="{y + 14}" text-anchor="end">{escape(shown)}'
            f"<title>{escape(name)}</title></text>"
        )
        for value, kind, place in ((before, "before", y), (now, "now", y + 10)):
            if value is None:
                continue
            width = max(1.0, abs(value) / longest * room)
            parts.append(f'<rect class="{kind} bar" x="{left}" y="{place}" width="{width:.1f}" height="9"/>')
            parts.append(f'<text class="value" x="{left + width + 4:.1f}" y="{place + 8}">{text(value)}</text>')
    return _svg(parts, "Values before and now", height=len(rows) * height + 6)


def over_time(values: Sequence[float | None], labels: Sequence[str], limit: float | None = None) -> str:
    """A line of values, the last one marked, with a dashed limit; None leaves a gap."""
    known = [value for value in values if value is not None] + ([limit] if limit is not None else [])
    low, high = min([*known, 0.0]), max([*known, 0.0])
    frame = _Frame(max(1, len(values) - 1), high if high > low else low + 1, low)
    parts = [frame.axes(as_percent=False)]
    if limit is not None:
        y = frame.y(limit)
        parts.append(f'<path class="limit" d="M{_LEFT} {y:.1f}L{frame.right} {y:.1f}"/>')
    run: list[str] = []
    for at, value in enumerate([*values, None]):
        if value is not None:
            run.append(f"{frame.x(at):.1f} {frame.y(value):.1f}")
            continue
        if run:
            parts.append(f'<path class="now line" d="M{"L".join(run)}"/>')
        run = []
    for at, value in enumerate(values):
        if value is not None:
            size = 4 if at == len(values) - 1 else 2
            parts.append(
                f'<circle class="now dot" cx="{frame.x(at):.1f}" cy="{frame.y(value):.1f}" r="{size}">'
                f"<title>{escape(labels[at])}: {number(value)}</title></circle>"
            )
    parts.append(frame.below(frame.x(0), labels[0], 0, 1))
    if len(labels) > 1:
        parts.append(frame.below(frame.x(len(labels) - 1), labels[-1], 1, 1))
    return _svg(parts, "Values over time")


def curve(before: Sequence[Point] | None, now: Sequence[Point], across: str) -> str:
    """Two curves in the unit square; `across` names the horizontal axis."""
    frame = _Frame(1, 1.0)
    parts = [frame.axes()]
    for points, kind in ((before, "before"), (now, "now")):
        if points:
            path = "L".join(f"{frame.x(x):.1f} {frame.y(y):.1f}" for x, y in points)
            parts.append(f'<path class="{kind} line" d="M{path}"/>')
    parts += [frame.below(frame.x(0), "0", 0, 1), frame.below(frame.x(1), "1", 1, 1)]
    parts.append(
        f'<text class="tick" x="{frame.x(0.5):.0f}" y="{HEIGHT - 8}" text-anchor="middle">{escape(across)}</text>'
    )
    return _svg(parts, "Curve before and now")


class _Frame:
    """A plot's area: `steps` from left to right, values from `low` to `high` upwards."""

    def __init__(self, steps: int, high: float, low: float = 0.0) -> None:
        self.right, self.base = WIDTH - _RIGHT, HEIGHT - _BOTTOM
        self.step = (self.right - _LEFT) / max(steps, 1)
        self.low, self.high = low, high if high > low else low + 1

    def x(self, place: float) -> float:
        return _LEFT + place * self.step

    def y(self, value: float) -> float:
        return self.base - (value - self.low) / (self.high - self.low) * (self.base - _TOP)

    def axes(self, *, as_percent: bool = True) -> str:
        text = percent if as_percent else number
        lines = []
        for share in (0.0, 0.5, 1.0):
            value = self.low + share * (self.high - self.low)
            y = self.y(value)
            lines.append(f'<path class="grid" d="M{_LEFT} {y:.1f}L{self.right} {y:.1f}"/>')
            label = text(_rounded(value))
            lines.append(f'<text class="tick" x="{_LEFT - 5}" y="{y + 3:.1f}" text-anchor="end">{label}</text>')
        return "".join(lines)

    def below(self, x: float, text: str, at: int, last: int) -> str:
        anchor = "start" if at == 0 else "end" if at == last else "middle"
        return f'<text class="tick" x="{x:.1f}" y="{self.base + 14}" text-anchor="{anchor}">{escape(text)}</text>'


def _rounded(value: float) -> float:
    return float(f"{value:.3g}")


def _svg(parts: Sequence[str], description: str, height: int = HEIGHT) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{escape(description, quote=True)}">{"".join(parts)}</svg>'
    )
