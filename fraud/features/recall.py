"""Features of an entity's past, from its profile: what the online engine does with each event."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fraud.event_types.model import LABEL_AGGREGATES, LABEL_RECENCIES
from fraud.features.geodesy import distance_km
from fraud.features.plan import AMOUNT_SCALE
from fraud.features.profile import Profile
from fraud.features.thresholds import MICROSECONDS

NO_PLACE = -1.0


def entity_features(
    profile: Profile,
    instant: int,
    amount: int,
    counterparties: list[str | None],
    places: list[tuple[float, float]],
) -> list[float]:
    """Return the entity's features of an event, in the catalogue's order, and count the event in the profile.

    `instant` in microseconds, `amount` in ten-thousandths. An event older than the entity's clock counts at it.
    """
    plan, windows = profile.plan, profile.windows
    before, last_places = profile.clock, profile.places
    now = instant if before is None else max(instant, before)
    labels = _labels(profile, now)
    windows.add(now, amount, counterparties)
    profile.clock, profile.places = now, places
    totals = [windows.totals(span, now) for span in plan.spans] if plan.totals else []
    features: list[float] = []
    for aggregate in plan.entity.aggregates:
        if aggregate in LABEL_AGGREGATES:
            features += labels[aggregate]
        else:
            measure = _MEASURES[aggregate]
            features += [measure(*total, amount) for total in totals]
    for position in range(len(plan.entity.distinct)):
        features += [windows.distinct(position, span, now) for span in plan.spans]
    if plan.entity.recencies:
        labels["since_last"] = _seconds(
            plan.longest.length if before is None else min(now - before, plan.longest.length)
        )
        features += [labels[recency] for recency in plan.entity.recencies]
    for place, last in zip(places, last_places, strict=True):
        features += _movement(place, last, before, now, plan.longest.length)
    return features


def _labels(profile: Profile, now: int) -> dict[str, Any]:
    """What is known of labels at an instant: the measures asked for, by their names in the event type."""
    plan, windows = profile.plan, profile.windows
    if not plan.labels:
        return {}
    asked, found = {*plan.entity.aggregates, *plan.entity.recencies}, {}
    if asked & LABEL_AGGREGATES:
        known = [windows.known_events(span, now) for span in plan.spans]
        frauds = [windows.known_frauds(span, now) for span in plan.spans]
        found["known_count"] = known
        found["risk"] = [_risk(some, events) for some, events in zip(frauds, known, strict=True)]
    if asked & LABEL_RECENCIES:
        times = windows.known_fraud_times(now)
        never = plan.delay + plan.longest.length
        found["since_known_fraud"] = _seconds(never if times is None else now - times[1])
        found["since_first_known_fraud"] = _seconds(never if times is None else now - times[0])
        found["last_known_label"] = int(times is not None and windows.last_known_event(now) == times[1])
    return found


def _risk(frauds: int, known: int) -> float:
    """Share of frauds; late labels can make them more than the events whose delay is over."""
    return float(frauds) / float(max(known, frauds, 1))


def _ratio(count: int, total: int, _: int, amount: int) -> float:
    earlier = total - amount
    return float(amount) * float(count - 1) / float(earlier) if earlier > 0 else 1.0


_MEASURES: dict[str, Callable[[int, int, int, int], float]] = {
    "count": lambda count, total, largest, amount: count,
    "sum": lambda count, total, largest, amount: float(total) / float(AMOUNT_SCALE),
    "mean": lambda count, total, largest, amount: float(total) / float(count * AMOUNT_SCALE),
    "max": lambda count, total, largest, amount: float(largest) / float(AMOUNT_SCALE),
    "ratio": _ratio,
}


def _movement(
    place: tuple[float, float], last: tuple[float, float], before: int | None, now: int, longest: int
) -> tuple[float, float]:
    """Kilometres and kilometres an hour since the event before."""
    if before is None or now - before >= longest:
        return NO_PLACE, NO_PLACE
    distance = distance_km(*place, *last)
    if distance != distance:
        return NO_PLACE, NO_PLACE
    return distance, distance * 3.6e9 / float(max(now - before, MICROSECONDS))


def _seconds(microseconds: int) -> float:
    return float(microseconds) / float(MICROSECONDS)
