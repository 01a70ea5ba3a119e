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
from rich.console import Console

from scripts.checks import (
    CHECKS,
    Context,
    account,
    bootstrap,
    cost_tags,
    images,
    monitoring,
    network,
    quotas,
    roles,
    run,
)
from stacks.config import ConfigurationError, load_config

CDK_JSON = Path(__file__).resolve().parent.parent / "cdk.json"
_MARKS = {"ok": "[green]✓[/]", "warning": "[yellow]![/]", "error": "[red]✗[/]"}
# In the order in which they are worth reading: without the first, the others say little.
ORDER = (
    *("account", "services", "bootstrap", "roles", "network", "images", "quotas", "monitoring-engine"),
    "cost-tags",
)
__all__ = ["account", "bootstrap", "cost_tags", "images", "main", "monitoring", "network", "quotas", "roles"]


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
    context = Context(config, boto3.Session(), probe=options.probe, qualifier=qualifier)
    failed = False
    for name in options.check or ORDER:
        console.print(f"[bold]{CHECKS[name][0]}[/]")
        for finding in run(name, context):
            failed |= finding.status == "error"
            console.print(f"  {_MARKS[finding.status]} {finding.message}", soft_wrap=True)
            if finding.remedy:
                console.print(f"    [dim]→ {finding.remedy}[/]", soft_wrap=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
