"""The page docs/local-cloud.md says what the code does."""

from pathlib import Path

import pytest
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from local_cloud.cloudformation import sagemaker_types
from local_cloud.coverage import operations
from local_cloud.coverage.__main__ import generate
from local_cloud.coverage.properties import TYPES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "local-cloud.md"


def test_every_operation_is_declared_once() -> None:
    assert operations.problems() == []


def test_the_page_is_current() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == generate(text), "run python -m local_cloud.coverage"
    assert "CreateTrainingJob" in text
    assert "AWS::SageMaker::Endpoint" in text


def test_every_type_of_sagemaker_is_declared() -> None:
    assert {spec.resource_type for spec in sagemaker_types.TYPES} <= TYPES.keys()


@pytest.mark.parametrize("name", sorted(TYPES))
def test_declared_properties_exist(name: str) -> None:
    if name.startswith("Custom::"):
        pytest.skip("a custom resource has whatever properties its function reads")
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", name).schema
    assert set(TYPES[name].properties) <= set(schema["properties"])
