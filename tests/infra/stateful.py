"""Resources that hold what cannot be made again, and the properties whose change would replace them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

LISTED = Path(__file__).with_name("stateful.json")
CREATE_ONLY = {
    "AWS::S3::Bucket": ("BucketName",),
    # An index may come and go; another key means another table.
    "AWS::DynamoDB::Table": ("TableName", "KeySchema", "LocalSecondaryIndexes", "ImportSourceSpecification"),
    "AWS::KMS::Key": ("KeySpec", "KeyUsage", "MultiRegion", "Origin"),
    "AWS::KMS::Alias": ("AliasName",),
    "AWS::Logs::LogGroup": ("LogGroupName", "LogGroupClass"),
    "AWS::SageMaker::ModelPackageGroup": ("ModelPackageGroupName", "ModelPackageGroupDescription"),
    "AWS::SNS::Topic": ("TopicName", "FifoTopic"),
    "AWS::SQS::Queue": ("QueueName", "FifoQueue"),
}
"""From each type's schema (createOnlyProperties and conditionalCreateOnlyProperties)."""

Listed = dict[str, dict[str, Any]]


def stateful(templates: Mapping[str, Mapping[str, Any]]) -> Listed:
    """Return what is to be kept by `stack/logical id`: type, create-only properties, and what a removal does."""
    found = {}
    for stack, template in templates.items():
        for logical_id, resource in template["Resources"].items():
            if resource["Type"] in CREATE_ONLY:
                properties = resource.get("Properties", {})
                found[f"{stack}/{logical_id}"] = {
                    "Type": resource["Type"],
                    **{name: properties[name] for name in CREATE_ONLY[resource["Type"]] if name in properties},
                    "DeletionPolicy": resource.get("DeletionPolicy"),
                    "UpdateReplacePolicy": resource.get("UpdateReplacePolicy"),
                }
    return found


def replacements(before: Listed, now: Listed) -> list[str]:
    """Return a sentence for each resource that an update from `before` to `now` would replace or delete."""
    sentences = []
    for name, kept in before.items():
        if name not in now:
            sentences.append(f"{name} ({kept['Type']}) would be deleted: it is gone, or has another logical id")
            continue
        for what in (set(kept) | set(now[name])) - {"DeletionPolicy", "UpdateReplacePolicy"}:
            if kept.get(what) != now[name].get(what):
                sentences.append(f"{name} ({kept['Type']}) would be replaced: {what} changed")
    return sorted(sentences)


def read() -> dict[str, Listed]:
    """Return what was listed, by environment."""
    return json.loads(LISTED.read_text(encoding="utf-8")) if LISTED.exists() else {}


def add(environment: str, now: Listed) -> None:
    """List what is new; what is listed stays as it is, and goes by hand alone."""
    listed = read()
    listed[environment] = {**now, **listed.get(environment, {})}
    LISTED.write_text(json.dumps(listed, indent=1, sort_keys=True) + "\n", encoding="utf-8")
