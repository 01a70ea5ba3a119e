"""The comparison of champion and challenger as HTML: a section that stands in any report, and a page of its own.

Pictures are written as SVG by hand, because the containers that make reports have no plotting library.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

CHAMPION, CHALLENGER, INK, SOFT, LINE = "#D55E00", "#0072B2", "#1F2933", "#52606D", "#DDE2E8"
_VERDICTS = {
    "better": ("The challenger is better", "#009E73"),
    "worse": ("The challenger is worse", "#D55E00"),
    "undecided": ("No difference can be told yet", "#9AA3AE"),
    "too-few-frauds": ("Too few labelled frauds to compare", "#9AA3AE"),
}
_CELLS = {
    "both": "both models",
    "champion_only": "the champion alone",
    "challenger_only": "the challenger alone",
    "neither": "neither",
}
_STYLE = f"""
.comparison {{ font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif; color: {INK}; }}
.comparison table {{ border-collapse: collapse; font-size: 14px; margin: 8px 0 16px;
  font-variant-numeric: tabular-nums; }}
.comparison caption {{ text-align: left; font-weight: 600; padding: 6px 0; }}
.comparison th, .comparison td {{ text-align: right; padding: 4px 14px 4px 0; border-bottom: 1px solid {LINE}; }}
.comparison th:first-child, .comparison td:first-child {{ text-align: left; }}
.comparison thead th {{ color: {SOFT}; }}
.comparison .verdict {{ margin: 0 0 14px; padding: 8px 14px; border-left: 5px solid; background: #F4F6F8; }}
.comparison .pictures {{ display: flex; flex-wrap: wrap; gap: 24px; }}
.comparison figure {{ margin: 0; flex: 1 1 420px; max-width: 620px; }}
.comparison figcaption {{ font-weight: 600; font-size: 14px; }}
.comparison svg {{ width: 100%; height: auto; }}
.comparison .note {{ color: {SOFT}; font-size: 13.5px; max-width: 90ch; }}
"""


def page(comparison: Mapping[str, Any], title: str) -> str:
    """A whole HTML document, without anything from elsewhere."""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"></head>'
        f'<body style="margin:0 auto;max-width:1080px;padding:24px">'
        f'<h1 style="font:600 26px system-ui,sans-serif">{escape(title)}</h1>{section(comparison)}</body></html>\n'
    )


def section(comparison: Mapping[str, Any]) -> str:
    """A `<section>` with its own style: verdict, differences with intervals, curves, agreement and counts."""
    words, colour = _VERDICTS[comparison["verdict"]]
    first, *others = comparison["sentences"]
    parts = [
        f"<style>{_STYLE}</style>",
        "<h2>Champion and challenger</h2>",
        f'<p class="verdict" style="border-color:{colour}"><b>{words}.</b> {escape(first)}</p>',
        _list(others),
        _table(comparison),
        '<div class="pictures">',
        _figure("Difference, challenger minus champion, with its 95 % interval", _forest(comparison)),
    ]
    if comparison.get("curves"):
        parts.append(_figure("Precision at each share of frauds found", _curves(comparison["curves"])))
    parts.append("</div>")
    if comparison.get("agreement"):
        parts.append(_agreement(comparison["agreement"]))
    parts.append(f'<p class="note">{escape(_note(comparison))}</p>')
    return f'<section class="comparison" id="comparison">{"".join(parts)}</section>'


def _note(comparison: Mapping[str, Any]) -> str:
    sizes, window = comparison["transactions"], comparison.get("window") or {}
    one, other = sizes["champion"], sizes["challenger"]
    if comparison["design"] == "paired":
        text = f"Both models answered the same {one['rows']:,} labelled transactions ({one['frauds']:,} frauds)"
    else:
        text = (
            f"The champion answered {one['rows']:,} labelled transactions ({one['frauds']:,} frauds), the challenger "
            f"{other['rows']:,} others ({other['frauds']:,} frauds)"
        )
    if window.get("first"):
        text += f", from {window['first'][:16]} to {window['last'][:16]} UTC"
    return (
        f"{text}. An alert is a probability of {comparison['threshold']:.3f} or more; looking at one costs "
        f"{comparison['review_cost_per_alert']:g}. Intervals come from {comparison['bootstrap']['samples']:,} redraws "
        "of transactions; frauds of one card come together, which makes the true intervals a little wider."
    )


def _list(sentences: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in sentences)}</ul>" if sentences else ""


def _table(comparison: Mapping[str, Any]) -> str:
    rows = []
    for name, row in comparison["metrics"].items():
        cells = [_bounded(name, row[who]) for who in ("champion", "challenger")]
        real = "yes" if row["real"] else "may be chance"
        rows.append(
            f"<tr><th>{escape(row['words'])}</th><td>{cells[0]}</td><td>{cells[1]}</td>"
            f"<td>{_bounded(name, row['difference'], sign='+')}</td><td>{real}</td></tr>"
        )
    head = "".join(f"<th>{text}</th>" for text in ("", "champion", "challenger", "difference", "real?"))
    return (
        "<table><caption>Values with 95 % intervals</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )


def _bounded(name: str, value: Mapping[str, float | None], sign: str = "") -> str:
    low, high = number(name, value["low"], sign), number(name, value["high"], sign)
    return f"{number(name, value['value'], sign)} <small>({low} … {high})</small>"


def number(name: str, value: float | None, sign: str = "") -> str:
    """A metric's value as people read it; a dash where it is not defined."""
    if value is None:
        return "–"
    return f"{value:{sign},.1f}" if name.endswith("_per_1000") else f"{value:{sign}.4f}"


def _figure(caption: str, svg: str) -> str:
    return f"<figure><figcaption>{escape(caption)}</figcaption>{svg}</figure>"


def _forest(comparison: Mapping[str, Any]) -> str:
    """A line for each metric: the interval around its difference, on a scale of its own with zero in the middle."""
    height, middle, reach = 46, 300, 150
    rows = [(name, row) for name, row in comparison["metrics"].items() if row["difference"]["low"] is not None]
    marks = [
        f'<line x1="{middle}" y1="0" x2="{middle}" y2="{height * len(rows)}" stroke="{SOFT}" stroke-dasharray="4 3"/>'
    ]
    for at, (name, row) in enumerate(rows):
        difference, y = row["difference"], at * height + 26
        scale = reach / (max(abs(difference["low"]), abs(difference["high"])) or 1.0)
        low, value, high = (middle + difference[key] * scale for key in ("low", "value", "high"))
        colour = INK if not row["real"] else CHALLENGER if difference["value"] > 0 else CHAMPION
        marks += [
            f'<text x="0" y="{y - 10}" font-size="12" fill="{INK}">{escape(row["words"])}</text>',
            f'<line x1="{low:.1f}" y1="{y}" x2="{high:.1f}" y2="{y}" stroke="{colour}" stroke-width="2.5"/>',
            f'<circle cx="{value:.1f}" cy="{y}" r="5" fill="{colour}"/>',
            f'<text x="600" y="{y + 4}" font-size="12" text-anchor="end" fill="{colour}">'
            f"{number(name, difference['value'], '+')}</text>",
        ]
    label = "Differences of the metrics with their intervals"
    return f'<svg viewBox="0 0 600 {height * len(rows) + 6}" role="img" aria-label="{label}">{"".join(marks)}</svg>'


def _curves(curves: Mapping[str, Mapping[str, Sequence[float]]]) -> str:
    """Precision against recall of both models."""
    width, height, left, bottom = 560, 300, 46, 36
    parts = []
    for step in range(6):
        share = step / 5
        x, y = left + share * (width - left - 10), height - bottom - share * (height - bottom - 10)
        parts += [
            f'<line x1="{left}" y1="{y:.1f}" x2="{width - 10}" y2="{y:.1f}" stroke="{LINE}"/>',
            f'<text x="{left - 6}" y="{y + 4:.1f}" font-size="11" text-anchor="end" fill="{SOFT}">{share:.1f}</text>',
            f'<text x="{x:.1f}" y="{height - bottom + 16}" font-size="11" text-anchor="middle" fill="{SOFT}">'
            f"{share:.1f}</text>",
        ]
    for at, (who, colour, dash) in enumerate((("champion", CHAMPION, "7 4"), ("challenger", CHALLENGER, ""))):
        points = " ".join(
            f"{left + recall * (width - left - 10):.1f},{height - bottom - precision * (height - bottom - 10):.1f}"
            for recall, precision in zip(curves[who]["recall"], curves[who]["precision"], strict=True)
        )
        style = f'fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"'
        parts += [
            f'<polyline points="{points}" {style}/>',
            f'<line x1="{width - 150}" y1="{20 + 18 * at}" x2="{width - 116}" y2="{20 + 18 * at}" {style}/>',
            f'<text x="{width - 108}" y="{24 + 18 * at}" font-size="12" fill="{INK}">{who}</text>',
        ]
    parts.append(
        f'<text x="{(width + left) / 2}" y="{height - 4}" font-size="12" text-anchor="middle" fill="{INK}">'
        "share of frauds found (recall)</text>"
    )
    label = "Precision against recall of champion and challenger"
    return f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{label}">{"".join(parts)}</svg>'


def _agreement(agreement: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><th>{words}</th><td>{agreement['alerts'][name]['frauds']:,}</td>"
        f"<td>{agreement['alerts'][name]['genuine']:,}</td></tr>"
        for name, words in _CELLS.items()
    )
    correlation = agreement["rank_correlation"]
    note = "" if correlation is None else f"<p class='note'>Rank correlation of the scores: {correlation:.3f}.</p>"
    return (
        "<table><caption>Who raises an alert</caption><thead><tr><th>alert by</th><th>frauds</th><th>genuine</th></tr>"
        f"</thead><tbody>{rows}</tbody></table>{note}"
    )
