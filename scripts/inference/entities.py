"""Finding who and what takes part in events, and the places of events."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from fraud.data.errors import DataError
from fraud.features.keys import key_column
from scripts.inference import names
from scripts.inference.draft import Draft
from scripts.inference.facts import MOST_LISTED, Facts
from scripts.inference.roles import is_card_number

MOST_ENTITIES = 6
"""Each entity is a profile that an event reads and writes."""
_LEAST_REPETITION = 1.2
_LEAST_REPETITION_UNNAMED = 5
_LEAST_KEYS = 10
_ONE_TO_ONE = 0.7
_RARE = 0.1
"""Events a day of each of them below which months are looked at, not days."""
_LATITUDE, _LONGITUDE = {"lat", "latitude"}, {"long", "longitude", "lon", "lng"}
_KINDS = list(names.ENTITY_WORDS)


@dataclass(frozen=True)
class Found:
    """An entity: its kind (a key of names.ENTITY_WORDS, or "other"), column, and what derives its key."""

    name: str
    kind: str
    facts: Facts
    derive: str | None = None

    @property
    def repetition(self) -> float:
        """Rows for each different key."""
        if self.derive is None:
            return self.facts.repetition
        keys = key_column(self.facts.texts, self.derive).drop_nulls()
        return len(keys) / max(keys.n_unique(), 1) * self.facts.rows / len(self.facts.texts)

    @property
    def pays(self) -> bool:
        """Whether events are done by it."""
        return self.kind in names.PAYERS or self.kind == "forced"


def find_entities(draft: Draft) -> list[Found]:
    """Find the entities, in order of importance; those without a timestamp have no past and are none."""
    if draft.timestamp is None:
        if draft.forced.entities:
            raise DataError("--entity: entities need the events' time; name it: --timestamp COLUMN[=FORMAT]")
        return []
    found: list[Found] = []
    for name, column in draft.forced.entities:
        found.append(Found(name, "forced", draft.named(column, "--entity")))
        draft.use(column, "entity")
    candidates = sorted(
        ((_kind(facts), facts) for facts in draft.free()),
        key=lambda pair: _KINDS.index(pair[0]) if pair[0] in _KINDS else len(_KINDS),
    )
    for kind, facts in candidates:
        if kind is None or len(found) >= MOST_ENTITIES or facts.repetition < _LEAST_REPETITION:
            continue
        if any(is_one_to_one(facts, other.facts, draft) for other in found):
            continue
        found.append(Found(_name(facts, kind, draft, found), kind, facts, "lower" if facts.form == "email" else None))
        draft.use(facts.name, "entity")
    found += _derived(draft, found)
    return found[:MOST_ENTITIES]


def describe(found: list[Found], places: list[str], draft: Draft) -> None:
    """Write the entities into the draft's event type."""
    if not found:
        return
    counterparties = [entity for entity in found if entity.derive in (None, "lower")]
    body = {}
    for entity in found:
        others = [other.facts.name for other in counterparties if other.facts.name != entity.facts.name]
        body[entity.name] = _described(entity, list(dict.fromkeys(others)), draft)
        if places and entity is found[0]:
            body[entity.name]["places"] = places
    draft.body["entities"] = body
    card = next((entity for entity in found if entity.facts.missing == 0), None)
    if card is not None:
        draft.body["card"] = card.name
    else:
        draft.notes.append(f"no card: each event needs a value of it, and none of {', '.join(body)} has one everywhere")
    for entity in found:
        if is_card_number(entity.facts):
            body[entity.name] = {"column": entity.facts.name, "card_number": True, **body[entity.name]}
            draft.comments[f"entities.{entity.name}.card_number"] = (
                "Values are card numbers: tokenise them before they leave your machine; the API refuses them."
            )


def find_places(found: list[Found], draft: Draft) -> list[str]:
    """Find pairs of latitude and longitude; return the places whose distance from the event before is a feature."""
    pairs = _pairs(draft)
    home, moving = [], []
    for name, latitude, longitude in pairs:
        fixed = bool(found) and draft.determined(latitude, found[0].facts.name)
        (home if fixed else moving).append((name, latitude, longitude))
    wanted = moving + home if len(pairs) > 1 else moving if found else []
    for _, latitude, longitude in pairs:
        if (latitude, longitude) not in [pair[1:] for pair in wanted]:
            why = f"the same place in each event of {found[0].name}" if found else "one place, and none to compare with"
            draft.drop(latitude, why)
            draft.drop(longitude, why)
    if not wanted:
        return []
    body, taken = {}, set()
    for name, latitude, longitude in wanted:
        name = name or ("home" if (name, latitude, longitude) in home else "place")
        name = next(text for text in (name, *(f"{name}_{number}" for number in range(2, 99))) if text not in taken)
        taken.add(name)
        body[name] = {"latitude": latitude, "longitude": longitude}
        draft.use(latitude, "coordinates")
        draft.use(longitude, "coordinates")
    draft.body["coordinates"] = body
    placed = list(body)
    if len(placed) > 1:
        draft.body["distances"] = [[placed[-1], other] for other in placed[:-1]]
    return placed[: len(moving)] if found else []


