"""What all List operations share: filters by name, time and status, sorting, and pages that survive insertions."""

import base64
import json
from collections.abc import Iterable
from typing import Any

from botocore.utils import parse_timestamp

from local_cloud.sagemaker.errors import ValidationError
from local_cloud.sagemaker.operations import MODEL, pick

Record = dict[str, Any]

_DEFAULT_PAGE = 100


def answer(
    operation: str,
    request: Record,
    records: Iterable[Record],
    *,
    name: str,
    status: str | None = None,
    created: str = "CreationTime",
    order: str = "Descending",
    sort_by: str = "CreationTime",
    sort_members: dict[str, str] | None = None,
) -> Record:
    """The whole answer of a List operation: one page of summaries reduced to the members the API declares.

    Args:
        operation: name of the operation, which tells the answer's list member and its summary's shape.
        request: the caller's request; NameContains, StatusEquals, CreationTimeAfter/Before,
            LastModifiedTimeAfter/Before, SortBy, SortOrder, MaxResults and NextToken are honoured where given.
        records: all candidates; filters that only this operation knows were applied before.
        name: the record's member holding its name.
        status: the record's member holding its status, compared with the request's StatusEquals.
        created: the record's member holding its creation time (epoch seconds).
        order, sort_by: AWS's defaults of this operation when the request states none.
        sort_members: record members for values of SortBy other than Name, Status and CreationTime.
    """
    members = {"Name": name, "Status": status or name, "CreationTime": created, **(sort_members or {})}
    rows = [record for record in records if _kept(record, request, name, status, created)]
    wanted = request.get("SortBy", sort_by)
    member = members.get(wanted, wanted)
    descending = request.get("SortOrder", order) == "Descending"
    rows.sort(key=lambda record: _position(record, member, name), reverse=descending)
    page, token = _page(rows, request, lambda record: _position(record, member, name), descending)
    output = MODEL.operation_model(operation).output_shape
    summaries = next(key for key, shape in output.members.items() if shape.type_name == "list")
    element = output.members[summaries].member
    result: Record = {summaries: [pick(element, row) for row in page]}
    if token:
        result["NextToken"] = token
    return result


def epoch(value: Any) -> float:
    """Epoch seconds of a timestamp as clients send them: a number, or ISO 8601 text."""
    return float(value) if isinstance(value, int | float) else parse_timestamp(value).timestamp()


def _kept(record: Record, request: Record, name: str, status: str | None, created: str) -> bool:
    if request.get("NameContains", "").lower() not in str(record.get(name, "")).lower():
        return False
    if status and "StatusEquals" in request and record.get(status) != request["StatusEquals"]:
        return False
    for prefix, member in (("CreationTime", created), ("LastModifiedTime", "LastModifiedTime")):
        time = record.get(member) or 0.0
        if f"{prefix}After" in request and time < epoch(request[f"{prefix}After"]):
            return False
        if f"{prefix}Before" in request and time > epoch(request[f"{prefix}Before"]):
            return False
    return True


def _position(record: Record, member: str, name: str) -> tuple[float, str, str]:
    """Numbers before texts, and the name last so that equal times still have one order."""
    value = record.get(member)
    if isinstance(value, int | float):
        return float(value), "", str(record.get(name, ""))
    return 0.0, str(value or ""), str(record.get(name, ""))


def _page(rows: list[Record], request: Record, position: Any, descending: bool) -> tuple[list[Record], str | None]:
    # A token holds the last position given out: an offset would repeat or skip rows when others are added meanwhile.
    if token := request.get("NextToken"):
        try:
            last = tuple(json.loads(base64.urlsafe_b64decode(token)))
            rows = [row for row in rows if (position(row) < last if descending else position(row) > last)]
        except (ValueError, TypeError):
            raise ValidationError("NextToken is not one that a List operation returned.") from None
    size = int(request.get("MaxResults", _DEFAULT_PAGE))
    if len(rows) <= size:
        return rows, None
    page = rows[:size]
    return page, base64.urlsafe_b64encode(json.dumps(position(page[-1])).encode()).decode()
