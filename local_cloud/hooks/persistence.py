"""ministack's saved state, which it writes at shutdown only, written while it runs."""

import json
import logging
from pathlib import Path
from typing import Any

log = logging.getLogger("local_cloud.state")

_written: dict[str, int] = {}
_ATTEMPTS = 5


def save_changed() -> list[str]:
    """Write the state of every loaded service whose state differs from the last write; returns their names."""
    from ministack import app
    from ministack.core import persistence

    folder = Path(persistence.STATE_DIR)
    folder.mkdir(parents=True, exist_ok=True)
    changed = []
    for name, get_state in app._build_persistence_save_dict().items():
        text = _serialised(name, get_state)
        if text is None or _written.get(name) == hash(text):
            continue
        temporary = folder / f"{name}.json.new"
        temporary.write_text(text)
        temporary.replace(folder / f"{name}.json")
        _written[name] = hash(text)
        changed.append(name)
    return changed


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
