"""Look, before a deployment, at what would make it fail or what an account cannot use.

    python -m scripts.preflight --env prod

Exit codes: 0 nothing stands against it (warnings are printed), 1 something does, 2 the configuration is not valid.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import ProfileNotFound
from botocore.session import Session
from rich.console import Console

from scripts.checks import (
    CHECKS,
    Context,
    Finding,
    account,
    bootstrap,
    cost_tags,
    failure,
    images,
    keys,
    monitoring,
    network,
    quotas,
    roles,
    run,
    standing,
)
from stacks.config import ConfigurationError, load_config

CDK_JSON = Path(__file__).resolve().parent.parent / "cdk.json"
_MARKS = {"ok": "[green]✓[/]", "warning": "[yellow]![/]", "error": "[red]✗[/]"}
# In the order in which they are worth reading: without the first, the others say little.
ORDER = (
    *("account", "services", "bootstrap", "stacks", "keys", "roles", "network", "images", "quotas"),
    *("monitoring-engine", "cost-tags"),
)
# Whoever is not reached is not waited for: botocore's own patience is five minutes for each call.
_CONFIG = Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 3})
__all__ = [
    "account",
    "bootstrap",
    "cost_tags",
    "images",
    "keys",
    "main",
    "monitoring",
    "network",
    "quotas",
    "roles",
    "standing",
]


def main(arguments: list[str] | None = None, console: Console | None = None) -> int:
    """Run the checks and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.preflight", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--env", default="dev", help="environment of cdk.json (default: dev)")
    parser.add_argument("--check", action="append", choices=sorted(CHECKS), help="only this check (may be repeated)")
    parser.add_argument("--probe", action="store_true", help="make, and delete, what tells more than looking does")
    options = parser.parse_args(arguments)
    console = console or Console(highlight=False)
    settings = json.loads(CDK_JSON.read_text(encoding="utf-8"))["context"] | {"env": options.env}
    try:
        config = load_config(settings)
    except ConfigurationError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    qualifier = settings.get("@aws-cdk/core:bootstrapQualifier", Context.qualifier)
    try:
        context = Context(config, _session(), probe=options.probe, qualifier=qualifier)
        context.client("sts")
    except ProfileNotFound as error:
        _say(console, failure(error, local=False))
        return 1
    except ValueError as error:
        # botocore's, of AWS_ENDPOINT_URL or of an endpoint_url in ~/.aws/config.
        _say(console, Finding("error", str(error), "correct AWS_ENDPOINT_URL, which begins with http:// or https://"))
        return 1
    failed = False
    for name in options.check or ORDER:
        console.print(f"[bold]{CHECKS[name][0]}[/]")
        for finding in run(name, context):
            _say(console, finding)
            failed |= finding.status == "error"
            if finding.final:
                return 1
    return 1 if failed else 0


def _session() -> boto3.Session:
    core = Session()
    core.set_default_client_config(_CONFIG)
    return boto3.Session(botocore_session=core)


def _say(console: Console, finding: Finding) -> None:
    console.print(f"  {_MARKS[finding.status]} {finding.message}", soft_wrap=True)
    if finding.remedy:
        console.print(f"    [dim]→ {finding.remedy}[/]", soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
