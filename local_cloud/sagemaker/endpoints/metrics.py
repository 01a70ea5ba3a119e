"""CloudWatch metrics of endpoints, gathered and put once a second while there is traffic."""

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from local_cloud import hooks
from local_cloud.hooks import cloudwatch
from local_cloud.periodic import Periodic

_PERIOD = 1.0
_MAXIMUM_VALUES = 150  # PutMetricData's own limit of distinct values in one datum


@dataclass
class _Window:
    invocations: int = 0
    errors_4xx: int = 0
    errors_5xx: int = 0
    model: Counter[float] = field(default_factory=Counter)
    overhead: Counter[float] = field(default_factory=Counter)


_lock = threading.Lock()
_windows: dict[tuple[str, str, str, str], _Window] = {}


def record(endpoint: str, variant: str, status: int, model_seconds: float, overhead_seconds: float) -> None:
    """Count one invocation in the caller's account and region; cheap enough for the event loop."""
    key = hooks.account_id(), hooks.region(), endpoint, variant
    with _lock:
        window = _windows.get(key) or _windows.setdefault(key, _Window())
        window.invocations += 1
        window.errors_4xx += 400 <= status < 500
        window.errors_5xx += status >= 500
        window.model[_rounded(model_seconds)] += 1
        window.overhead[_rounded(overhead_seconds)] += 1
    _putter.begin()


def flush() -> None:
    """Put everything gathered so far."""
    with _lock:
        windows = dict(_windows)
        _windows.clear()
    for (account, region, endpoint, variant), window in windows.items():
        data = _data(endpoint, variant, window)
        hooks.scope(account, region, cloudwatch.put)("AWS/SageMaker", data)


def _data(endpoint: str, variant: str, window: _Window) -> list[dict[str, Any]]:
    base = {
        "Dimensions": [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": variant}],
        "Timestamp": time.time(),
    }
    total = window.invocations
    counts = {"Invocations": total, "Invocation4XXErrors": window.errors_4xx, "Invocation5XXErrors": window.errors_5xx}
    data = []
    for name, ones in counts.items():
        # One sample of 0 or 1 for each request, so that Average is the rate of errors as on AWS.
        sample = {"SampleCount": total, "Sum": ones, "Minimum": int(ones == total), "Maximum": int(ones > 0)}
        data.append({**base, "MetricName": name, "Unit": "None", "StatisticValues": sample})
    for name, latencies in (("ModelLatency", window.model), ("OverheadLatency", window.overhead)):
        items = list(latencies.items())
        for start in range(0, len(items), _MAXIMUM_VALUES):
            part = items[start : start + _MAXIMUM_VALUES]
            values = {"Values": [value for value, _ in part], "Counts": [float(count) for _, count in part]}
            data.append({**base, "MetricName": name, "Unit": "Microseconds", **values})
    return data


def _rounded(seconds: float) -> float:
    """Microseconds to two significant digits: few distinct values, and percentiles within 5 %."""
    return float(f"{seconds * 1e6:.2g}")


_putter = Periodic("endpoint metrics", _PERIOD, flush)
