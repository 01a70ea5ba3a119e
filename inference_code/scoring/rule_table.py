"""How the rules table keeps versions: what a version says, and which one is in force.

An item is named `ruleset` or `list#<name>` and has a version from 1 on; it never changes. The item of version 0 points
to the version in force (`active`). `body` is JSON; one that is too long for an item is kept in parts, whose names are
made of its digest, so that they too never change.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

RULESET = "ruleset"
POINTER = 0
LONGEST_PART = 300_000
"""Bytes of text in one item, of the 400 KB that DynamoDB allows."""
_PARTS = "part#"


def list_name(name: str) -> str:
    """Return the name of a list's items."""
    return f"list#{name}"


def key_of(name: str, version: int) -> dict[str, Any]:
    """Return an item's key."""
    return {"name": {"S": name}, "version": {"N": str(version)}}


def split(body: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the attributes of a version that hold `body`, and the items of its parts (none where it is short)."""
    # ASCII alone: a character is a byte, and can be cut anywhere.
    text = json.dumps(body, separators=(",", ":"))
    digest = hashlib.sha256(text.encode()).hexdigest()
    if len(text) <= LONGEST_PART:
        return {"body": {"S": text}, "digest": {"S": digest}}, []
    texts = [text[start : start + LONGEST_PART] for start in range(0, len(text), LONGEST_PART)]
    parts = [{**key_of(_PARTS + digest, number), "text": {"S": part}} for number, part in enumerate(texts, 1)]
    return {"parts": {"N": str(len(parts))}, "digest": {"S": digest}}, parts


class RuleTable:
    """Reads versions."""

    def __init__(self, client: Any, table: str) -> None:
        self._client, self._table = client, table

    def active(self, name: str) -> int:
        """Return the version in force, 0 where none is."""
        pointer = self.item(name, POINTER)
        return POINTER if pointer is None else int(pointer["active"]["N"])

    def body(self, name: str, version: int) -> Any:
        """Return what a version says; raises LookupError where it is not there."""
        item = self.item(name, version)
        if item is None:
            raise LookupError(f"{name}: there is no version {version}")
        return json.loads("".join(self._texts(item)))

    def item(self, name: str, version: int) -> dict[str, Any] | None:
        """Return an item as DynamoDB keeps it, or None."""
        # A pointer may be a moment old: what it points to must be found.
        key = key_of(name, version)
        return self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item")

    def _texts(self, item: Mapping[str, Any]) -> Iterator[str]:
        if "body" in item:
            yield item["body"]["S"]
            return
        name = _PARTS + item["digest"]["S"]
        for number in range(1, int(item["parts"]["N"]) + 1):
            part = self.item(name, number)
            if part is None:
                raise LookupError(f"{name}: part {number} is missing")
            yield part["text"]["S"]
