"""A challenger's captures beside the champion's: the two models compared in the model-quality run."""

from __future__ import annotations

from pathlib import Path

from training_code.monitoring.results import write_json
from training_code.monitoring.settings import Settings

SAMPLES = 500
DOCUMENT = "comparison.json"
DIMENSION = "VariantName"
"""Of the challenger's metrics, beside those of the champion's."""


def captures_of(settings: Settings) -> Path | None:
    """Return the folder of a challenger's captures; None where the window has none, or nothing to judge them by."""
    from fraud.monitoring.records import CHALLENGER

    if settings.folder("ground_truth_source") is None:
        return None
    return next((path for path in settings.source.rglob(CHALLENGER) if path.is_dir()), None)


def compare(settings: Settings, challenger: Path, threshold: float, amount_at: int | None) -> None:
    """Write comparison.json; why there is none is printed."""
    from fraud.evaluation.comparison import ComparisonError
    from fraud.evaluation.comparison import Settings as How
    from fraud.monitoring.challenge import Sources, compare_captures

    labels = Path(settings.environment["ground_truth_source"])
    sources = Sources(settings.source, challenger, labels, settings.start, settings.end, amount_at)
    try:
        result = compare_captures(sources, How(threshold=threshold, samples=SAMPLES))
    except ComparisonError as error:
        print(f"the challenger is not compared: {error}", flush=True)
        return
    write_json(settings.output / DOCUMENT, result)
    print(f"challenger: {result['verdict']}: {result['sentences'][0]}", flush=True)
