"""Templates as a whole: hermetic, reproducible, and clean by the scanners."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from cfnlint.api import ManualArgs, lint_file

from stacks.retraining import build_definition
from tests.infra.conftest import CONCERNS, Assembly, synthesize
from tests.infra.retraining_services import settings


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_same_sources_give_the_same_bytes(dev: Assembly, tmp_path: Path, stand_ins: Path) -> None:
    """Another synth in another folder and under another hash seed differs in no byte of any file."""
    synthesize(tmp_path, stand_ins, "dev", seed="4711")
    first, second = files(dev.folder), files(tmp_path / "dev")
    # Only the first was made under cdk-nag, which leaves a report.
    first.pop("validation-report.json")
    second.pop("validation-report.json", None)
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []


@pytest.mark.parametrize("concern", CONCERNS)
def test_cfn_lint_has_nothing_to_say(assembly: Assembly, concern: str) -> None:
    path = assembly.folder / f"fraudstack-{assembly.environment}-{concern}.template.json"
    found = lint_file(path, config=ManualArgs(regions=["us-east-1"]))
    assert [str(match) for match in found] == []


def test_cfn_lint_has_nothing_to_say_of_other_settings(varied: Assembly) -> None:
    """The other engine, a private API, an A/B test, roles of people: what no environment of cdk.json has."""
    for path in sorted(varied.folder.glob("*.template.json")):
        assert [str(match) for match in lint_file(path, config=ManualArgs(regions=["us-east-1"]))] == [], path.name


def test_environments_have_the_same_stacks_and_no_exports_but_ids_that_aws_chooses(assembly: Assembly) -> None:
    exports = []
    for concern in CONCERNS:
        for output in assembly.template(concern).get("Outputs", {}).values():
            exports += [output["Export"]["Name"]] if "Export" in output else []
    prefix = f"fraudstack-{assembly.environment}"
    parts = ["subnet-us-east-1a", "subnet-us-east-1b", "containers-group", "functions-group"]
    network = [f"{prefix}-{part}-id" for part in parts]
    assert exports == [f"{prefix}-data-key-arn", f"{prefix}-operations-key-arn", *network]


def test_stacks_deploy_in_order(assembly: Assembly) -> None:
    manifest = json.loads((assembly.folder / "manifest.json").read_text())
    prefix = f"fraudstack-{assembly.environment}-"
    before = None
    for concern in CONCERNS:
        dependencies = manifest["artifacts"][prefix + concern]["dependencies"]
        stacks = [name for name in dependencies if not name.endswith(".assets")]
        assert before is None or prefix + before in stacks
        before = concern


def test_accounts_are_open_and_nothing_of_this_machine_is_in_templates(assembly: Assembly) -> None:
    for concern in CONCERNS:
        body = json.dumps(assembly.template(concern))
        accounts = set(re.findall(r"\b\d{12}\b", body)) - {"683313688378", "156813124566", "205585389593"}
        assert accounts == set()
        assert str(Path(__file__).resolve().parents[2]) not in body


def test_definition_is_valid_by_the_language_schema(tmp_path: Path) -> None:
    """cfn-lint knows the schema of Amazon States Language; it can only read a definition without references."""
    template = {
        "Resources": {
            "Machine": {
                "Type": "AWS::StepFunctions::StateMachine",
                "Properties": {
                    "RoleArn": "arn:aws:iam::123456789012:role/states",
                    "Definition": build_definition(settings()),
                },
            }
        }
    }

    def problems(content: dict[str, Any]) -> list[str]:
        path = tmp_path / "template.json"
        path.write_text(json.dumps(content))
        return [str(match) for match in lint_file(path, config=ManualArgs(regions=["us-east-1"]))]

    assert problems(template) == []
    del template["Resources"]["Machine"]["Properties"]["Definition"]["States"]["Prepare"]["Resource"]
    assert problems(template) != []
