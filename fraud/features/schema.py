"""The columns a model is trained on and served with, as a file that travels with the model.

This module depends on the standard library alone: the endpoint's container reads it without polars or yaml.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

SCHEMA_VERSION = 1
SCHEMA_FILE = "feature_schema.json"
FEATURE_TYPES = ("float", "int")

LABEL = "__label"
"""int8: 1 for fraud, 0 for genuine."""
ID = "__id"
"""string: the event's identifier."""
TIMESTAMP = "__timestamp"
"""datetime in microseconds, UTC without a zone."""
CARD = "__card"
"""The customer or card of the event as a string; null where the event type has none."""
AMOUNT = "__amount"
"""float64: the event's amount; null where the event type has none."""
KNOWN_FRAUD_CARD = "__known_fraud_card"
"""bool, test split only: the card was already known as defrauded before the event's day."""
RESERVED_COLUMNS = (LABEL, ID, TIMESTAMP, CARD, AMOUNT, KNOWN_FRAUD_CARD)


class SchemaError(ValueError):
    """A feature schema is malformed; the message names the field and what is allowed."""


@dataclass(frozen=True)
class Feature:
    """One model input: its column name, `type` ("float" or "int") and meaning."""

    name: str
    type: str
    description: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name or self.name.startswith("__"):
            raise SchemaError(f"features.name: {self.name!r} must be a non-empty string not starting with '__'")
        if self.type not in FEATURE_TYPES:
            raise SchemaError(f"features.type of {self.name!r}: {self.type!r} is not one of {', '.join(FEATURE_TYPES)}")


@dataclass(frozen=True)
class FeatureSchema:
    """Ordered features of a model and the event columns they came from.

    `label`, `id`, `timestamp`, `entity_for_cards` and `amount` are column names of the raw event (None where
    the event type has none); `event_type` is the event type's own JSON form.
    """

    event_type: Mapping[str, Any]
    features: tuple[Feature, ...]
    label: str
    id: str | None = None
    timestamp: str | None = None
    entity_for_cards: str | None = None
    amount: str | None = None

    def __post_init__(self) -> None:
        if not self.features:
            raise SchemaError("features: at least one feature is needed")
        names = self.feature_names
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise SchemaError(f"features: names must be unique, repeated: {', '.join(repeated)}")

    @property
    def feature_names(self) -> list[str]:
        """Column names in the order of the model's input."""
        return [feature.name for feature in self.features]

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form, as written to feature_schema.json."""
        body = asdict(self)
        body["event_type"] = dict(self.event_type)
        body["features"] = [asdict(feature) for feature in self.features]
        return {"schema_version": SCHEMA_VERSION, **body}

    @classmethod
    def from_json(cls, body: Any) -> FeatureSchema:
        """Build a schema from its JSON form; raise SchemaError naming the field at fault."""
        if not isinstance(body, Mapping):
            raise SchemaError(f"feature schema: an object is expected, not {type(body).__name__}")
        version = body.get("schema_version")
        if version != SCHEMA_VERSION:
            raise SchemaError(f"schema_version: {version!r} cannot be read, {SCHEMA_VERSION} is supported")
        missing = [key for key in ("event_type", "features", "label") if key not in body]
        if missing:
            raise SchemaError(f"feature schema: missing field(s) {', '.join(missing)}")
        if not isinstance(body["features"], list):
            raise SchemaError("features: a list of objects is expected")
        features = []
        for position, item in enumerate(body["features"]):
            if not isinstance(item, Mapping) or "name" not in item or "type" not in item:
                raise SchemaError(f"features[{position}]: an object with name and type is expected")
            features.append(Feature(item["name"], item["type"], str(item.get("description", ""))))
        optional = {key: body.get(key) for key in ("id", "timestamp", "entity_for_cards", "amount")}
        return cls(event_type=body["event_type"], features=tuple(features), label=body["label"], **optional)

    def save(self, path: str | Path) -> Path:
        """Write the schema to a file, or to feature_schema.json in a folder; return the file's path."""
        path = _file(path)
        path.write_text(json.dumps(self.to_json(), indent=2) + "\n", encoding="utf-8")
        return path

    @classmethod
    def load(cls, path: str | Path) -> FeatureSchema:
        """Read a schema from a file, or from feature_schema.json in a folder."""
        path = _file(path)
        try:
            body = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise SchemaError(f"{path}: no feature schema there") from None
        except ValueError as error:
            raise SchemaError(f"{path}: not valid JSON ({error})") from None
        return cls.from_json(body)


def _file(path: str | Path) -> Path:
    path = Path(path)
    return path / SCHEMA_FILE if path.is_dir() else path
