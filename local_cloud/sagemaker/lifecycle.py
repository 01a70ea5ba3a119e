"""What modules do when the server restores its state, is reset, or stops."""

import logging
from collections.abc import Callable

Action = Callable[[], None]
log = logging.getLogger("local_cloud.lifecycle")

_restore: list[Action] = []
_ready: list[Action] = []
_reset: list[Action] = []
_shutdown: list[Action] = []


def on_restore(action: Action) -> Action:
    """Run after the records of an earlier run were loaded and before any request is answered: put records right."""
    _restore.append(action)
    return action


def on_ready(action: Action) -> Action:
    """Run on a thread of its own once the server answers requests: start again what needs S3 or other services."""
    _ready.append(action)
    return action


def on_reset(action: Action) -> Action:
    """Run before all records are dropped, on a worker thread."""
    _reset.append(action)
    return action


def on_shutdown(action: Action) -> Action:
    """Run before the server saves its state and ends: stop every process."""
    _shutdown.append(action)
    return action


def restored() -> None:
    _run(_restore)


def ready() -> None:
    _run(_ready)


def resetting() -> None:
    _run(_reset)


def shutting_down() -> None:
    _run(_shutdown)


def _run(actions: list[Action]) -> None:
    for action in actions:
        try:
            action()
        except Exception:
            # One module's trouble must keep neither the others nor the server from starting or ending.
            log.exception("%s.%s failed", action.__module__, action.__qualname__)
