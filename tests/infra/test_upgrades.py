"""An upgrade replaces nothing that holds data, and a removal keeps it in prod."""

from __future__ import annotations

import copy
import os

import pytest
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from tests.infra import stateful
from tests.infra.conftest import CONCERNS, Assembly


def _now(assembly: Assembly) -> stateful.Listed:
    return stateful.stateful({concern: assembly.template(concern) for concern in CONCERNS})


def test_nothing_that_holds_data_would_be_replaced_or_deleted(assembly: Assembly) -> None:
    """`make snapshots` lists what is new. A replacement that is meant is written into stateful.json by hand."""
    now = _now(assembly)
    if os.environ.get("TAKE_SNAPSHOTS"):
        stateful.add(assembly.environment, now)
    listed = stateful.read()[assembly.environment]
    assert stateful.replacements(listed, now) == []
    assert sorted(set(now) - set(listed)) == [], "new and not listed: make snapshots"


def test_the_guard_sees_each_way_to_lose_data(dev: Assembly) -> None:
    before = _now(dev)
    assert {entry["Type"] for entry in before.values()} >= set(stateful.CREATE_ONLY)
    for name, entry in before.items():
        moved = {**before, f"{name}2": entry}
        del moved[name]
        assert any(name in sentence for sentence in stateful.replacements(before, moved))
        for what in set(entry) - {"DeletionPolicy", "UpdateReplacePolicy"}:
            changed = copy.deepcopy(before)
            changed[name][what] = "other"
            sentence = f"{name} ({entry['Type']}) would be replaced: {what} changed"
            assert stateful.replacements(before, changed) == [sentence]


@pytest.mark.parametrize("kind", stateful.CREATE_ONLY)
def test_the_create_only_properties_are_those_of_the_types_schema(kind: str) -> None:
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
    only = {path.split("/")[2] for path in schema.get("createOnlyProperties", [])}
    # The CDK names none of these two for a bucket.
    assert only - {"BucketNamePrefix", "BucketNamespace"} <= set(stateful.CREATE_ONLY[kind])


def test_prod_keeps_what_holds_data_and_dev_leaves_nothing(dev: Assembly, prod: Assembly) -> None:
    """An alias is a name and a topic holds no message: they may go with their stack."""
    gone = ("AWS::KMS::Alias", "AWS::SNS::Topic")
    for environment, policies in ((dev, {"Delete"}), (prod, {"Retain", "RetainExceptOnCreate"})):
        for name, entry in _now(environment).items():
            if entry["Type"] not in gone:
                assert entry["DeletionPolicy"] in policies, (name, entry)
                assert entry["UpdateReplacePolicy"] in (policies & {"Delete", "Retain"}), (name, entry)
