"""GET /decisions: what was decided, by id or by entity."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Collection, Mapping
from typing import Any

from fraud.api.schemas import MOST_DECISIONS, USUAL_DECISIONS
from fraud.cards import find_card_number, holds_card_number
from fraud.event_types import limits
from fraud.event_types.payload import shown_name
from fraud.event_types.times import iso_instant
from fraud.event_types.values import is_unicode
from inference_code.scoring import problems
from inference_code.scoring.store import Store


class Reading:
    """Answers questions about decisions; `entities` are the event type's."""

    def __init__(self, store: Store, entities: Collection[str]) -> None:
        self._store, self._entities = store, entities

    def one(self, identifier: str) -> dict[str, Any]:
        """Return a decision; raises Problem 404 or 422."""
        if holds_card_number(identifier):
            raise problems.card_number("id")
        # Tables refuse keys that are too long or no Unicode.
        decision = self._store.decision(identifier) if limits.ID.fullmatch(identifier) else None
        if decision is None:
            raise problems.unknown("decision with this id")
        return _shown(decision)

    def of_entity(self, parameters: Mapping[str, str]) -> dict[str, Any]:
        """Return a page of an entity's decisions, latest first; raises Problem 422."""
        # Names as well: an unknown one is repeated in the answer.
        found = find_card_number(dict(parameters))
        if found is not None:
            raise problems.card_number(found)
        faults = [
            (shown_name(name), "unknown parameter") for name in parameters if name not in ("entity", "limit", "next")
        ]
        entity, _, value = parameters.get("entity", "").partition(":")
        if entity not in self._entities or not value:
            known = ", ".join(self._entities) or "none"
            faults.append(("entity", f"<entity>:<value> is needed, for example customer:596; entities: {known}"))
        elif len(value) > limits.LONGEST_KEY or not is_unicode(value):
            faults.append(("entity", f"at most {limits.LONGEST_KEY} characters are allowed, all of them Unicode"))
        limit = parameters.get("limit", str(USUAL_DECISIONS))
        if not (limit.isascii() and limit.isdigit() and 1 <= int(limit[:5]) <= MOST_DECISIONS):
            faults.append(("limit", f"a whole number from 1 to {MOST_DECISIONS} is needed"))
        start = _start(parameters.get("next"), entity, value, faults)
        if faults:
            raise problems.invalid(faults)
        decisions, following = self._store.of_entity(entity, value, int(limit), start)
        page: dict[str, Any] = {"decisions": [_shown(decision) for decision in decisions]}
        if following:
            place = [following["id"]["S"], following["timestamp"]["S"]]
            page["next"] = base64.urlsafe_b64encode(json.dumps(place).encode()).decode()
        return page


def _start(token: str | None, entity: str, value: str, faults: list[tuple[str, str]]) -> dict[str, Any] | None:
    if token is None:
        return None
    try:
        identifier, timestamp = json.loads(base64.b64decode(token, b"-_", validate=True))
        if not limits.ID.fullmatch(identifier) or iso_instant(timestamp) is None:
            raise ValueError
        # The rest of the key is the question's own: a token cannot lead to another entity's decisions.
        return {
            "id": {"S": identifier},
            "timestamp": {"S": timestamp},
            f"entity_{entity}": {"S": value},
        }
    except (binascii.Error, ValueError, TypeError, RecursionError):
        faults.append(("next", "use the token of the page before as it is"))
        return None


def _shown(decision: Mapping[str, Any]) -> dict[str, Any]:
    """What a decision's readers see: the answer as it was given, the event, and its label."""
    answer = json.loads(decision["answer"]) if "answer" in decision else {"id": decision["id"]}
    return {
        **answer,
        "status": decision["status"],
        "timestamp": decision["timestamp"],
        "event": json.loads(decision["event"]),
        "label": decision.get("label"),
    }
