"""What an entity's features need to be remembered by: the one reading of an event type that both engines share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from fraud.event_types.model import LABEL_AGGREGATES, LABEL_RECENCIES, Entity, EventType, Place
from fraud.features.thresholds import Span, earliest_knowledge, label_delay, span_of

AMOUNT_SCALE = 10_000
"""Amounts are added up as whole ten-thousandths: sums are exact, whatever came before or stands beside."""
LARGEST_AMOUNT = 1e12


@dataclass(frozen=True)
class EntityPlan:
    """An entity with the spans of its windows, in the order of the event type, and what they need.

    `longest` bounds the recencies; `delay` is the label delay in microseconds, and `knowledge` how long after an event
    its label counts: the delay, but never nothing, so that no event sees its own label.
    """

    entity: Entity
    mode: str
    spans: tuple[Span, ...]
    longest: Span
    delay: int
    knowledge: int
    places: tuple[Place, ...]
    totals: bool
    """Whether windows of events are asked for, beside those of labels."""
    labels: bool

    @property
    def name(self) -> str:
        """Name of the entity."""
        return self.entity.name

    @property
    def bucketed(self) -> bool:
        """Whether windows are made of buckets."""
        return self.mode == "bucketed"

    @cached_property
    def retained(self) -> dict[int, int]:
        """How many buckets of each width are kept."""
        kept: dict[int, int] = {}
        for span in self.spans:
            kept[span.width] = max(span.buckets, kept.get(span.width, 0))
        return kept


def plans_of(event_type: EventType) -> tuple[EntityPlan, ...]:
    """Return the plans of the entities that have windows."""
    return tuple(_plan(entity, event_type) for entity in event_type.entities if entity.windows)


def _plan(entity: Entity, event_type: EventType) -> EntityPlan:
    spans = tuple(span_of(window, event_type.window_mode) for window in entity.windows)
    places = {place.name: place for place in event_type.coordinates}
    asked, delay = set(entity.aggregates), label_delay(event_type)
    return EntityPlan(
        entity=entity,
        mode=event_type.window_mode,
        spans=spans,
        longest=max(spans, key=lambda span: span.length),
        delay=delay,
        knowledge=earliest_knowledge(0, delay),
        places=tuple(places[name] for name in entity.places),
        totals=bool(asked - LABEL_AGGREGATES),
        labels=bool(asked & LABEL_AGGREGATES or set(entity.recencies) & LABEL_RECENCIES),
    )
