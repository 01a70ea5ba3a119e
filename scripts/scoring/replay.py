"""Sending many transactions to the API at once, and what came of them."""

from __future__ import annotations

import math
import threading
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from scripts.retraining.errors import OperatorError
from scripts.scoring.client import ScoringClient
from scripts.scoring.history import Payload

STOPPING = ("review", "decline")
"""Outcomes that keep a payment from going through unseen."""
_MOST_FAILURES = 20


@dataclass
class Tally:
    """What became of the transactions sent so far; latencies in seconds."""

    total: int
    started: float = field(default_factory=time.monotonic)
    latencies: list[float] = field(default_factory=list)
    outcomes: Counter = field(default_factory=Counter)
    frauds: int = 0
    caught: int = 0
    fraud_amount: float = 0.0
    caught_amount: float = 0.0
    stopped_genuine: int = 0
    degraded: int = 0
    failures: Counter = field(default_factory=Counter)
    finished: float | None = None

    def add(self, payload: Payload, seconds: float, status: int, answer: dict[str, Any]) -> None:
        """Count one answer."""
        self.latencies.append(seconds)
        if status != 200:
            self.failures[f"{status} {answer.get('title', '')}: {answer.get('detail', '')}"] += 1
            return
        self.outcomes[answer["outcome"]] += 1
        self.degraded += answer["degraded"]
        stopped = answer["outcome"] in STOPPING
        if payload.is_fraud:
            self.frauds += 1
            self.fraud_amount += payload.amount
            self.caught += stopped
            self.caught_amount += payload.amount * stopped
        else:
            self.stopped_genuine += stopped

    @property
    def seconds(self) -> float:
        """Time since the first request, or until the last answer."""
        return (self.finished or time.monotonic()) - self.started

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.latencies) / max(self.seconds, 1e-9)

    def percentile(self, share: float) -> float:
        """The latency in milliseconds that this share of the requests kept to (nearest rank); NaN before the first."""
        ordered = sorted(self.latencies)
        return 1000 * ordered[max(math.ceil(share * len(ordered)), 1) - 1] if ordered else math.nan


def replay(
    client: ScoringClient,
    payloads: Iterable[Payload],
    total: int,
    connections: int,
    show: Callable[[Tally], None],
    clock: Callable[[], float] = time.monotonic,
) -> Tally:
    """Send the transactions in their order over some connections at once; `show` is called twice a second.

    Raises OperatorError when the first requests all fail, with what the API said.
    """
    tally, source, lock, stop = Tally(total), iter(payloads), threading.Lock(), threading.Event()

    def work() -> None:
        while not stop.is_set():
            with lock:
                payload = next(source, None)
            if payload is None:
                return
            began = clock()
            status, answer = client.request("POST", "/transactions", payload.body)
            with lock:
                tally.add(payload, clock() - began, status, answer)
                if sum(tally.failures.values()) == len(tally.latencies) >= _MOST_FAILURES:
                    stop.set()

    with ThreadPoolExecutor(connections) as pool:
        running = [pool.submit(work) for _ in range(connections)]
        try:
            while not all(job.done() for job in running):
                show(tally)
                time.sleep(0.5)
        except BaseException:
            stop.set()
            raise
        for job in running:
            job.result()
    tally.finished = time.monotonic()
    show(tally)
    if stop.is_set():
        raise OperatorError(f"the API refused everything: {tally.failures.most_common(1)[0][0]}")
    return tally


def shown(console: Console, total: int, work: Callable[[Callable[[Tally], None]], Tally]) -> Tally:
    """Run a replay with a live table on a terminal; elsewhere a line now and then."""
    if not console.is_terminal:
        return work(_Lines(console, total))
    with Live(console=console, transient=True, refresh_per_second=4) as live:
        return work(lambda tally: live.update(Group(ProgressBar(total, len(tally.latencies)), table(tally))))


def table(tally: Tally) -> Table:
    """The figures of a replay."""
    result = Table(box=None, show_header=False, padding=(0, 2))
    result.add_column(style="dim")
    result.add_column()
    for name, text in figures(tally):
        result.add_row(name, text)
    return result


def figures(tally: Tally) -> Iterator[tuple[str, str]]:
    """Yield name and text of each figure."""
    yield "transactions", f"{len(tally.latencies):,} of {tally.total:,} in {tally.seconds:.1f} s"
    yield "throughput", f"{tally.rate:.0f} a second"
    yield "latency", ", ".join(f"p{share * 100:g} {tally.percentile(share):.0f} ms" for share in (0.5, 0.95, 0.99))
    yield "outcomes", ", ".join(f"{name} {count:,}" for name, count in tally.outcomes.most_common()) or "–"
    yield (
        "fraud caught",
        f"{tally.caught} of {tally.frauds} ({_share(tally.caught, tally.frauds)}), "
        f"{tally.caught_amount:,.0f} of {tally.fraud_amount:,.0f} in money",
    )
    yield "genuine stopped", f"{tally.stopped_genuine:,}"
    if tally.degraded:
        yield "degraded", f"{tally.degraded:,} decided by rules alone"
    for text, count in tally.failures.most_common(3):
        yield "refused", f"{count:,} × {text}"


def _share(part: float, whole: float) -> str:
    return f"{part / whole:.0%}" if whole else "–"


class _Lines:
    """Prints a line at each tenth."""

    def __init__(self, console: Console, total: int) -> None:
        self._console = console
        self._marks = [total * tenth // 10 for tenth in range(1, 11)]
        self._next = 0

    def __call__(self, tally: Tally) -> None:
        reached = bisect_left(self._marks, len(tally.latencies) + 1)
        if reached > self._next:
            self._next = reached
            line = (
                f"{len(tally.latencies):,} of {tally.total:,}: {tally.rate:.0f}/s, p99 {tally.percentile(0.99):.0f} ms"
            )
            self._console.print(f"{line}, fraud caught {tally.caught} of {tally.frauds}", highlight=False)
