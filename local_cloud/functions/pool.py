"""Warm processes of all functions: each call has one to itself, and leaves it to the next."""

import os
import threading
import time

from local_cloud.functions.function import Function, Invocation, Result
from local_cloud.functions.process import Process
from local_cloud.sagemaker import lifecycle

# More of them at once would only take turns on the processors; a call waits a moment for one to become free before it
# starts another all the same, because functions that wait for each other must not wait for ever.
_PROCESSES = 4 * (os.cpu_count() or 1)
_PATIENCE = 1.0
# Processes beyond the first that nobody called for this long are ended.
_IDLE_SECONDS = 300.0

_Key = tuple[str, str, str, str]


class Pool:
    """The processes of one version of a function, all started from the same revision."""

    def __init__(self) -> None:
        self.revision = ""
        self.free: list[Process] = []
        self.count = 0
        self.forgotten = False
        self.changed = threading.Condition()


_pools: dict[_Key, Pool] = {}
_lock = threading.Lock()


def call(function: Function, invocation: Invocation) -> Result:
    """Call a function on a warm process, or on a new one.

    Raises:
        InitError: a new process did not get ready.
    """
    pool = _pool(function.key)
    process = _take(pool, function)
    try:
        result = process.invoke(invocation)
    except BaseException:
        _drop(pool, function.revision, [process])
        raise
    _give_back(pool, function, process)
    return result


def forget(account: str | None, region: str | None, name: str | None, version: str | None = None) -> None:
    """End the idle processes of matching functions; busy ones end after their call. None matches all."""
    pattern = (account, region, name, version)
    with _lock:
        keys = [
            key for key in _pools if all(wanted in (None, found) for wanted, found in zip(pattern, key, strict=True))
        ]
        pools = [_pools.pop(key) for key in keys]
    for pool in pools:
        pool.forgotten = True
        _renew(pool, "")


@lifecycle.on_reset
@lifecycle.on_shutdown
def forget_all() -> None:
    forget(None, None, None)


def _pool(key: _Key) -> Pool:
    with _lock:
        return _pools.setdefault(key, Pool())


def _renew(pool: Pool, revision: str) -> None:
    with pool.changed:
        pool.revision, old, pool.free, pool.count = revision, pool.free, [], 0
        pool.changed.notify_all()
    for process in old:
        process.kill()


def _take(pool: Pool, function: Function) -> Process:
    if pool.revision != function.revision:
        _renew(pool, function.revision)
    deadline = time.monotonic() + _PATIENCE
    with pool.changed:
        while True:
            # The one used last has the warmest caches, and the others get old enough to be ended.
            while pool.free:
                process = pool.free.pop()
                if process.alive():
                    return process
                pool.count -= 1
                process.kill()
            remaining = deadline - time.monotonic()
            if pool.count < _PROCESSES or remaining <= 0:
                pool.count += 1
                break
            pool.changed.wait(remaining)
    try:
        return Process(function)
    except BaseException:
        _drop(pool, function.revision, [])
        raise


def _give_back(pool: Pool, function: Function, process: Process) -> None:
    surplus: list[Process] = []
    with pool.changed:
        if pool.forgotten or pool.revision != function.revision:
            surplus = [process]
        elif process.alive():
            pool.free.append(process)
            oldest = time.monotonic() - _IDLE_SECONDS
            while pool.count > 1 and len(pool.free) > 1 and pool.free[0].last_used < oldest:
                surplus.append(pool.free.pop(0))
                pool.count -= 1
        else:
            pool.count -= 1
        pool.changed.notify()
    for old in surplus:
        old.kill()


def _drop(pool: Pool, revision: str, processes: list[Process]) -> None:
    with pool.changed:
        if pool.revision == revision:
            pool.count -= 1
        pool.changed.notify()
    for process in processes:
        process.kill()
