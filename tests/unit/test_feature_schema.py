import subprocess
import sys

import pytest

from fraud.features.schema import Feature, FeatureSchema, SchemaError

SCHEMA = FeatureSchema(
    event_type={"name": "cards"},
    features=(Feature("amount", "float", "Amount"), Feature("is_night", "int")),
    label="TX_FRAUD",
    id="TRANSACTION_ID",
    timestamp="TX_DATETIME",
    entity_for_cards="CUSTOMER_ID",
    amount="TX_AMOUNT",
)


def test_round_trip_through_a_folder(tmp_path):
    path = SCHEMA.save(tmp_path)
    assert path.name == "feature_schema.json"
    assert FeatureSchema.load(tmp_path) == SCHEMA
    assert FeatureSchema.load(path).feature_names == ["amount", "is_night"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema_version": 2}, "schema_version"),
        ({"features": []}, "at least one feature"),
        ({"features": [{"name": "a", "type": "text"}]}, "features.type of 'a'"),
        ({"features": [{"name": "__label", "type": "int"}]}, "features.name"),
        ({"features": [{"name": "a", "type": "int"}] * 2}, "unique"),
        ({"features": [{"name": "a"}]}, r"features\[0\]"),
    ],
)
def test_a_malformed_schema_names_the_field(change, message):
    with pytest.raises(SchemaError, match=message):
        FeatureSchema.from_json({**SCHEMA.to_json(), **change})


def test_missing_fields_and_files_are_named(tmp_path):
    body = SCHEMA.to_json()
    del body["label"]
    with pytest.raises(SchemaError, match="label"):
        FeatureSchema.from_json(body)
    with pytest.raises(SchemaError, match=r"absent\.json"):
        FeatureSchema.load(tmp_path / "absent.json")
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(SchemaError, match="not valid JSON"):
        FeatureSchema.load(tmp_path / "bad.json")


def test_loading_a_schema_needs_neither_polars_nor_yaml():
    code = "import sys, fraud.features.schema; print({'polars', 'yaml', 'numpy'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"
