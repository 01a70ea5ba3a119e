"""Which rules fire on which events, by the very evaluation that decides payments.

CEL takes some microseconds for each rule. What makes a million events quick: simple conditions are computed on whole
columns, all others once for each combination of the values that they refer to, by several processes.
"""

from __future__ import annotations

import math
import multiprocessing
import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
import polars as pl

from fraud.backtest import workers
from fraud.backtest.columns import simple
from fraud.backtest.workers import FIRED, NOT, SKIPPED
from fraud.decisions import Rules
from fraud.event_types.model import EventType

__all__ = ["FIRED", "NOT", "SKIPPED", "fire"]

ROWS_AT_ONCE = 20_000
ALONE = 60_000
"""Evaluations that are not worth another process."""
_ROW, _ZEROS = "__row", "__zeros"


def fire(
    rules: Rules,
    event_type: EventType,
    variables: pl.DataFrame,
    processes: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> np.ndarray:
    """Return NOT, FIRED or SKIPPED for each event and rule: int8 of shape (events, rules).

    `variables` are a history's. `progress` is told how many evaluations are done, and of how many.
    """
    codes = np.full((len(variables), len(rules.compiled)), SKIPPED, dtype=np.int8)
    left = []
    for position, compiled in enumerate(rules.compiled):
        fires = simple(compiled, rules.variables, rules.ruleset.lists)
        if fires is None:
            left.append(position)
            continue
        table = variables.select(sorted(compiled.needs))
        there = ~table.select(pl.any_horizontal(pl.all().is_null())).to_series().to_numpy()
        codes[there, position] = fires(table.filter(there).to_dict(as_series=True))
    groups = [_Group(names, which, variables) for names, which in _by_needs(rules, left).items()]
    total = sum(len(group.distinct) * len(group.which) for group in groups)
    count = processes or os.cpu_count() or 1
    done = 0
    for group, start, result in _evaluated(rules, event_type, groups, count if total > ALONE else 1):
        group.take(start, result)
        done += len(result)
        progress(done, total)
    for group in groups:
        codes[:, group.which] = group.codes()
    return codes


def _by_needs(rules: Rules, positions: list[int]) -> dict[tuple[str, ...], list[int]]:
    """Positions of rules that refer to the same variables."""
    groups = defaultdict(list)
    for position in positions:
        groups[tuple(sorted(rules.compiled[position].needs))].append(position)
    return groups


class _Group:
    """Rules that refer to the same variables, and the combinations of values there are."""

    def __init__(self, names: tuple[str, ...], which: list[int], variables: pl.DataFrame) -> None:
        self.names, self.which, self._size = names, which, len(variables)
        self._row: pl.Series | None = None
        if not names:
            # A condition without variables is the same for all.
            self.distinct = pl.DataFrame({_ROW: [0]})
        else:
            table = variables.select(*names, _negative_zeros(variables, names).alias(_ZEROS))
            self.distinct = table.unique().drop_nulls().with_row_index(_ROW)
            joined = table.join(self.distinct, on=[*names, _ZEROS], how="left", maintain_order="left")
            self._row = joined[_ROW]
        self._codes = np.full((len(self.distinct), len(which)), SKIPPED, dtype=np.int8)

    def parts(self) -> Iterator[tuple[int, dict[str, list[Any]]]]:
        """Yield the combinations in parts, each with its first row."""
        for start in range(0, len(self.distinct), ROWS_AT_ONCE):
            part = self.distinct.slice(start, ROWS_AT_ONCE)
            yield start, {name: part[name].to_list() for name in self.names or (_ROW,)}

    def take(self, start: int, result: bytes) -> None:
        """Note what the rules do on the combinations from a row on."""
        codes = np.frombuffer(result, dtype=np.int8).reshape(-1, len(self.which))
        self._codes[start : start + len(codes)] = codes

    def codes(self) -> np.ndarray:
        """What the rules do on each event."""
        if self._row is None:
            return np.repeat(self._codes, self._size, axis=0)
        # Events with a value missing have no combination: they point past the end, where rules are skipped.
        skipped = np.full((1, len(self.which)), SKIPPED, dtype=np.int8)
        return np.concatenate([self._codes, skipped])[self._row.fill_null(len(self._codes)).to_numpy()]


def _negative_zeros(variables: pl.DataFrame, names: tuple[str, ...]) -> pl.Expr:
    """Which of the values are -0.0, in bits: it equals 0.0, and what is divided by it is another number."""
    floats = [name for name in names if variables.schema[name].is_float()]
    bits = [(1 / pl.col(name) == -math.inf).cast(pl.UInt64) * 2**bit for bit, name in enumerate(floats)]
    return pl.sum_horizontal(bits) if bits else pl.lit(0, pl.UInt64)


def _evaluated(
    rules: Rules, event_type: EventType, groups: list[_Group], processes: int
) -> Iterator[tuple[_Group, int, bytes]]:
    jobs = ((group, start, columns) for group in groups for start, columns in group.parts())
    if processes == 1:
        for group, start, columns in jobs:
            yield group, start, workers.evaluate(rules, group.which, columns)
        return
    # Not forked: the threads of polars do not survive that.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, workers.start, (rules.ruleset, event_type)) as pool:
        # A few parts wait for each process, not all of them: their lists of values take memory.
        waiting: list[tuple[_Group, int, Any]] = []
        for group, start, columns in jobs:
            waiting.append((group, start, pool.submit(workers.work, group.which, columns)))
            if len(waiting) > 3 * processes:
                first = waiting.pop(0)
                yield first[0], first[1], first[2].result()
        for group, start, future in waiting:
            yield group, start, future.result()
