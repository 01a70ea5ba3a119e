"""What is remembered of one entity, as an object and as bytes."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from struct import Struct
from zlib import crc32

from fraud.features.bucketed import BucketedProfile
from fraud.features.columns import ProfileError, Reader, pack
from fraud.features.plan import EntityPlan
from fraud.features.sliding import SlidingProfile

_HEADER = Struct("<BIq?")
_VERSION = 1
_NAN = float("nan")


@dataclass
class Profile:
    """One entity's memory.

    `clock` is its latest event's time in microseconds (None before the first), which never runs back; `places` that
    event's coordinates. `is_new` says that nothing readable was stored.
    """

    plan: EntityPlan
    layout: int
    clock: int | None
    places: list[tuple[float, float]]
    windows: BucketedProfile | SlidingProfile
    is_new: bool

    @classmethod
    def from_bytes(cls, plan: EntityPlan, layout: int, stored: bytes | None) -> Profile:
        """Read a stored profile; one of another layout, or None, gives a new one. Raises ProfileError if damaged."""
        kind = BucketedProfile if plan.bucketed else SlidingProfile
        if stored is not None:
            content = bytes(stored)
            if len(content) < _HEADER.size:
                raise ProfileError(f"a stored profile of {plan.name} is damaged: {len(content)} bytes")
            version, found, clock, seen = _HEADER.unpack_from(content)
            if (version, found) == (_VERSION, layout):
                reader = Reader(content, _HEADER.size)
                places = list(zip(*reader.columns("dd"), strict=True))
                return cls(plan, layout, clock if seen else None, places, kind(plan, reader), False)
        return cls(plan, layout, None, [(_NAN, _NAN)] * len(plan.places), kind(plan), True)

    def to_bytes(self) -> bytes:
        """Return the profile as bytes."""
        places = [array("d", [place[axis] for place in self.places]) for axis in (0, 1)]
        header = _HEADER.pack(_VERSION, self.layout, self.clock or 0, self.clock is not None)
        return header + pack(places) + self.windows.write()


def layout_of(plan: EntityPlan) -> int:
    """Return a number that changes with whatever changes the stored form."""
    parts = (plan.entity.column, plan.entity.derive, plan.entity.distinct, plan.mode, plan.spans, plan.delay)
    return crc32(repr((*parts, plan.places, plan.totals, plan.labels)).encode())
