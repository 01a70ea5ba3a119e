"""A used dev platform is destroyed by the real CLI, and nothing is left (after all other tests of this tier)."""

import pytest

from scripts.cdk import run_cdk

pytestmark = pytest.mark.timeout(600)


def test_an_emptied_platform_is_destroyed_whole(demo):
    emptied = demo.run("scripts.empty", "--env", "dev", "--yes")
    assert emptied.returncode == 0, emptied.stdout + emptied.stderr
    lines: list[str] = []
    arguments = ["destroy", "--all", "--force", "--app", str(demo.folder / "cdk.out")]
    assert run_cdk(arguments, demo.endpoint_url, on_line=lines.append) == 0, "\n".join(lines[-30:])
    stacks = demo.client("cloudformation").list_stacks(StackStatusFilter=["CREATE_COMPLETE", "UPDATE_COMPLETE"])
    assert [stack["StackName"] for stack in stacks["StackSummaries"]] == ["CDKToolkit"]
    assert not [name for name in _buckets(demo) if name.startswith("fraudstack")]
    assert demo.client("sagemaker").list_endpoints()["Endpoints"] == []


def _buckets(demo) -> list[str]:
    return [bucket["Name"] for bucket in demo.client("s3").list_buckets()["Buckets"]]
