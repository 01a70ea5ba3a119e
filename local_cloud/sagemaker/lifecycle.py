"""What modules do when the server restores its state, is reset, or stops."""

from collections.abc import Callable

Action = Callable[[], None]

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
    for action in _restore:
        action()


def ready() -> None:
    for action in _ready:
        action()


def resetting() -> None:
    for action in _reset:
        action()


def shutting_down() -> None:
    for action in _shutdown:
        action()
