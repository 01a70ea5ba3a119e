"""Saves the state of all services shortly after it changed, so that even kill -9 loses a few seconds at most."""

import logging
import threading
import time

log = logging.getLogger("local_cloud.state")

_changed = threading.Event()
_last_change = 0.0
# What changes without a request (a state machine goes on by itself) is found so late, in seconds.
_IDLE = 10.0


def touch() -> None:
    """Say that something worth keeping changed."""
    global _last_change
    _last_change = time.monotonic()
    _changed.set()


def start_snapshots(seconds: float) -> None:
    """Save what changed, at most every ``seconds`` seconds, on a daemon thread."""
    from local_cloud.hooks import persistence

    def run() -> None:
        told = None
        while True:
            if not _changed.wait(_IDLE):
                touch()
            time.sleep(seconds)
            _changed.clear()
            try:
                if persistence.save_changed(_last_change):
                    _changed.set()
                if told is not None:
                    log.warning("The state is saved again")
                told = None
            except OSError as error:
                # A full disk, as a rule: changes are in memory only until there is room.
                _changed.set()
                if told != str(error):
                    told = str(error)
                    log.error("The state cannot be saved and would be lost with this process: %s; trying on", error)
            except Exception:
                log.exception("The state could not be saved; it will be tried again at the next change")

    threading.Thread(target=run, daemon=True, name="snapshots").start()
