"""What scanners find: nothing open, every acknowledgement for one resource, and little when nothing is acknowledged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scripts.scanning.bounds import BOUNDS
from scripts.scanning.nag import PACKS
from stacks.compliance import Context, Template, check
from tests.infra.conftest import Assembly


def templates(assembly: Assembly) -> list[Template]:
    return [Template.read(path) for path in sorted(assembly.folder.glob("*.template.json"))]


def findings(assembly: Assembly) -> dict[str, list[tuple[str, str]]]:
    """(rule, construct's path) by pack, with nothing acknowledged."""
    path = assembly.folder.with_name(f"{assembly.environment}.findings.json")
    return {pack: [tuple(one) for one in found] for pack, found in json.loads(path.read_text()).items()}


@pytest.mark.parametrize("pack", [name for name in BOUNDS if name in PACKS])
def test_findings_stay_few_with_nothing_acknowledged(assembly: Assembly, pack: str) -> None:
    stay_few(assembly, pack)


@pytest.mark.parametrize("pack", [name for name in BOUNDS if name in PACKS])
def test_findings_stay_few_with_other_settings(varied: Assembly, pack: str) -> None:
    stay_few(varied, pack)


def stay_few(assembly: Assembly, pack: str) -> None:
    resources = sum(1 for template in templates(assembly) for _ in template.resources())
    found = findings(assembly)[pack]
    listing = "\n".join(f"  {rule} {path}" for rule, path in found)
    assert len(found) / resources <= BOUNDS[pack], f"{len(found)} findings in {resources} resources:\n{listing}"


def acknowledged(folder: Path) -> list[tuple[str, str, str]]:
    """(construct's path, rule, reason) of each acknowledgement."""
    return [
        (path.lstrip("/"), rule.split("::", 1)[-1], reason)
        for metadata in folder.glob("*.metadata.json")
        for path, entries in json.loads(metadata.read_text()).items()
        for entry in entries
        if entry["type"] == "aws:cdk:acknowledged-rules"
        for rule, reason in entry["data"].items()
    ]


def test_each_acknowledgement_is_of_one_finding_of_one_resource(assembly: Assembly) -> None:
    """None is kept for what no scanner finds any longer, and none covers more than one resource."""
    found = [(rule.lower(), path) for several in findings(assembly).values() for rule, path in several]
    for path, rule, reason in acknowledged(assembly.folder):
        covered = [at for name, at in found if name == rule.lower() and (at == path or at.startswith(f"{path}/"))]
        assert len(covered) == 1, f"{rule} acknowledged at {path} covers {covered or 'nothing'}"
        assert len(reason) > 20, (path, rule)


def test_nothing_is_found_that_is_not_acknowledged(assembly: Assembly) -> None:
    """The synth has raised if there were; this holds that every finding has its own reason."""
    said = {(rule.lower(), path) for path, rule, _ in acknowledged(assembly.folder)}
    for several in findings(assembly).values():
        for rule, path in several:
            parents = {path.rsplit("/", depth)[0] for depth in range(path.count("/") + 1)}
            assert any((rule.lower(), parent) in said for parent in parents), (rule, path)


def test_own_rules_find_nothing(assembly: Assembly) -> None:
    removal = "destroy" if assembly.environment == "dev" else "retain"
    assert [str(finding) for finding in check(templates(assembly), Context(removal))] == []


def test_own_rules_find_nothing_in_variants(varied: Assembly, unscored: Assembly) -> None:
    for variant in (varied, unscored):
        assert [str(finding) for finding in check(templates(variant), Context("retain"))] == []
