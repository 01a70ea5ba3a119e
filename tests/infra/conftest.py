"""Each environment is synthesized once for the whole session: the CDK takes seconds to do it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from scripts.cdk import package_cache

REPOSITORY = Path(__file__).resolve().parents[2]
ENVIRONMENTS = ("dev", "staging", "prod")
CONCERNS = ("keys", "network", "identity", "storage", "training", "serving", "scoring", "monitoring", "retraining-loop")


@dataclass(frozen=True)
class Assembly:
    """One environment's synthesized templates."""

    environment: str
    folder: Path

    def template(self, concern: str) -> dict[str, Any]:
        """The template of a stack."""
        path = self.folder / f"fraudstack-{self.environment}-{concern}.template.json"
        return json.loads(path.read_text(encoding="utf-8"))

    def resources(self, concern: str, kind: str) -> dict[str, dict[str, Any]]:
        """Resources of a type, by logical id."""
        found = self.template(concern)["Resources"]
        return {key: value for key, value in found.items() if value["Type"] == kind}

    def one(self, concern: str, kind: str) -> dict[str, Any]:
        """Properties of the only resource of a type."""
        (resource,) = self.resources(concern, kind).values()
        return resource["Properties"]


def synthesize(folder: Path, stand_ins: Path, *environments: str, seed: str = "0", checks: str = "plain") -> None:
    """Synthesize in one process that has no AWS settings, no home and no way to the network."""
    variables = {
        "PATH": synth_path(),
        "HOME": str(folder),
        "PYTHONHASHSEED": seed,
        "PYTHONPATH": str(REPOSITORY),
        "PYTHONDONTWRITEBYTECODE": "1",
        "TMPDIR": str(folder),
        "JSII_RUNTIME_PACKAGE_CACHE_ROOT": package_cache(),
        "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
        "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "1",
    }
    script = str(Path(__file__).with_name("synthesize.py"))
    command = [sys.executable, script, str(folder), str(stand_ins), checks, *environments]
    # A network namespace without interfaces proves that no call goes out, where the system allows one.
    if _can_unshare():
        command = ["unshare", "--map-root-user", "--net", *command]
    result = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=270)
    assert result.returncode == 0, result.stdout + result.stderr


def synth_path() -> str:
    """The search path of a synth; Node may have come from PyPI, beside this Python."""
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])


def _can_unshare() -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run(["unshare", "--map-root-user", "--net", "true"], capture_output=True).returncode == 0


def write_stand_ins(folder: Path) -> Path:
    """Write what stands in for things built elsewhere, whose content does not matter to templates."""
    (folder / "wheelhouse.tar").write_bytes(b"wheels")
    (folder / "server-image").mkdir()
    (folder / "server-image" / "Dockerfile").write_text("FROM scratch\n", encoding="utf-8")
    with zipfile.ZipFile(folder / "function.zip", "w") as archive:
        archive.writestr(zipfile.ZipInfo("inference_code/scoring/app.py"), "def handler(event, context): ...\n")
    return folder


@pytest.fixture(scope="session")
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of stand-ins."""
    return write_stand_ins(tmp_path_factory.mktemp("stand-ins"))


@pytest.fixture(scope="session")
def assemblies(tmp_path_factory: pytest.TempPathFactory, stand_ins: Path) -> dict[str, Assembly]:
    """Every environment, synthesized under cdk-nag: an open finding fails all tests that look at templates."""
    folder = tmp_path_factory.mktemp("assemblies")
    synthesize(folder, stand_ins, *ENVIRONMENTS, checks="count")
    return {environment: Assembly(environment, folder / environment) for environment in ENVIRONMENTS}


VARIATION = {
    "retraining": {"on_alarm": False, "schedule": "cron(0 3 ? * SUN *)"},
    "event_type": "ulb",
    "serving": {
        "image": "fast",
        "challenger": {
            **{"mode": "ab", "traffic_percent": 20, "instance_type": "ml.c5.large"},
            **{"instance_count": 2, "max_instances": 3},
        },
    },
    "identity": {
        "path": "/fraud/",
        "permissions_boundary": "boundaries/fraud",
        "personas": {
            "engineers_deploy": True,
            "data_scientist": [
                "arn:aws:iam::444455556666:role/scientists",
                "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Science_*",
                "arn:aws:iam::111122223333:saml-provider/bank",
            ],
        },
    },
    "monitoring": {
        "engine": "processing",
        "bias": {"facets": [{"name": "Amount", "values": [100]}], "start_offset": "-P2D", "end_offset": "-PT6H"},
    },
    "scoring": {
        "api_key": True,
        "quota_per_day": 1000,
        "provisioned_concurrency": 2,
        "reserved_concurrency": 10,
        "architecture": "arm64",
        "tracing": False,
        "gateway_log_role": "existing",
        "private": True,
    },
}


@pytest.fixture(scope="session")
def varied(tmp_path_factory: pytest.TempPathFactory, stand_ins: Path) -> Assembly:
    """The staging environment with whatever can be chosen chosen otherwise, under cdk-nag and counted as well."""
    folder = tmp_path_factory.mktemp("varied")
    synthesize(folder, stand_ins, f"staging:{json.dumps(VARIATION)}", checks="count")
    return Assembly("staging", folder / "staging")


@pytest.fixture(scope="session")
def unscored(tmp_path_factory: pytest.TempPathFactory, stand_ins: Path) -> Assembly:
    """The staging environment without the API, without a challenger and without roles of people."""
    folder = tmp_path_factory.mktemp("unscored")
    changes = {
        "identity": {"personas": {"enabled": False}},
        "scoring": {"enabled": False},
        "serving": {"challenger": {"mode": "none"}},
    }
    synthesize(folder, stand_ins, f"staging:{json.dumps(changes)}")
    return Assembly("staging", folder / "staging")


@pytest.fixture(scope="session", params=ENVIRONMENTS)
def assembly(request: pytest.FixtureRequest, assemblies: dict[str, Assembly]) -> Assembly:
    """Each environment in turn."""
    return assemblies[request.param]


@pytest.fixture(scope="session")
def dev(assemblies: dict[str, Assembly]) -> Assembly:
    """The dev environment."""
    return assemblies["dev"]


@pytest.fixture(scope="session")
def prod(assemblies: dict[str, Assembly]) -> Assembly:
    """The prod environment."""
    return assemblies["prod"]


def text(value: Any) -> str:
    """A resolved CloudFormation value as text, with references written as ${Name}."""
    if isinstance(value, str):
        return value
    if "Ref" in value:
        return "${" + value["Ref"] + "}"
    if "Fn::GetAtt" in value:
        return "${" + ".".join(value["Fn::GetAtt"]) + "}"
    if "Fn::ImportValue" in value:
        return "${import:" + value["Fn::ImportValue"] + "}"
    if "Fn::Sub" in value:
        return value["Fn::Sub"]
    if "Fn::Select" in value:
        index, parts = value["Fn::Select"]
        return f"${{select:{index}:{json.dumps(parts, sort_keys=True)}}}"
    if "Fn::Join" in value:
        separator, parts = value["Fn::Join"]
        return separator.join(map(text, parts))
    raise AssertionError(f"unexpected value {value}")
