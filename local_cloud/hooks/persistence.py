"""ministack's saved state, which it writes at shutdown only, written while it runs."""

import json
import logging
import time
from pathlib import Path
from typing import Any

log = logging.getLogger("local_cloud.state")

_written: dict[str, int] = {}
_not_before: dict[str, float] = {}
_ATTEMPTS = 5
# A service is looked at again after this many times the time that it took: at most 5 % of one core goes into it.
_PAUSE_FACTOR = 20


def save_changed() -> bool:
    """Write the state of every loaded service whose state differs from the last write.

    Services with much state (long logs) are left out now and then; returns whether any was.
    """
    from ministack import app
    from ministack.core import persistence

    folder = Path(persistence.STATE_DIR)
    folder.mkdir(parents=True, exist_ok=True)
    left_out = False
    for name, get_state in app._build_persistence_save_dict().items():
        started = time.monotonic()
        if started < _not_before.get(name, 0.0):
            left_out = True
            continue
        text = _serialised(name, get_state)
        if text is not None and _written.get(name) != hash(text):
            temporary = folder / f"{name}.json.new"
            temporary.write_text(text)
            temporary.replace(folder / f"{name}.json")
            _written[name] = hash(text)
        finished = time.monotonic()
        _not_before[name] = finished + _PAUSE_FACTOR * (finished - started)
    return left_out


def forget() -> None:
    """After a reset the files are gone, so that every state counts as changed."""
    _written.clear()


def _serialised(name: str, get_state: Any) -> str | None:
    from ministack.core import persistence

    for _ in range(_ATTEMPTS):
        try:
            state = get_state()
            if state is None:
                return None
            document = {"__ministack_format__": persistence._state_format_version(name), "payload": state}
            return json.dumps(document, default=persistence._json_default)
        except RuntimeError:
            # Requests go on meanwhile: "dictionary changed size during iteration".
            continue
        except (TypeError, ValueError) as error:
            log.warning("The state of %s cannot be saved: %s", name, error)
            return None
    log.info("The state of %s changes too fast to be saved; the next snapshot will", name)
    return None
