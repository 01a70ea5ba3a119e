"""How state is written while the server runs."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from ministack import app
from ministack.core import persistence as core

from local_cloud.hooks import persistence


def test_state_in_pieces_is_the_same_json() -> None:
    many = {f"item-{number}": {"tags": ["é", None, True], "size": number / 3} for number in range(200)}
    nested: dict[str, Any] = {"names": {1: "a", None: "b", 2.5: "d"}, "empty": [{}, [], ""]}
    for _ in range(8):
        nested = {"level": nested, "many": many, "list": list(many.values()), "other": Path("x")}
    document = {"payload": nested}
    made = list(persistence.pieces(document, str))
    assert "".join(made) == json.dumps(document, default=str)
    assert max(map(len, made)) < 10_000, "nothing large is encoded at once"


def test_a_service_is_looked_at_once_for_each_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look costs its whole state: an idle server would spend its time on them."""
    looks: list[str] = []
    monkeypatch.setattr(app, "_build_persistence_save_dict", lambda: {"looked-at": lambda: looks.append("one") or {}})
    monkeypatch.setattr(core, "STATE_DIR", str(tmp_path))
    changed = time.monotonic()
    assert [persistence.save_changed(changed) for _ in range(3)] == [False] * 3
    assert looks == ["one"] and (tmp_path / "looked-at.json").exists()
    changed = time.monotonic()
    while persistence.save_changed(changed):
        time.sleep(0.001)
    assert looks == ["one"] * 2
