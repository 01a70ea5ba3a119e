"""A challenger's captures beside the champion's: the two models compared in the model-quality run."""

from __future__ import annotations

from training_code.monitoring.results import write_json
from training_code.monitoring.settings import Settings

SAMPLES = 500
DOCUMENT = "comparison.json"


def compare(settings: Settings, threshold: float, amount_at: int | None) -> None:
    """Write comparison.json where the window holds captures of a challenger; why there is none is printed."""
    from fraud.evaluation.comparison import ComparisonError
    from fraud.evaluation.comparison import Settings as How
    from fraud.monitoring.challenge import Sources, compare_captures
    from fraud.monitoring.records import CHALLENGER

    challenger = next((path for path in settings.source.rglob(CHALLENGER) if path.is_dir()), None)
    labels = settings.folder("ground_truth_source")
    if challenger is None or labels is None:
        return
    sources = Sources(settings.source, challenger, labels, settings.start, settings.end, amount_at)
    try:
        result = compare_captures(sources, How(threshold=threshold, samples=SAMPLES))
    except ComparisonError as error:
        print(f"the challenger is not compared: {error}", flush=True)
        return
    write_json(settings.output / DOCUMENT, result)
    print(f"challenger: {result['verdict']}: {result['sentences'][0]}", flush=True)
