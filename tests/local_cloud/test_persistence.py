"""How state is written while the server runs."""

import json
from pathlib import Path
from typing import Any

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
