"""Every decision of a run, once each, in ``authorizations.jsonl`` of the state folder: what the roles really need."""

import json
import threading
from collections.abc import Mapping
from typing import Any

from local_cloud import config

FILE = "authorizations.jsonl"
_seen: set[str] = set()
_lock = threading.Lock()


def note(principal: str, action: str, resource: str, context: Mapping[str, Any], allowed: bool) -> None:
    """Keep a decision: ``principal`` is the ARN of a role's session, ``context`` the condition keys of the request."""
    if ":assumed-role/" not in principal:
        return
    keys = {key: value for key, value in sorted(context.items()) if value is not None}
    _, role, session = principal.split("/")
    entry = {"role": role, "session": session, "action": action, "resource": resource, "context": keys}
    line = json.dumps({**entry, "allowed": allowed}, default=str)
    with _lock:
        if line in _seen:
            return
        _seen.add(line)
        with (config.current().state_dir / FILE).open("a", encoding="utf-8") as file:
            file.write(line + "\n")
