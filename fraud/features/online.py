"""The online engine: features of one event from one compact profile for each of its entities.

Depends on the standard library alone: the scoring function reads it. It agrees with the batch engine to the last bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from fraud.event_types.event import Event
from fraud.event_types.model import EventType
from fraud.features import thresholds
from fraud.features.catalogue import features_of
from fraud.features.plain import place_of, plain_features
from fraud.features.plan import AMOUNT_SCALE, EntityPlan, plans_of
from fraud.features.profile import Profile, layout_of
from fraud.features.recall import entity_features
from fraud.features.values import entity_key


class ProfileKey(NamedTuple):
    """Which profile: an entity's name and its value as text."""

    entity: str
    value: str


@dataclass(frozen=True, slots=True)
class Advanced:
    """What an event leads to.

    `features` in the catalogue's order, `profiles` to be stored in place of those given. `clocks` are the instants at
    which the event counts for each entity (microseconds): its own, or the entity's latest if it arrived late. `reset`
    are the keys whose stored profile had another layout, because the event type changed, and was begun anew.
    """

    features: list[float]
    profiles: dict[ProfileKey, bytes]
    clocks: dict[ProfileKey, int]
    reset: tuple[ProfileKey, ...] = ()


class OnlineEngine:
    """Features and profiles of an event type's events, one event at a time."""

    def __init__(self, event_type: EventType) -> None:
        self.event_type = event_type
        self.feature_names = tuple(feature.name for feature in features_of(event_type))
        self._plans = {plan.name: plan for plan in plans_of(event_type)}
        self._layouts = {name: layout_of(plan) for name, plan in self._plans.items()}
        self._delay = thresholds.label_delay(event_type)

    def keys(self, event: Event) -> tuple[ProfileKey, ...]:
        """Return the profiles that the event reads and changes; an entity without a value has none."""
        found = ((name, _value(plan, event)) for name, plan in self._plans.items())
        return tuple(ProfileKey(name, value) for name, value in found if value is not None)

    def advance(self, event: Event, stored: Mapping[ProfileKey, bytes | None]) -> Advanced:
        """Return the event's features and its entities' next profiles, from the stored ones (None: none yet).

        Raises ProfileError if a stored profile is damaged.
        """
        features = plain_features(event, self.event_type)
        amount = event.values.get(self.event_type.amount) if self.event_type.amount else None
        scaled = 0 if amount is None else round(amount * AMOUNT_SCALE)
        profiles, clocks, reset = {}, {}, []
        for name, plan in self._plans.items():
            value = _value(plan, event)
            key = None if value is None else ProfileKey(name, value)
            content = None if key is None else stored.get(key)
            profile = self._read(plan, content)
            counterparties = [event.values.get(column) for column in plan.entity.distinct]
            places = [place_of(event.values, place) for place in plan.places]
            features += entity_features(profile, event.instant, scaled, counterparties, places)
            if key is not None:
                profiles[key] = profile.to_bytes()
                clocks[key] = profile.clock
                if content is not None and profile.is_new:
                    reset.append(key)
        return Advanced(features, profiles, clocks, tuple(reset))

    def apply_label(self, entity: str, stored: bytes | None, instant: int, known: int, delta: int) -> bytes:
        """Return an entity's profile with a fraud counted (delta 1) or withdrawn (delta -1).

        `instant` is the event's own time and `known` when the label counts (`known_from`), in microseconds.
        """
        profile = self._read(self._plans[entity], stored)
        profile.windows.learn(instant, known, delta)
        return profile.to_bytes()

    def known_from(self, clock: int, label_arrival: int | None) -> int:
        """Return when a label counts (microseconds): after the delay, or on its arrival if that is later.

        `clock` is the instant at which its event counted for the entity (`Advanced.clocks`).
        """
        return thresholds.known_from(clock, self._delay, label_arrival)

    def _read(self, plan: EntityPlan, stored: bytes | None) -> Profile:
        return Profile.from_bytes(plan, self._layouts[plan.name], stored)


def _value(plan: EntityPlan, event: Event) -> str | None:
    return entity_key(event.values.get(plan.entity.column), plan.entity.derive)
