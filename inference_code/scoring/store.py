"""Decisions and profiles in DynamoDB: written together or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from fraud.features.online import ProfileKey

_RETRIED = frozenset({"TransactionConflict", "ConditionalCheckFailed", "ThrottlingError"})


class Conflict(Exception):
    """Somebody else wrote first, or the table is throttled: wait, read again and repeat."""


@dataclass(frozen=True)
class Snapshot:
    """What was stored when an event came: its decision if it is a repeat, and its entities' profiles with versions."""

    decision: dict[str, Any] | None
    profiles: dict[ProfileKey, bytes]
    versions: dict[ProfileKey, int]


class Store:
    """The two tables of the function."""

    def __init__(self, client: Any, decisions: str, profiles: str) -> None:
        self._client, self._decisions, self._profiles = client, decisions, profiles

    def read(self, identifier: str, keys: tuple[ProfileKey, ...]) -> Snapshot:
        """Return the decision of an event and the profiles of its entities, as they are now.

        Raises Conflict if the table answers in part only, as it does while it is throttled.
        """
        wanted = {
            self._decisions: {"Keys": [{"id": {"S": identifier}}], "ConsistentRead": True},
            self._profiles: {"Keys": [{"key": {"S": _key(key)}} for key in keys], "ConsistentRead": True},
        }
        wanted = {table: request for table, request in wanted.items() if request["Keys"]}
        answer = self._client.batch_get_item(RequestItems=wanted)
        if answer.get("UnprocessedKeys"):
            raise Conflict
        found = {self._decisions: [], self._profiles: [], **answer["Responses"]}
        items = {item["key"]["S"]: item for item in found[self._profiles]}
        there = {key: items[_key(key)] for key in keys if _key(key) in items}
        return Snapshot(
            decision=plain(found[self._decisions][0]) if found[self._decisions] else None,
            profiles={key: bytes(item["profile"]["B"]) for key, item in there.items()},
            versions={key: int(item["version"]["N"]) for key, item in there.items()},
        )

    def reserve(
        self, record: Mapping[str, Any], profiles: Mapping[ProfileKey, bytes], snapshot: Snapshot, expires: int
    ):
        """Write a new decision and the profiles it leads to, in one transaction.

        Raises Conflict if the decision exists or a profile is no longer the one that was read.
        """
        put = {
            "TableName": self._decisions,
            "Item": stored(record),
            "ConditionExpression": "attribute_not_exists(id)",
        }
        self._write([{"Put": put}, *self._puts(profiles, snapshot.versions, expires)])

    def decide(self, identifier: str, changes: Mapping[str, Any]) -> bool:
        """Complete a pending decision; False if somebody else has done so."""
        return self._update(identifier, changes, "#status = :pending", {":pending": {"S": "pending"}})

    def label(
        self,
        identifier: str,
        changes: Mapping[str, Any],
        revision: int,
        profiles: Mapping[ProfileKey, bytes],
        versions: Mapping[ProfileKey, int],
        expires: int,
    ) -> None:
        """Write a label with the profiles it leads to, in one transaction; `revision` counts a decision's labels.

        Raises Conflict if another label or event came between.
        """
        names, values, expression = _assignments({**changes, "label_revision": revision + 1})
        condition = "attribute_exists(id) AND attribute_not_exists(label_revision)"
        if revision:
            condition = "label_revision = :before"
            values[":before"] = {"N": str(revision)}
        update = {
            "TableName": self._decisions,
            "Key": {"id": {"S": identifier}},
            "UpdateExpression": expression,
            "ConditionExpression": condition,
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
        }
        self._write([{"Update": update}, *self._puts(profiles, versions, expires)])

    def decision(self, identifier: str) -> dict[str, Any] | None:
        """Return a decision, or None."""
        answer = self._client.get_item(TableName=self._decisions, Key={"id": {"S": identifier}}, ConsistentRead=True)
        return plain(answer["Item"]) if "Item" in answer else None

    def of_entity(self, entity: str, value: str, limit: int, start: dict[str, Any] | None) -> tuple[list, dict | None]:
        """Return an entity's decisions, latest first, and where the next page starts."""
        page = {"ExclusiveStartKey": start} if start else {}
        answer = self._client.query(
            TableName=self._decisions,
            IndexName=f"by-{entity}",
            KeyConditionExpression="#entity = :value",
            ExpressionAttributeNames={"#entity": f"entity_{entity}"},
            ExpressionAttributeValues={":value": {"S": value}},
            ScanIndexForward=False,
            Limit=limit,
            **page,
        )
        return [plain(item) for item in answer["Items"]], answer.get("LastEvaluatedKey")

    def _puts(self, profiles: Mapping[ProfileKey, bytes], versions: Mapping[ProfileKey, int], expires: int) -> list:
        puts = []
        for key, profile in profiles.items():
            version = versions.get(key, 0)
            item = {
                "key": {"S": _key(key)},
                "profile": {"B": profile},
                "version": {"N": str(version + 1)},
                "expires": {"N": str(expires)},
            }
            put: dict[str, Any] = {"TableName": self._profiles, "Item": item}
            if version:
                put["ConditionExpression"] = "#version = :version"
                put["ExpressionAttributeNames"] = {"#version": "version"}
                put["ExpressionAttributeValues"] = {":version": {"N": str(version)}}
            else:
                put["ConditionExpression"] = "attribute_not_exists(#key)"
                put["ExpressionAttributeNames"] = {"#key": "key"}
            puts.append({"Put": put})
        return puts

    def _write(self, items: list[dict[str, Any]]) -> None:
        try:
            self._client.transact_write_items(TransactItems=items)
        except ClientError as error:
            reasons = {reason.get("Code") for reason in error.response.get("CancellationReasons", [])} - {"None", None}
            code = error.response["Error"]["Code"]
            if code == "TransactionInProgressException" or (
                code == "TransactionCanceledException" and reasons <= _RETRIED
            ):
                raise Conflict from None
            raise

    def _update(self, identifier: str, changes: Mapping[str, Any], condition: str, values: dict[str, Any]) -> bool:
        names, assigned, expression = _assignments(changes)
        try:
            self._client.update_item(
                TableName=self._decisions,
                Key={"id": {"S": identifier}},
                UpdateExpression=expression,
                ConditionExpression=condition,
                ExpressionAttributeNames={**names, "#status": "status"},
                ExpressionAttributeValues=assigned | values,
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return False
        return True


def stored(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return plain values as DynamoDB keeps them; None is left out."""
    return {name: _attribute(value) for name, value in record.items() if value is not None}


def plain(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `stored` was given; whole numbers come back as int."""
    result: dict[str, Any] = {}
    for name, attribute in item.items():
        ((kind, value),) = attribute.items()
        result[name] = int(value) if kind == "N" else bytes(value) if kind == "B" else value
    return result


def _attribute(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, int):
        return {"N": str(value)}
    return {"B": value} if isinstance(value, bytes) else {"S": value}


def _assignments(changes: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, Any], str]:
    names = {f"#{name}": name for name, value in changes.items() if value is not None}
    values = {f":{name}": attribute for name, attribute in stored(changes).items()}
    return names, values, "SET " + ", ".join(f"{name} = :{name[1:]}" for name in names)


def _key(key: ProfileKey) -> str:
    return f"{key.entity}#{key.value}"
