"""Processing job: compares champion and challenger by what the endpoint captured of both, and by ground truth.

Inputs below processing/input: champion and challenger (captures of the two variants, JSON lines), ground-truth, and
schema (the champion's feature_schema.json, optional: without it no money is counted). Outputs below
processing/output/comparison: comparison.json, and comparison.html to look at. The verdict goes to output/message.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent
if str(SOURCE) not in sys.path:
    sys.path.insert(0, str(SOURCE))

from training_code import bootstrap, entry  # noqa: E402


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """Parse the job's flags."""
    parser = argparse.ArgumentParser(prog="training_code.compare", description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--mode", default="auto", choices=("auto", "shadow", "ab"), help="did both answer the same transactions?")
    add("--threshold", type=float, help="probability from which on a transaction is an alert (default: the rules')")
    add("--review-cost", type=float, default=5.0, help="price of one alert, in the amounts' currency")
    add("--bootstrap-samples", type=int, default=1000, help="redraws for intervals")
    add("--genuine-after-days", type=float, help="count what has no label after so many days as genuine")
    add("--start", type=_moment, help="first time of an inference, in ISO 8601")
    add("--end", type=_moment, help="inferences before this time only")
    return parser.parse_args(argv)


def compare(options: argparse.Namespace, inputs: Path, outputs: Path) -> str:
    """Run the job on folders of inputs and outputs; return its message. Raises ValueError for a user's mistake."""
    from fraud.evaluation.comparison import Settings
    from fraud.evaluation.comparison_page import page
    from fraud.features.schema import SCHEMA_FILE, FeatureSchema
    from fraud.monitoring.challenge import Sources, compare_captures

    amount_at = None
    if (inputs / "schema" / SCHEMA_FILE).is_file():
        schema = FeatureSchema.load(inputs / "schema")
        amount_at = schema.feature_names.index(schema.amount) if schema.amount in schema.feature_names else None
    days = options.genuine_after_days
    sources = Sources(
        champion=inputs / "champion",
        challenger=inputs / "challenger",
        ground_truth=inputs / "ground-truth",
        start=options.start,
        end=options.end,
        amount_at=amount_at,
        genuine_before=None if days is None else datetime.now(timezone.utc) - timedelta(days=days),
    )
    threshold = {} if options.threshold is None else {"threshold": options.threshold}
    settings = Settings(review_cost=options.review_cost, samples=options.bootstrap_samples, **threshold)
    result = compare_captures(sources, settings, options.mode)
    folder = outputs / "comparison"
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(result, allow_nan=False, indent=1) + "\n"
    (folder / "comparison.json").write_text(text, encoding="utf-8")
    (folder / "comparison.html").write_text(page(result, "Champion and challenger"), encoding="utf-8")
    return f"{result['verdict']}: {result['sentences'][0]}"


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: a time such as 2026-01-31T12:00:00Z is needed") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def main(argv: list[str] | None = None) -> int:
    """Entry point; return the exit code."""
    options = arguments(argv)
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    base = entry.base_folder()

    def work() -> None:
        if bootstrap.wheels_folder().is_dir():
            bootstrap.install()
        message = compare(options, base / "processing" / "input", base / "processing" / "output")
        (base / "output").mkdir(parents=True, exist_ok=True)
        (base / "output" / "message").write_text(message[:1024], encoding="utf-8")
        print(message, flush=True)

    return entry.run(work)


if __name__ == "__main__":
    sys.exit(main())
