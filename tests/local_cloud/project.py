"""The project's own templates, synthesized once for all tests of this tier."""

import atexit
import json
import shutil
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Any

from fraud import event_types
from stacks.assets import pack_function
from tests.infra.conftest import ENVIRONMENTS, synthesize, write_stand_ins
from tests.local_cloud.conftest import ACCOUNT, Cloud
from tests.local_cloud.stacks import Stack

# Tests share the machine: an endpoint that waits for a core answers later than a payment would wait for it.
PATIENT = {"scoring": {"endpoint_timeout_ms": 5000}}


@cache
def assemblies() -> Path:
    """Folder with a cloud assembly for each environment, which lives as long as this process."""
    folder = Path(tempfile.mkdtemp(prefix="assemblies-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    stand_ins = write_stand_ins(folder)
    # The scoring function runs here, so its package is the real one.
    pack_function(event_types.load("card-transactions"), "x86_64", stand_ins / "function.zip")
    synthesize(folder, stand_ins, *(f"{environment}:{json.dumps(PATIENT)}" for environment in ENVIRONMENTS))
    return folder


def prefix(environment: str) -> str:
    return f"fraudstack-{environment}"


def template(environment: str, concern: str) -> dict[str, Any]:
    path = assemblies() / environment / f"{prefix(environment)}-{concern}.template.json"
    return json.loads(path.read_text(encoding="utf-8"))


def deploy(cloud: Cloud, environment: str, concern: str, **parameters: str) -> Stack:
    """Deploy one stack from its template; fails with the stack's reasons."""
    body = json.dumps(template(environment, concern), separators=(",", ":"))
    upload_assets(cloud, environment, concern)
    stack = Stack(cloud, f"{prefix(environment)}-{concern}")
    status = stack.deploy(json.loads(body), **parameters)
    assert status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"), stack.failures()
    return stack


def upload_assets(cloud: Cloud, environment: str, concern: str) -> None:
    """Upload the files that a stack's template refers to, as the CDK CLI does."""
    folder = assemblies() / environment
    manifest = json.loads((folder / f"{prefix(environment)}-{concern}.assets.json").read_text(encoding="utf-8"))
    s3 = cloud.client("s3")
    for asset in manifest["files"].values():
        for destination in asset["destinations"].values():
            bucket = destination["bucketName"].replace("${AWS::AccountId}", ACCOUNT)
            s3.create_bucket(Bucket=bucket)
            path = folder / asset["source"]["path"]
            s3.put_object(Bucket=bucket, Key=destination["objectKey"], Body=path.read_bytes())


def resolved(cloud: Cloud, stacks: list[Stack]) -> dict[str, list[dict[str, Any]]]:
    """Resources of each stack with resolved properties, as CloudFormation's engine itself saved them."""
    path = cloud.state_dir / "services" / "cloudformation.json"
    # Earlier stacks of the same names, deleted since, are in the file as well.
    described = [stack.describe() for stack in stacks]
    wanted = {stack["StackId"]: stack["StackStatus"] for stack in described}
    # A service with much state is written less often, the less so the busier the machine is.
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        saved = json.loads(path.read_text())["payload"]["stacks"] if path.exists() else {}
        found = {record["StackId"]: record for record in _records(saved) if record["StackId"] in wanted}
        if {identifier: record["StackStatus"] for identifier, record in found.items()} == wanted:
            return {record["StackName"]: list(record["_resources"].values()) for record in found.values()}
        time.sleep(0.2)
    raise AssertionError(f"the state on disk never showed {wanted}")


def _records(saved: Any) -> list[dict[str, Any]]:
    """Stack records, however deep the scopes of account and region are nested."""
    if isinstance(saved, dict) and "StackName" in saved:
        return [saved]
    children = saved.values() if isinstance(saved, dict) else saved if isinstance(saved, list) else []
    return [record for child in children for record in _records(child)]
