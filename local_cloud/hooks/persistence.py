"""ministack's saved state, which it writes at shutdown only, written while it runs."""

import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

log = logging.getLogger("local_cloud.state")

_written: dict[str, bytes] = {}
_looked_at: dict[str, float] = {}
_not_before: dict[str, float] = {}
_ATTEMPTS = 5
# A service is looked at again after this many times the time that it took: at most 5 % of one core goes into it.
_PAUSE_FACTOR = 20


def save_changed(since: float) -> bool:
    """Write the state of every loaded service whose state differs from the last write.

    Services that were looked at after `since` (monotonic seconds), when something changed last, are as they were.
    Of the others those with much state (long logs) are left out now and then; returns whether any was.

    Raises:
        OSError: a service's state cannot be written; the file before it stands, and all others were written.
    """
    from ministack import app
    from ministack.core import persistence

    folder = Path(persistence.STATE_DIR)
    folder.mkdir(parents=True, exist_ok=True)
    left_out, failure = False, None
    for name, get_state in app._build_persistence_save_dict().items():
        started = time.monotonic()
        if _looked_at.get(name, -1.0) > since:
            continue
        if started < _not_before.get(name, 0.0):
            left_out = True
            continue
        _looked_at[name], spent = started, time.thread_time()
        data = _serialised(name, get_state)
        if data is not None and _written.get(name) != (digest := hashlib.blake2b(data).digest()):
            temporary = folder / f"{name}.json.new"
            try:
                temporary.write_bytes(data)
                temporary.replace(folder / f"{name}.json")
                _written[name] = digest
            except OSError as error:
                failure = error
                _looked_at.pop(name, None)
                temporary.unlink(missing_ok=True)
        # Of this thread's own time: a machine that is busy with other things is no reason to wait longer.
        _not_before[name] = time.monotonic() + _PAUSE_FACTOR * (time.thread_time() - spent)
    if failure is not None:
        raise failure
    return left_out


def forget() -> None:
    """After a reset the files are gone, so that every state counts as changed."""
    _written.clear()
    _looked_at.clear()


def _serialised(name: str, get_state: Any) -> bytes | None:
    from ministack.core import persistence

    for _ in range(_ATTEMPTS):
        try:
            state = get_state()
            if state is None:
                return None
            document = {"__ministack_format__": persistence._state_format_version(name), "payload": state}
            return "".join(pieces(document, persistence._json_default)).encode()
        except RuntimeError:
            # Requests go on meanwhile: "dictionary changed size during iteration".
            continue
        except (TypeError, ValueError) as error:
            log.warning("The state of %s cannot be saved: %s", name, error)
            return None
    log.info("The state of %s changes too fast to be saved; the next snapshot will", name)
    return None


# Values that are encoded at once, and members of one container that are encoded together, have at most so many values.
_AT_ONCE = 500


def pieces(value: Any, default: Callable[[Any], Any]) -> Iterator[str]:
    """JSON in pieces: encoding a large document at once would stop every other thread for that long."""
    yield from _pieces(value, default, json.JSONEncoder(default=default).encode)


def _pieces(value: Any, default: Callable[[Any], Any], encode: Callable[[Any], str]) -> Iterator[str]:
    if not isinstance(value, dict | list | tuple | str | int | float | None):
        value = default(value)
    if not isinstance(value, dict | list | tuple) or _weight(value, _AT_ONCE) <= _AT_ONCE:
        yield encode(value)
        return
    named = isinstance(value, dict)
    separator, end = ("{", "}") if named else ("[", "]")
    together, weight = [], 0
    for member in [*value.items()] if named else [*value]:
        own = _weight(member, _AT_ONCE)
        if together and weight + own > _AT_ONCE:
            yield separator + encode(dict(together) if named else together)[1:-1]
            separator, together, weight = ", ", [], 0
        if own <= _AT_ONCE:
            together.append(member)
            weight += own
            continue
        # Its name alone is written as json writes it: {"name": 0}.
        yield separator + (encode({member[0]: 0})[1:-2] if named else "")
        yield from _pieces(member[1] if named else member, default, encode)
        separator = ", "
    if together:
        yield separator + encode(dict(together) if named else together)[1:-1]
    yield end


def _weight(value: Any, enough: int) -> int:
    """How many values `value` has: beyond `enough` if there are more, or one is of a type that json does not know."""
    if not isinstance(value, dict | list | tuple):
        return 1 if isinstance(value, str | int | float | None) else enough + 1
    found = 1
    for member in value.values() if isinstance(value, dict) else value:
        found += 1 if isinstance(member, str | int | float | None) else _weight(member, enough - found)
        if found > enough:
            break
    return found
