"""Writing profiles of a history into the deployed table."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

from scripts.retraining.errors import InputError, OperatorError

AT_ONCE = 25
"""Items of one BatchWriteItem, which takes no more."""
_DAY = 86_400
_MOST_ROUNDS = 10


def refuse_used_table(dynamodb: Any, table: str) -> None:
    """Raise InputError if the table has profiles: they know of events that a history from files may lack."""
    if dynamodb.scan(TableName=table, Limit=1, ProjectionExpression="#key", ExpressionAttributeNames={"#key": "key"})[
        "Items"
    ]:
        raise InputError(
            f"{table} has profiles already: they would be lost. Give --replace if the history holds all they know."
        )


def write(
    dynamodb: Any,
    table: str,
    profiles: Iterable[tuple[str, str, bytes]],
    history_days: int,
    advance: Callable[[int], None] = lambda _: None,
    threads: int = 4,
) -> int:
    """Write profiles (entity, value, content) and return their number; `advance` is called with how many were written.

    They are forgotten `history_days` and two days from now, unless an event renews them.
    """
    expires = str(int(time.time()) + (history_days + 2) * _DAY)

    def put(batch: list[tuple[str, str, bytes]]) -> int:
        requests = [
            {
                "PutRequest": {
                    "Item": {
                        "key": {"S": f"{entity}#{value}"},
                        "profile": {"B": content},
                        "version": {"N": "1"},
                        "expires": {"N": expires},
                    }
                }
            }
            for entity, value, content in batch
        ]
        for attempt in range(_MOST_ROUNDS):
            answer = dynamodb.batch_write_item(RequestItems={table: requests})
            requests = answer.get("UnprocessedItems", {}).get(table, [])
            if not requests:
                advance(len(batch))
                return len(batch)
            time.sleep(min(2**attempt * 0.05, 2.0))
        raise OperatorError(f"{table} is throttled: run the same command again with --replace in a minute.")

    source, written = iter(profiles), 0
    with ThreadPoolExecutor(threads) as pool:
        # A few batches at once: the profiles themselves are made as they are taken.
        while batches := [batch for _ in range(2 * threads) if (batch := list(islice(source, AT_ONCE)))]:
            written += sum(pool.map(put, batches))
    return written