def _kind(facts: Facts) -> str | None:
    """The kind of entity that a column's values tell apart, or None."""
    if facts.form in ("email", "ip"):
        return facts.form
    if is_card_number(facts):
        return "card"
    if facts.form == "number":
        is_key = facts.integer and (
            names.has(facts.name, names.KEY_WORDS)
            or (facts.unique > MOST_LISTED and names.weight(facts.name, names.AMOUNT_WEIGHTS) <= 0)
        )
        kind = names.entity_kind(facts.name) if is_key and facts.values.min() >= 0 else None
        return kind if kind and facts.unique >= _LEAST_KEYS else None
    if facts.form != "text":
        return None
    kind = names.entity_kind(facts.name)
    if kind == "phone" or kind == "device" or (kind and facts.unique >= _LEAST_KEYS):
        return kind if facts.unique >= _LEAST_KEYS else None
    repeats = facts.unique > MOST_LISTED and facts.repetition >= _LEAST_REPETITION_UNNAMED
    is_time = names.weight(facts.name, names.TIME_WEIGHTS) > 0
    if (
        repeats
        and not is_time
        and not names.has(facts.name, names.ATTRIBUTE_WORDS | names.PERSONAL_WORDS | names.TEXT_WORDS)
    ):
        return "other"
    return None


def is_one_to_one(facts: Facts, other: Facts, draft: Draft) -> bool:
    """Whether a column is another name of an entity that is there already."""
    small, large = sorted((facts.unique, other.unique))
    return small >= _LEAST_KEYS and small >= _ONE_TO_ONE * large and draft.determined(facts.name, other.name)


def _name(facts: Facts, kind: str, draft: Draft, found: list[Found]) -> str:
    name = kind if kind in ("email", "ip", "card") else names.part_name(facts.name, names.KEY_WORDS) or kind
    if name == "entity":
        name = _stated_type(draft) or "entity"
    taken = {entity.name for entity in found}
    return next(text for text in (name, *(f"{name[:28]}_{number}" for number in range(2, 99))) if text not in taken)


def _stated_type(draft: Draft) -> str | None:
    """The entity's type as Amazon Fraud Detector's files state it."""
    facts = draft.facts.get("ENTITY_TYPE")
    return names.part_name(facts.texts[0]) if facts and facts.unique == 1 and facts.texts[0] else None


def _derived(draft: Draft, found: list[Found]) -> list[Found]:
    """Domains of addresses and networks, unless the address belongs to somebody who is an entity already."""
    derived = []
    for form, derive, name in (("ip", "ip_prefix16", "network"), ("email", "email_domain", "domain")):
        for facts in draft.facts.values():
            if facts.form != form or draft.used.get(facts.name) not in (None, "entity") or facts.name in draft.dropped:
                continue
            is_entity = any(entity.facts is facts for entity in found)
            if not is_entity and any(draft.determined(facts.name, entity.facts.name) for entity in found):
                continue
            keys = key_column(facts.texts, derive)
            different = keys.n_unique()
            taken = {entity.name for entity in found + derived}
            if 2 <= different <= 0.8 * facts.texts.n_unique() and name not in taken:
                derived.append(Found(name, "other", facts, derive))
    return derived


def _described(entity: Found, others: list[str], draft: Draft) -> dict:
    has_amount = "amount" in draft.body
    body: dict = {"column": entity.facts.name}
    if entity.derive:
        body["derive"] = entity.derive
    body["windows"] = _windows(entity, draft)
    amounts = ["sum", "mean", "max", "ratio"] if entity.pays else ["mean", "ratio"]
    body["aggregates"] = ["count", *(amounts if has_amount else []), "known_count", "risk"]
    if entity.derive not in (None, "lower"):
        return body
    body["recencies"] = ["since_last", "since_known_fraud", "last_known_label"]
    if entity.pays and others:
        body["distinct"] = others[:3]
    return body


def _windows(entity: Found, draft: Draft) -> list[str]:
    days = max(draft.span_days, 1e-9)
    if days < 14:
        return ["1h", "6h", "1d"] if days < 4 else ["1h", "1d", "7d"]
    if entity.repetition / days < _RARE and days >= 90:
        return ["1d", "30d", "90d"]
    return ["1h", "1d", "7d", "30d"] if entity.pays else ["1d", "7d", "30d"]


def _pairs(draft: Draft) -> list[tuple[str, str, str]]:
    """Name of the place, column of the latitude and of the longitude."""
    by_rest: dict[tuple[str, ...], str] = {}
    for facts in draft.free():
        if names.has(facts.name, _LONGITUDE) and _within(facts, 180):
            by_rest[tuple(word for word in names.words(facts.name) if word not in _LONGITUDE)] = facts.name
    pairs = []
    for facts in draft.free():
        rest = tuple(word for word in names.words(facts.name) if word not in _LATITUDE)
        if names.has(facts.name, _LATITUDE) and _within(facts, 90) and rest in by_rest:
            name = names.part_name("_".join(rest))
            pairs.append((name, facts.name, by_rest[rest]))
    return pairs


def _within(facts: Facts, limit: float) -> bool:
    values: pl.Series = facts.values
    return facts.form == "number" and values.min() >= -limit and values.max() <= limit
