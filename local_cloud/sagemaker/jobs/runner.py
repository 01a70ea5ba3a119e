"""Execution of jobs: one thread each, a limited number of processes at a time, and an orderly end in every case."""

import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from local_cloud import config, hooks
from local_cloud.sagemaker import lifecycle
from local_cloud.sagemaker.containers import Container
from local_cloud.sagemaker.store import STORE

Key = tuple[str, str, str, str]
log = logging.getLogger("local_cloud.jobs")

STOPPED, TIMED_OUT = "Stopped", "TimedOut"


class Slots:
    """Permits for running processes, given in the order they were asked for."""

    def __init__(self, count: int):
        self._free = count
        self._waiting: deque[object] = deque()
        self._changed = threading.Condition()

    def acquire(self, cancelled: Callable[[], bool]) -> bool:
        """Wait for a permit; False when cancelled first (call ``wake`` after that changed)."""
        ticket = object()
        with self._changed:
            self._waiting.append(ticket)
            self._changed.wait_for(lambda: cancelled() or (self._free > 0 and self._waiting[0] is ticket))
            self._waiting.remove(ticket)
            self._changed.notify_all()
            if cancelled():
                return False
            self._free -= 1
            return True

    def release(self) -> None:
        with self._changed:
            self._free += 1
            self._changed.notify_all()

    def wake(self) -> None:
        with self._changed:
            self._changed.notify_all()


_slots: Slots | None = None
_runs: dict[Key, "Run"] = {}
_lock = threading.Lock()


def _all_slots() -> Slots:
    global _slots
    with _lock:
        _slots = _slots or Slots(config.current().max_jobs)
        return _slots


class Run:
    """A job that is being executed.

    Attributes:
        ended_by: STOPPED or TIMED_OUT when the job was ended from outside, else None.
        abandoned: True when the server stops or forgets everything: nothing must be recorded any more.
        on_end: called once when the job is ended from outside.
    """

    def __init__(self) -> None:
        self.ended_by: str | None = None
        self.abandoned = False
        self.on_end: Callable[[], None] = lambda: None
        self._container: Container | None = None
        self._guard = threading.Lock()

    def end(self, why: str) -> None:
        """Let the job end early: SIGTERM, and after the grace time SIGKILL; returns at once."""
        with self._guard:
            if self.ended_by:
                return
            self.ended_by = why
            container = self._container
        _all_slots().wake()
        self.on_end()
        if container:
            stop = hooks.bound(container.stop)
            threading.Thread(target=stop, args=(config.current().stop_grace_seconds,), daemon=True).start()

    def abandon(self) -> None:
        """Kill the job's processes at once and record nothing."""
        with self._guard:
            self.abandoned, self.ended_by = True, STOPPED
            container = self._container
        _all_slots().wake()
        self.on_end()
        if container:
            container.kill()

    def execute(self, container: Container, max_seconds: float, started: Callable[[], None]) -> int | None:
        """Run the container once a permit is free; its exit code, or None when the job was ended before it started.

        Args:
            container: not started yet.
            max_seconds: time after which the job is ended with TIMED_OUT.
            started: called when the permit is there, right before the start.
        """
        slots = _all_slots()
        if not slots.acquire(lambda: self.ended_by is not None):
            return None
        timer = threading.Timer(max_seconds, self.end, [TIMED_OUT])
        timer.daemon = True
        try:
            started()
            with self._guard:
                if self.ended_by:
                    return None
                container.start()
                self._container = container
            timer.start()
            return container.wait()
        finally:
            timer.cancel()
            slots.release()
            with self._guard:
                self._container = None


def launch(
    kind: str,
    name: str,
    body: Callable[[Run], None],
    failed: Callable[[str], None],
    over: Callable[[], None] = lambda: None,
) -> Run:
    """Execute a job's body on a thread in the caller's account and region.

    Args:
        kind, name: of the job's record.
        body: does everything, and records the outcome itself.
        failed: called with a FailureReason when the body raised what it should have handled.
        over: called when the job's record has its final status.
    """
    key = (hooks.account_id(), hooks.region(), kind, name)
    run = Run()

    def work() -> None:
        try:
            body(run)
        except Exception as error:
            if not run.abandoned:
                log.exception("%s %s failed inside the local cloud", kind, name)
                failed(f"InternalServerError: the local cloud failed to run the job: {error!r}"[:1024])
        finally:
            with _lock:
                _runs.pop(key, None)
            over()

    with _lock:
        _runs[key] = run
    # A stop that came after the record and before the run found nothing to end.
    if (STORE.find(kind, name) or {}).get(f"{kind}Status") == "Stopping":
        run.end(STOPPED)
    threading.Thread(target=hooks.bound(work), daemon=True, name=f"{kind} {name}").start()
    return run


def find(kind: str, name: str) -> Run | None:
    """The run of a job of the caller's account and region, while it lasts."""
    with _lock:
        return _runs.get((hooks.account_id(), hooks.region(), kind, name))


@lifecycle.on_reset
@lifecycle.on_shutdown
def abandon_all() -> None:
    with _lock:
        runs = list(_runs.values())
    for run in runs:
        run.abandon()


def text(value: Any, limit: int = 1024) -> str:
    """A value as text of at most ``limit`` characters, for FailureReason and the like."""
    return str(value).strip()[:limit]
