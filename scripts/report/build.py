"""Put the sections together into one page that needs no network and no JavaScript."""

import os
import tempfile
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import jinja2

from scripts.report.headline import Tile, Verdict, tiles, verdict
from scripts.report.inputs import ReportInputs
from scripts.report.section import Section
from scripts.report.sections_monitor import drift
from scripts.report.sections_quality import calibration, curves, metrics, scores, thresholds
from scripts.report.sections_run import outputs, replay, run, scored, time, tuning

_ORDER = (run, metrics, curves, scores, thresholds, calibration, tuning, drift, replay, scored, time, outputs)


def build_report(inputs: ReportInputs, out: Path) -> Path:
    """Write the report to ``out`` (whole or not at all, folders made as needed) and return its path."""
    return write(render(inputs), out)


def write(page: str, out: Path) -> Path:
    """Write a page to ``out``, whole or not at all, and return its path."""
    out = Path(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=out.parent, prefix=f".{out.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(page)
        Path(name).chmod(0o644)
        Path(name).replace(out)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return out


def render(inputs: ReportInputs) -> str:
    """The report's HTML."""
    return render_page(inputs.title, verdict(inputs), tiles(inputs), [section(inputs) for section in _ORDER])


def render_page(title: str, verdict: Verdict, tiles: Sequence[Tile], sections: Sequence[Section]) -> str:
    """A page of sections with what matters most at its top; needs no network and no JavaScript."""
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_resource),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.jinja").render(
        title=title,
        style=jinja2.utils.markupsafe.Markup(_resource("page.css")),
        verdict=verdict,
        tiles=tiles,
        sections=sections,
    )


def _resource(name: str) -> str:
    return (files("scripts.report") / name).read_text(encoding="utf-8")
