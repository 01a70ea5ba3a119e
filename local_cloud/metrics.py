"""CloudWatch metrics of single requests, gathered and put once a second: each put evaluates every alarm."""

import threading
import time
from collections import Counter
from typing import Any

from local_cloud import hooks
from local_cloud.hooks import cloudwatch
from local_cloud.periodic import Periodic
from local_cloud.sagemaker import lifecycle

_PERIOD = 1.0
_MAXIMUM_VALUES = 150  # PutMetricData's own limit of distinct values in one datum
# Samples of the same so many seconds are put with one timestamp.
_BUCKET_SECONDS = 10

Dimensions = tuple[tuple[str, str], ...]
# account, region, namespace, metric, dimensions, unit, bucket of time
_Key = tuple[str, str, str, str, Dimensions, str, int]

_lock = threading.Lock()
_samples: dict[_Key, Counter[float]] = {}


def add(
    namespace: str,
    dimensions: Dimensions,
    values: dict[str, float],
    unit: str = "Count",
    timestamp: float | None = None,
) -> None:
    """Add a sample of each metric in ``values``, in the caller's account and region.

    Args:
        timestamp: epoch seconds, None for now.
    """
    bucket = int((timestamp or time.time()) // _BUCKET_SECONDS)
    with _lock:
        for name, value in values.items():
            key = hooks.account_id(), hooks.region(), namespace, name, dimensions, unit, bucket
            (_samples.get(key) or _samples.setdefault(key, Counter()))[float(value)] += 1
    _putter.begin()


def milliseconds(seconds: float) -> float:
    """To three significant digits: few distinct values, and percentiles within half a per cent."""
    return float(f"{seconds * 1000:.3g}")


@lifecycle.on_shutdown
def flush() -> None:
    """Put everything gathered so far."""
    with _lock:
        samples = dict(_samples)
        _samples.clear()
    batches: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    now = time.time()
    for (account, region, namespace, name, dimensions, unit, bucket), values in samples.items():
        datum = {
            "MetricName": name,
            "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions],
            "Timestamp": min(now, (bucket + 1) * _BUCKET_SECONDS - 1),
            "Unit": unit,
        }
        items = list(values.items())
        for start in range(0, len(items), _MAXIMUM_VALUES):
            part = items[start : start + _MAXIMUM_VALUES]
            pairs = {"Values": [value for value, _ in part], "Counts": [float(count) for _, count in part]}
            batches.setdefault((account, region, namespace), []).append({**datum, **pairs})
    for (account, region, namespace), data in batches.items():
        hooks.scope(account, region, cloudwatch.put)(namespace, data)


_putter = Periodic("metrics", _PERIOD, flush)
