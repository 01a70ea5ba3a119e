"""Shares connections out evenly among the workers, which accept from one listening socket.

Left alone, the worker that wakes first takes every connection of a client that opens them together, and the other
cores idle. So each worker accepts one at a time and leaves it, for a moment, to one that holds fewer.
"""

from __future__ import annotations

import asyncio
import errno
import mmap
import socket
from collections.abc import Callable

_ABSENT = 2**32 - 1
_PATIENCE_SECONDS = 0.001
"""How long a connection is left to a worker with fewer; one that is busy for longer does not get it."""
_EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_EXHAUSTED_SECONDS = 0.5


class Shares:
    """How many connections each worker holds, in memory that forked processes share."""

    def __init__(self, workers: int) -> None:
        self._counts = memoryview(mmap.mmap(-1, 4 * workers)).cast("I")
        for worker in range(workers):
            self.absent(worker)

    def __getitem__(self, worker: int) -> int:
        return self._counts[worker]

    def __setitem__(self, worker: int, connections: int) -> None:
        self._counts[worker] = connections

    def absent(self, worker: int) -> None:
        """Nothing is left to a worker that does not serve yet or any more."""
        self._counts[worker] = _ABSENT

    def least(self) -> int:
        """The fewest connections that a worker holds."""
        return min(self._counts)


class Door:
    """Accepts connections for one worker of `shares`, until it is closed.

    `make` gives a connection's protocol; `held` tells how many the worker holds.
    """

    def __init__(
        self,
        listener: socket.socket,
        make: Callable[[], asyncio.Protocol],
        held: Callable[[], int],
        shares: Shares,
        worker: int,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._listener, self._make, self._held = listener, make, held
        self._shares, self._worker = shares, worker
        self._entering: set[asyncio.Task] = set()
        self._pause: asyncio.TimerHandle | None = None
        listener.setblocking(False)
        self.count()
        self._open()

    def count(self) -> None:
        """Tell the other workers how many connections there are; to be called when one ends."""
        self._shares[self._worker] = self._held() + len(self._entering)

    def close(self) -> None:
        """Accept no more."""
        if self._pause:
            self._pause.cancel()
        self._loop.remove_reader(self._listener)
        self._shares.absent(self._worker)

    def _open(self) -> None:
        self._pause = None
        self._loop.add_reader(self._listener, self._arrived)

    def _arrived(self) -> None:
        if self._shares[self._worker] > self._shares.least():
            self._wait(_PATIENCE_SECONDS, self._after_patience)
        else:
            self._accept()

    def _after_patience(self) -> None:
        self._open()
        self._accept()

    def _wait(self, seconds: float, then: Callable[[], None]) -> None:
        self._loop.remove_reader(self._listener)
        self._pause = self._loop.call_later(seconds, then)

    def _accept(self) -> None:
        try:
            accepted, _ = self._listener.accept()
        except OSError as error:
            # Anything else is a connection that another worker took or that has gone again.
            if error.errno in _EXHAUSTED:
                self._wait(_EXHAUSTED_SECONDS, self._open)
            return
        accepted.setblocking(False)
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        task = self._loop.create_task(self._enter(accepted))
        self._entering.add(task)
        task.add_done_callback(self._entered)
        self.count()

    async def _enter(self, accepted: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._make, accepted)
        except OSError:
            accepted.close()

    def _entered(self, task: asyncio.Task) -> None:
        self._entering.discard(task)
        self.count()
