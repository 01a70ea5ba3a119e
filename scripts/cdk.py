"""The real CDK CLI against an endpoint that speaks AWS's protocols, without the developer's credentials."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CLI = ROOT / "node_modules" / ".bin" / "cdk"
REGION = "us-east-1"
ACCOUNT = "000000000000"


def run_cdk(
    arguments: Sequence[str], endpoint_url: str, *, on_line: Callable[[str], None] = print, timeout: float = 900
) -> int:
    """Run ``cdk <arguments>`` and return its exit code; ``on_line`` gets its output, both streams, line by line.

    Raises:
        FileNotFoundError: the CLI or Node is not installed; the message names ``make setup``.
    """
    if not CLI.exists() or not shutil.which("node", path=_path()):
        raise FileNotFoundError("the CDK CLI is not installed: run `make setup`")
    # The CLI remembers which account an access key belongs to, in the home folder: a real key must never meet it.
    with tempfile.TemporaryDirectory(prefix="cdk-home-") as home:
        process = subprocess.Popen(
            [str(CLI), *arguments],
            cwd=ROOT,
            env=environment(endpoint_url, home),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout
        try:
            for line in process.stdout:
                on_line(line.rstrip("\n"))
            return process.wait(timeout)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


def environment(endpoint_url: str, home: str) -> dict[str, str]:
    """Variables of the CLI: everything AWS replaced, the rest of the caller's kept."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CDK_"))}
    return {
        **kept,
        "PATH": _path(),
        "HOME": home,
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        "JSII_RUNTIME_PACKAGE_CACHE_ROOT": package_cache(),
        "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
    }


def package_cache() -> str:
    """Where jsii keeps aws-cdk-lib unpacked: by default in the home folder, so that another home unpacks it anew."""
    kept = os.environ.get("JSII_RUNTIME_PACKAGE_CACHE_ROOT")
    return kept or str(Path.home() / ".cache" / "aws" / "jsii" / "package-cache")


def _path() -> str:
    return f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
