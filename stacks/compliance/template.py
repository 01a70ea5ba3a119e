"""Synthesized templates as rules look at them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Resource:
    """One resource of a template."""

    template: Template
    logical_id: str
    body: dict[str, Any]

    @property
    def kind(self) -> str:
        """Its CloudFormation type."""
        return self.body["Type"]

    def get(self, path: str) -> Any:
        """The property at `path` (names joined by dots); None where there is none."""
        value: Any = self.body.get("Properties", {})
        for name in path.split("."):
            value = value.get(name) if isinstance(value, dict) else None
        return value

    def is_true(self, path: str) -> bool:
        """Whether the property at `path` is true, in either of CloudFormation's spellings."""
        return self.get(path) in (True, "true")

    def statements(self, path: str = "PolicyDocument") -> list[dict[str, Any]]:
        """Statements of the policy document at `path`."""
        return many((self.get(path) or {}).get("Statement", []))

    def refers_to(self, reference: Any) -> bool:
        """Whether `reference` is a Ref or Fn::GetAtt of this resource."""
        if not isinstance(reference, dict):
            return False
        return reference.get("Ref") == self.logical_id or reference.get("Fn::GetAtt", [""])[0] == self.logical_id


@dataclass(frozen=True)
class Template:
    """One stack's template."""

    name: str
    body: dict[str, Any]

    @classmethod
    def read(cls, path: Path) -> Template:
        """Read a template file of a cloud assembly."""
        return cls(path.name.removesuffix(".template.json"), json.loads(path.read_text(encoding="utf-8")))

    def resources(self, *kinds: str) -> Iterator[Resource]:
        """Resources of the types `kinds`; of all types without any."""
        for logical_id, body in self.body.get("Resources", {}).items():
            if not kinds or body["Type"] in kinds:
                yield Resource(self, logical_id, body)


def many(value: Any) -> list[Any]:
    """`value` as a list, where IAM takes one as well as many."""
    return value if isinstance(value, list) else [value]


def text(value: Any) -> str:
    """A value as text, with references written as ${Name}."""
    if not isinstance(value, dict):
        return str(value)
    if "Fn::Join" in value:
        separator, parts = value["Fn::Join"]
        return separator.join(map(text, parts))
    if "Ref" in value:
        return f"${{{value['Ref']}}}"
    # Without quotes, so that a text of JSON around it stays one.
    return "${" + json.dumps(value, sort_keys=True).replace('"', "'") + "}"
