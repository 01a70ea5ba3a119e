"""One look for all pictures: an accessible palette, quiet axes, and SVG that can be put into a page."""

import io
import re
from html import escape

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

# Okabe and Ito's colours: told apart by people with any common form of colour blindness, and in grey print by
# their lightness together with the line styles below.
CANDIDATE, CHAMPION = "#0072B2", "#D55E00"
FRAUD, GENUINE = "#D55E00", "#0072B2"
BEST, NEUTRAL, INK, GRID = "#009E73", "#9AA3AE", "#1F2933", "#E4E7EB"
LINE_STYLES = {"candidate": "-", "champion": (0, (5, 2))}
COLOURS = {"candidate": CANDIDATE, "champion": CHAMPION}

_SETTINGS = {
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.edgecolor": "#8A94A0",
    "axes.labelcolor": INK,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": INK,
    "ytick.color": INK,
    "text.color": INK,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    # Text stays text: it can be searched and selected, and the file is a third of the size.
    "svg.fonttype": "none",
    # Names come from users; a dollar sign in one begins no formula.
    "text.parse_math": False,
}
_WIDTH = {"half": 5.0, "full": 10.2}


def settings():
    """A context in which figures are made with this look; matplotlib's own settings are left alone."""
    return matplotlib.rc_context(_SETTINGS)


def new_figure(width: str = "half", height: float = 3.5, columns: int = 1) -> tuple[Figure, list[Axes]]:
    """A figure of ``half`` or ``full`` page width and ``height`` inches, with its axes side by side."""
    figure = Figure(figsize=(_WIDTH[width], height), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.subplots(1, columns, squeeze=False)[0]
    return figure, list(axes)


def to_svg(figure: Figure, name: str, description: str) -> str:
    """The figure as an inline SVG element, with ids of its own and ``description`` for those who cannot see it."""
    stream = io.StringIO()
    with matplotlib.rc_context({**_SETTINGS, "svg.hashsalt": name}):
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = stream.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    # Several pictures share a page, and ids are the page's.
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r'(href="#|url\(#)', rf"\g<1>{name}-", text)
    # The page sets the size; the viewBox keeps the proportions.
    box = re.search(r'viewBox="([^"]+)"', text)[1]
    head = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="{box}" role="img" aria-label="{escape(description, quote=True)}">'
    )
    return head + text[text.index(">") + 1 :]


def plain(value: float, _: int = 0) -> str:
    """An axis label without powers of ten: 1,000 and 0.001."""
    if abs(value) >= 1 or value == 0:
        return f"{value:,.0f}"
    return f"{value:.10f}".rstrip("0")
