"""DynamoDB: exports are made of the table's items instead of being described only."""

import copy
import functools
from collections.abc import Callable, Iterator
from typing import Any

Description = dict[str, Any]
# (description to complete, items): called on the request's thread with what the table held at that moment.
Writer = Callable[[Description, list[dict[str, Any]]], None]


def install(write: Writer) -> None:
    """Let ``write`` make each new export; it sets the description's status, which nothing else does then."""
    from ministack.services import dynamodb

    start = dynamodb._export_table_to_point_in_time
    # ministack would call an export finished after a second.
    dynamodb._EXPORT_COMPLETE_AFTER_SEC = float("inf")

    def export(data: dict[str, Any]) -> Any:
        table = dynamodb._tables.get(dynamodb._table_name_from_arn(data.get("TableArn") or "") or "")
        if table is not None and not _restorable(table["TableName"]):
            return dynamodb.error_response_json(
                "PointInTimeRecoveryUnavailableException",
                f"Point in time recovery is not enabled for table '{table['TableName']}'",
                400,
            )
        if table is not None and data.get("ExportType", "FULL_EXPORT") != "FULL_EXPORT":
            return dynamodb.error_response_json("ValidationException", "Only FULL_EXPORT is executed here.", 400)
        if table is not None and data.get("ExportFormat", "DYNAMODB_JSON") != "DYNAMODB_JSON":
            return dynamodb.error_response_json("ValidationException", "Only DYNAMODB_JSON is executed here.", 400)
        before = set(dynamodb._exports.keys())
        answer = start(data)
        for arn in set(dynamodb._exports.keys()) - before:
            description = dynamodb._exports[arn]
            description.setdefault("ExportTime", description["StartTime"])
            write(description, list(_items(table)))
        return answer

    dynamodb._export_table_to_point_in_time = export
    # A client sends the same few expressions again and again, and looking them through takes longer than the rest.
    dynamodb._condition_syntax_error = functools.lru_cache(maxsize=1024)(dynamodb._condition_syntax_error)


def fail_interrupted(message: str) -> None:
    """Exports that a stop of the server cut off have failed."""
    from ministack.services import dynamodb

    for description in dynamodb._exports.all_values():
        if description["ExportStatus"] == "IN_PROGRESS":
            description.update(ExportStatus="FAILED", FailureCode="InternalServerError", FailureMessage=message)


def _restorable(table: str) -> bool:
    from ministack.services import dynamodb

    return bool(dynamodb._pitr_settings.get(table))


def _items(table: dict[str, Any] | None) -> Iterator[dict[str, Any]]:
    for by_sort_key in copy.deepcopy((table or {}).get("items", {})).values():
        yield from by_sort_key.values()
