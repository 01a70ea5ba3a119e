"""Versions of rule sets and lists in the rules table: published once, never changed, and one of them in force."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from botocore.exceptions import ClientError

from fraud.cards import find_card_number
from inference_code.scoring.rule_table import POINTER, RuleTable, key_of, list_name, split
from scripts.retraining.errors import InputError, OperatorError

_ATTEMPTS = 5
_LIST = list_name("")
_FACTS = "version, created, author, #comment, digest"


class ConflictError(OperatorError):
    """Somebody else was first; nothing was written."""

    exit_code = 3


@dataclass(frozen=True)
class Version:
    """What is known of a version beside its content; `created` is ISO 8601 (UTC)."""

    number: int
    created: str
    author: str
    comment: str
    digest: str


@dataclass(frozen=True)
class Published:
    """A version's number, and whether it is a new one (False: the latest says the same)."""

    number: int
    new: bool


class Book(RuleTable):
    """Writes versions for an author."""

    def __init__(self, client: Any, table: str, author: str) -> None:
        super().__init__(client, table)
        self._client, self._table, self._author = client, table, author

    def versions(self, name: str) -> list[Version]:
        """Return all versions, latest first."""
        pages = self._client.get_paginator("query").paginate(**self._query(name), ProjectionExpression=_FACTS)
        return [_version(item) for page in pages for item in page["Items"]]

    def latest(self, name: str) -> Version | None:
        """Return the latest version."""
        items = self._client.query(**self._query(name), ProjectionExpression=_FACTS, Limit=1)["Items"]
        return _version(items[0]) if items else None

    def lists(self) -> list[str]:
        """Return the names of all lists."""
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._table,
            FilterExpression="begins_with(#name, :list)",
            ProjectionExpression="#name",
            ExpressionAttributeNames={"#name": "name"},
            ExpressionAttributeValues={":list": {"S": _LIST}},
            ConsistentRead=True,
        )
        return sorted({item["name"]["S"].removeprefix(_LIST) for page in pages for item in page["Items"]})

    def publish(
        self, name: str, body: Any, comment: str = "", base: int | None = None, activate: bool = False
    ) -> Published:
        """Save `body` as a new version, and put it in force with `activate`; the latest is kept if it says the same.

        `base` is the version that was edited: ConflictError if another one was published since. Without it the next
        free number is taken. Long bodies are saved before the version that refers to them: it is there whole or not.
        Raises InputError where anything to be saved holds a raw card number.
        """
        if find_card_number([name, comment, self._author, body]) is not None:
            raise InputError("a name, a comment or a text holds a card number; use the token that transactions have")
        attributes, parts = split(body)
        for _ in range(_ATTEMPTS):
            latest = self.latest(name)
            number = latest.number if latest else 0
            if base is not None and base != number:
                raise ConflictError(
                    f"version {number} was published since this was made from version {base}; "
                    f"take its changes over (diff {base} {number}), then state version: {number}"
                )
            in_force = self.active(name)
            if latest and latest.digest == attributes["digest"]["S"]:
                if activate and in_force != number:
                    self.activate(name, number)
                return Published(number, False)
            for part in parts:
                self._client.put_item(TableName=self._table, Item=part)
            item = {**key_of(name, number + 1), **attributes, **self._signed("created"), "comment": {"S": comment}}
            puts = [self._put(item, "attribute_not_exists(#name)")]
            puts += [self._pointer(name, number + 1, in_force)] if activate else []
            if self._write(puts):
                return Published(number + 1, True)
        raise ConflictError("others publish at the same moment; run the command again")

    def activate(self, name: str, version: int) -> int:
        """Put a version in force and return the one before (0: none); ConflictError if another was put in force."""
        if self.item(name, version) is None:
            raise OperatorError(f"{name}: there is no version {version}")
        before = self.active(name)
        if before != version and not self._write([self._pointer(name, version, before)]):
            now = self.active(name)
            raise ConflictError(f"version {now} was put in force at the same moment; run the command again if need be")
        return before

    def _query(self, name: str) -> dict[str, Any]:
        return {
            "TableName": self._table,
            "KeyConditionExpression": "#name = :name AND version > :pointer",
            "ExpressionAttributeNames": {"#name": "name", "#comment": "comment"},
            "ExpressionAttributeValues": {":name": {"S": name}, ":pointer": {"N": str(POINTER)}},
            "ScanIndexForward": False,
            "ConsistentRead": True,
        }

    def _pointer(self, name: str, version: int, expected: int) -> dict[str, Any]:
        item = {**key_of(name, POINTER), "active": {"N": str(version)}, "before": {"N": str(expected)}}
        item |= self._signed("changed")
        if expected == POINTER:
            return self._put(item, "attribute_not_exists(#name)")
        put = self._put(item, "#active = :expected")
        put["Put"]["ExpressionAttributeNames"] = {"#active": "active"}
        put["Put"]["ExpressionAttributeValues"] = {":expected": {"N": str(expected)}}
        return put

    def _put(self, item: dict[str, Any], condition: str) -> dict[str, Any]:
        put = {"TableName": self._table, "Item": item, "ConditionExpression": condition}
        return {"Put": {**put, "ExpressionAttributeNames": {"#name": "name"}}}

    def _signed(self, when: str) -> dict[str, Any]:
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        return {when: {"S": now}, "author": {"S": self._author}}

    def _write(self, puts: list[dict[str, Any]]) -> bool:
        """Write all or nothing; False if a condition does not hold."""
        try:
            self._client.transact_write_items(TransactItems=puts)
        except ClientError as error:
            reasons = {reason.get("Code") for reason in error.response.get("CancellationReasons", [])} - {"None", None}
            if error.response["Error"]["Code"] == "TransactionCanceledException" and reasons <= {
                "ConditionalCheckFailed",
                "TransactionConflict",
            }:
                return False
            raise
        return True


def _version(item: dict[str, Any]) -> Version:
    texts = {name: item.get(name, {}).get("S", "") for name in ("created", "author", "comment", "digest")}
    return Version(int(item["version"]["N"]), **texts)
