"""What an environment costs a month, by resource, from its synthesized templates.

    python -m scripts.estimate_cost --env prod --transactions-per-day 500000 --out costs.html

What is deployed is what is priced: every resource of the templates has a price, is named as free, or is listed as not
priced. Prices are a small dated table (stacks/prices.json), of one region and on demand. "As used" is the least that
scaling keeps with the usage given below; "at most" is the endpoint scaled out, a challenger beside it, keys rotated and
as many retraining runs as the guard lets start.

Exit codes: 0 everything is priced or free, 1 something is not, 2 the configuration or the templates cannot be used.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from scripts.costing import estimate, show, templates, usage
from scripts.costing.items import Pricing
from scripts.report.build import write
from stacks.assets import AssetError
from stacks.config import ConfigurationError, PlatformConfig, load_config

CDK_JSON = Path(__file__).resolve().parent.parent / "cdk.json"


def main(arguments: list[str] | None = None, console: Console | None = None) -> int:
    """Print the estimate and return the exit code."""
    options = _parser().parse_args(arguments)
    console = console or Console(highlight=False)
    context = {**json.loads(CDK_JSON.read_text(encoding="utf-8"))["context"], "env": options.env}
    if options.settings:
        context["settings"] = options.settings
    try:
        config = load_config(context)
        resources = templates.load(options.templates) if options.templates else _synthesized(context, config)
    except (ConfigurationError, AssetError, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    used = usage.of_options(options)
    found = estimate.estimate(resources, Pricing(config, used))
    if options.json:
        console.print_json(json.dumps(show.document(options.env, found, used)))
    else:
        show.show(config.prefix, found, used, console)
    if options.out:
        write(show.page(config.prefix, found, used), options.out)
        if not options.json:
            console.print(f"written to {options.out}")
    return 1 if found.unpriced else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.estimate_cost",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--env", default="dev", help="environment of cdk.json (default: %(default)s)")
    parser.add_argument("--settings", metavar="JSON", help="fields that replace the environment's, as `-c settings=`")
    parser.add_argument(
        "--templates", type=Path, metavar="FOLDER", help="price this cloud assembly (such as cdk.out); else synthesize"
    )
    parser.add_argument("--json", action="store_true", help="print JSON, with every item and price")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write a page (HTML) with a picture")
    usage.add_options(parser)
    return parser


def _synthesized(context: dict[str, object], config: PlatformConfig) -> list[templates.Resource]:
    """The resources of a synthesis in a folder of its own."""
    # Not needed where templates are given, and slow to import.
    from aws_cdk import App

    from app import asset_files, compose

    with tempfile.TemporaryDirectory() as folder:
        options = {"analytics_reporting": False, "stack_traces": False, "builtin_cloud_formation_validation": False}
        app = App(context=context, outdir=folder, **options)
        compose(app, config, asset_files(config))
        app.synth()
        return templates.load(Path(folder))


if __name__ == "__main__":
    sys.exit(main())
