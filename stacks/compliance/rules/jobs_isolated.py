"""Jobs that a state machine creates run in network isolation, encrypt their traffic, and name customer keys."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from stacks.compliance.rule import Context, rule
from stacks.compliance.template import Resource, text


@rule("JobsIsolated", "AWS::StepFunctions::StateMachine", remedy="isolate each job's network and encrypt its traffic")
def RULE(resource: Resource, context: Context) -> bool:
    definition = json.loads(text(resource.get("DefinitionString") or "{}"), strict=False)
    return all(map(_isolated, _jobs(definition)))


def _jobs(value: Any) -> Iterator[dict[str, Any]]:
    """Arguments that create processing or training jobs, at any depth."""
    if isinstance(value, dict):
        if {"ProcessingResources", "AppSpecification"} <= value.keys() or {
            "AlgorithmSpecification",
            "ResourceConfig",
        } <= value.keys():
            yield value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _jobs(item)


def _isolated(job: dict[str, Any]) -> bool:
    network = job.get("NetworkConfig", job) if "ProcessingResources" in job else job
    key = job.get("ResourceConfig") or job["ProcessingResources"]["ClusterConfig"]
    return bool(
        network.get("EnableNetworkIsolation")
        and network.get("EnableInterContainerTrafficEncryption")
        and key.get("VolumeKmsKeyId")
    )
