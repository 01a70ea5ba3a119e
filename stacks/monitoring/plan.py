"""Which monitors there are, when they run, and over which window of time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from fraud.event_types import EventType
from stacks.config import MonitoringConfig, PlatformConfig
from stacks.config.monitoring import HOURLY, LabelledConfig, hours_of
from stacks.names import Names

Kind = Literal["data-quality", "model-quality", "model-bias", "model-explainability"]
# Kind, which is also the folder of its baseline, and what SageMaker calls it.
KINDS: dict[Kind, str] = {
    "data-quality": "DataQuality",
    "model-quality": "ModelQuality",
    "model-bias": "ModelBias",
    "model-explainability": "ModelExplainability",
}
_EVERY = re.compile(r"cron\(0 (\d{1,2})/(\d{1,2}) ")


@dataclass(frozen=True)
class Monitor:
    """One monitor of the endpoint.

    `start_offset` and `end_offset` bound the window as AWS's durations before the run (None: the time since the run
    before). `labelled` monitors join labels, `explained` ones ask the model.
    """

    kind: Kind
    schedule: str
    cadence: str
    start_offset: str | None = None
    end_offset: str | None = None

    @property
    def type(self) -> str:
        """SageMaker's MonitoringType."""
        return KINDS[self.kind]

    @property
    def analysis_type(self) -> str:
        """The analyser's name of the kind: DATA_QUALITY …"""
        return self.kind.replace("-", "_").upper()

    @property
    def labelled(self) -> bool:
        """Whether it needs labels."""
        return self.kind in ("model-quality", "model-bias")

    @property
    def explained(self) -> bool:
        """Whether it needs the model."""
        return self.kind == "model-explainability"

    @property
    def clarify(self) -> bool:
        """Whether SageMaker runs it in Clarify's container."""
        return self.kind in ("model-bias", "model-explainability")

    @property
    def constraints(self) -> str:
        """File of the baseline that runs are held against; Clarify compares attributions with an analysis."""
        return "analysis.json" if self.explained else "constraints.json"

    @property
    def period_hours(self) -> int:
        """Time between two runs."""
        every = _EVERY.match(self.cadence)
        return 1 if self.cadence == HOURLY else int(every[2]) if every else 24

    @property
    def rule_expression(self) -> str:
        """The cadence for EventBridge.

        AWS documents `17/12` of a SageMaker schedule as every twelve hours; EventBridge stops counting at midnight: it
        would run at 17 alone, over a window of twelve hours.
        """
        every = _EVERY.match(self.cadence)
        if not every:
            return self.cadence
        first, period = int(every[1]), int(every[2])
        hours = sorted({hour % 24 for hour in range(first, first + 24, period)})
        return f"cron(0 {','.join(map(str, hours))} ? * * *)"

    @property
    def window_hours(self) -> tuple[int, int]:
        """Begin and end of the window, in hours before the run."""
        if self.start_offset and self.end_offset:
            return hours_of(self.start_offset), hours_of(self.end_offset)
        return self.period_hours, 0


def monitors_of(config: PlatformConfig, names: Names) -> tuple[Monitor, ...]:
    """The enabled monitors, whatever the engine; bias only where there is something to part events by."""
    monitoring, event_type = config.monitoring, config.load_event_type()
    found = []
    if monitoring.data_quality.enabled:
        cadence = monitoring.data_quality.cadence or monitoring.cadence
        found.append(Monitor("data-quality", names.schedule("data-quality"), cadence))
    if monitoring.model_quality.enabled:
        found.append(_labelled("model-quality", monitoring.model_quality, names, event_type))
    if monitoring.bias.enabled and has_facets(monitoring, event_type):
        found.append(_labelled("model-bias", monitoring.bias, names, event_type))
    if monitoring.explainability.enabled:
        kind: Kind = "model-explainability"
        found.append(Monitor(kind, names.schedule(kind), monitoring.explainability.cadence))
    return tuple(found)


def has_facets(monitoring: MonitoringConfig, event_type: EventType) -> bool:
    """Whether the configuration or the event type names segments of events."""
    if monitoring.bias.facets is not None:
        return bool(monitoring.bias.facets)
    return bool(event_type.calendar) or any(
        variable.type in ("category", "boolean") for variable in event_type.variables
    )


def _labelled(kind: Kind, settings: LabelledConfig, names: Names, event_type: EventType) -> Monitor:
    delay = max(1, event_type.label_delay_days)
    return Monitor(
        kind,
        names.schedule(kind),
        settings.cadence,
        start_offset=settings.start_offset or f"-P{delay + 1}D",
        end_offset=settings.end_offset or f"-P{delay}D",
    )
