"""An environment's resources, from its synthesized templates."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Resource:
    """A resource of a template; `template` is the whole of it, for what it refers to."""

    stack: str
    logical_id: str
    type: str
    properties: Mapping[str, Any]
    template: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Its physical name where the template gives one, else its logical id."""
        for key, value in self.properties.items():
            if key.endswith("Name") and key not in ("ServiceName", "FunctionName", "EndpointConfigName", "StageName"):
                return text(value)
        return text(self.properties.get("ServiceName") or self.properties.get("FunctionName") or self.logical_id)

    def others(self, *types: str) -> Iterator[Resource]:
        """Resources of the same template, of these types."""
        for logical_id, body in self.template["Resources"].items():
            if body["Type"] in types:
                yield Resource(self.stack, logical_id, body["Type"], body.get("Properties", {}), self.template)


def load(folder: Path) -> list[Resource]:
    """The resources of all templates of a cloud assembly; FileNotFoundError where there is none."""
    paths = sorted(folder.glob("*.template.json"))
    if not paths:
        raise FileNotFoundError(f"no templates (*.template.json) in {folder}")
    found = []
    for path in paths:
        template = json.loads(path.read_text(encoding="utf-8"))
        stack = path.name.removesuffix(".template.json")
        for logical_id, body in template.get("Resources", {}).items():
            found.append(Resource(stack, logical_id, body["Type"], body.get("Properties", {}), template))
    return found


def text(value: Any) -> str:
    """A value as text: what a deployment fills in is left as ${Name}."""
    if isinstance(value, Mapping):
        if "Ref" in value:
            return "${" + value["Ref"] + "}"
        if "Fn::Join" in value:
            separator, parts = value["Fn::Join"]
            return separator.join(map(text, parts)) if isinstance(parts, list) else json.dumps(value)
        if "Fn::Sub" in value and isinstance(value["Fn::Sub"], str):
            return value["Fn::Sub"]
        return json.dumps(value, sort_keys=True)
    return value if isinstance(value, str) else json.dumps(value)


def chosen(value: Any) -> Any:
    """What `value` is where its condition holds: a challenger, say, is priced as if it ran."""
    while isinstance(value, Mapping) and "Fn::If" in value:
        value = value["Fn::If"][1]
    return value
