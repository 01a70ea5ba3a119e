"""TrainingJobEarlyStoppingType Auto: the rule of AWS's documentation."""

from collections.abc import Iterable, Sequence
from statistics import mean, median

# With fewer earlier jobs a median says nothing.
_LEAST_JOBS = 2


def is_hopeless(values: Sequence[float], others: Iterable[Sequence[float]], *, maximize: bool) -> bool:
    """Whether a job's latest value is worse than the median of the other jobs' running averages up to the same epoch.

    Args:
        values: objective values the job printed so far, one an epoch.
        others: those of the jobs before it.
        maximize: direction of the objective.
    """
    epoch = len(values)
    averages = [mean(other[:epoch]) for other in others if len(other) >= epoch]
    if not values or len(averages) < _LEAST_JOBS:
        return False
    return values[-1] < median(averages) if maximize else values[-1] > median(averages)
