"""The platform's own templates, cut to the resource types that every compatible cloud has."""

import atexit
import json
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from botocore.exceptions import WaiterError

from tests.infra.conftest import synthesize, write_stand_ins
from tests.localstack.conftest import Target

TYPES = (
    *("AWS::KMS::Key", "AWS::KMS::Alias", "AWS::S3::Bucket", "AWS::S3::BucketPolicy"),
    *("AWS::SNS::Topic", "AWS::SNS::TopicPolicy", "AWS::IAM::Role", "AWS::IAM::ManagedPolicy"),
)
CONCERNS = ("keys", "identity", "storage", "training")


def template(concern: str) -> dict[str, Any]:
    """The stack's template for dev with the resources of `TYPES` alone, and the outputs that still mean something."""
    whole = json.loads((_assembly() / "dev" / f"fraudstack-dev-{concern}.template.json").read_text(encoding="utf-8"))
    kept = {name: resource for name, resource in whole["Resources"].items() if resource["Type"] in TYPES}
    dropped = set(whole["Resources"]) - set(kept)
    cut = {**whole, "Resources": {name: _without(resource, dropped) for name, resource in kept.items()}}
    cut["Outputs"] = {name: output for name, output in whole.get("Outputs", {}).items() if not _names(output, dropped)}
    used = {name for name in whole.get("Conditions", {}) if f'"{name}"' in json.dumps(cut["Resources"])}
    cut["Conditions"] = {name: body for name, body in whole.get("Conditions", {}).items() if name in used}
    # The CDK CLI checks the bootstrap's version; here nothing was bootstrapped.
    cut.pop("Rules", None)
    return cut


@cache
def _assembly() -> Path:
    """dev without a network: not every cloud has one, and nothing here runs in it."""
    folder = Path(tempfile.mkdtemp(prefix="assembly-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    synthesize(folder, write_stand_ins(folder), f"dev:{json.dumps({'network': {'enabled': False}})}")
    return folder


def uploaded(target: Target, concern: str) -> str:
    """The cut template's address in a bucket: CloudFormation takes at most 51,200 bytes in a request."""
    target.client("s3").create_bucket(Bucket="templates")
    target.client("s3").put_object(Bucket="templates", Key=f"{concern}.json", Body=json.dumps(template(concern)))
    return f"http://{target.host}/templates/{concern}.json"


def deploy(target: Target, concern: str) -> str:
    """Create the cut stack; returns its name. Fails with the stack's reasons."""
    cloudformation, name = target.client("cloudformation"), f"fraudstack-dev-{concern}"
    cloudformation.create_stack(
        StackName=name, TemplateURL=uploaded(target, concern), Capabilities=["CAPABILITY_NAMED_IAM"]
    )
    try:
        cloudformation.get_waiter("stack_create_complete").wait(
            StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 120}
        )
    except WaiterError as error:
        events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
        reasons = [f"{item['LogicalResourceId']}: {item.get('ResourceStatusReason')}" for item in events]
        raise AssertionError("\n".join([str(error), *reasons])) from None
    return name


def _without(resource: dict[str, Any], dropped: set[str]) -> dict[str, Any]:
    before = resource.get("DependsOn", [])
    kept = [name for name in ([before] if isinstance(before, str) else before) if name not in dropped]
    return {
        **{key: value for key, value in resource.items() if key != "DependsOn"},
        **({"DependsOn": kept} if kept else {}),
    }


def _names(body: Any, dropped: set[str]) -> bool:
    text = json.dumps(body)
    return any(f'"{name}"' in text for name in dropped)
