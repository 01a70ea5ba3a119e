"""Scan the templates of every environment: cfn-lint, cdk-nag's packs, checkov and the platform's own rules.

    python -m scripts.scan [--env prod …] [--checkov PATH]

Prints a table with comparable projects beside, of findings a resource with nothing acknowledged; what is over a bound
is listed, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from aws_cdk import App
from cfnlint.api import ManualArgs, lint_file
from rich.console import Console
from rich.table import Table

from app import asset_files, compose
from scripts.scanning import nag
from scripts.scanning.bounds import BOUNDS, PEERS
from stacks.assets import AssetError
from stacks.compliance import Context, Template, check
from stacks.compliance.pack import EXCEPTIONS
from stacks.config import PlatformConfig, load_config

REPOSITORY = Path(__file__).resolve().parents[1]
CHECKOV = REPOSITORY / "build" / "checkov" / "bin" / "checkov"


@dataclass
class Result:
    """One environment's figures: `rates` by scanner, findings a resource."""

    environment: str
    resources: int = 0
    lint: tuple[int, int] = (0, 0)
    rates: dict[str, float] = field(default_factory=dict)
    own: list[str] = field(default_factory=list)
    listing: list[str] = field(default_factory=list)

    def broken(self) -> list[str]:
        """What is over its bound, in words."""
        over = [
            f"{name}: {self.rates[name]:.3f} a resource, at most {bound}"
            for name, bound in BOUNDS.items()
            if self.rates.get(name, 0) > bound
        ]
        return [*over, *([f"cfn-lint: {self.lint[0]} errors, {self.lint[1]} warnings"] if any(self.lint) else [])]


def main(arguments: list[str] | None = None) -> int:
    """Run the scanners; 1 where a bound is broken or a rule of the platform's own finds something."""
    settings = json.loads((REPOSITORY / "cdk.json").read_text(encoding="utf-8"))["context"]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--env", action="append", choices=sorted(settings["environments"]), help="only these")
    parser.add_argument("--checkov", type=Path, default=CHECKOV, help="checkov's program (left out where it is not)")
    options = parser.parse_args(arguments)
    console, results = Console(), []
    for environment in options.env or settings["environments"]:
        with console.status(f"{environment} …"):
            try:
                results.append(scan({**settings, "env": environment}, options.checkov))
            except AssetError as error:
                console.print(f"error: {error}", style="red")
                return 1
    console.print(table(results))
    for control, reason in EXCEPTIONS.items():
        console.print(f"{control} is not met: {reason}")
    problems = [f"{result.environment}: {line}" for result in results for line in [*result.broken(), *result.own]]
    for problem in problems:
        console.print(problem, style="red", markup=False)
    if problems:
        for result in results:
            console.print("\n".join(result.listing), highlight=False, markup=False)
    return 1 if problems else 0


def scan(context: dict[str, object], checkov: Path) -> Result:
    """Synthesize an environment with nothing acknowledged, and count what each scanner finds."""
    config = load_config(context)
    with tempfile.TemporaryDirectory() as folder:
        app = App(context=context, outdir=folder, analytics_reporting=False, stack_traces=False)
        files = asset_files(config)
        found = nag.stripped(lambda bare: compose(bare, config, files), app)
        app.synth()
        paths = sorted(Path(folder).glob("*.template.json"))
        templates = [Template.read(path) for path in paths]
        result = Result(config.environment, sum(1 for template in templates for _ in template.resources()))
        result.lint = lint(paths, config)
        result.rates = {name: len(several) / result.resources for name, several in found.items()}
        result.listing = [f"  {rule} {path}" for several in found.values() for rule, path in several]
        result.own = [str(finding) for finding in check(templates, Context(config.storage.removal))]
        if checkov.is_file():
            result.rates["checkov"] = failed_checks(checkov, Path(folder)) / result.resources
    return result


def lint(paths: list[Path], config: PlatformConfig) -> tuple[int, int]:
    """cfn-lint's errors and warnings."""
    found = [match for path in paths for match in lint_file(path, config=ManualArgs(regions=[config.region]))]
    return sum(m.rule.id[0] == "E" for m in found), sum(m.rule.id[0] == "W" for m in found)


def failed_checks(checkov: Path, folder: Path) -> int:
    """How many checks of checkov's fail."""
    command = [str(checkov), "-d", str(folder), "--framework", "cloudformation", "-o", "json", "--quiet", "--compact"]
    result = subprocess.run([*command, "--skip-download"], capture_output=True, text=True, check=False)
    reports = json.loads(result.stdout)
    return sum(one["summary"]["failed"] for one in (reports if isinstance(reports, list) else [reports]))


def table(results: list[Result]) -> Table:
    """Our environments above the peers."""
    rendered = Table(title="Findings a resource, with nothing acknowledged")
    columns = (
        "",
        "resources",
        "cfn-lint E/W",
        "checkov",
        "AwsSolutions",
        "PCI",
        "NIST r5",
        "own rules, SageMaker controls",
    )
    for column in columns:
        rendered.add_column(column, justify="left" if not column else "right")
    keys = ("checkov", "AwsSolutions", "PCI DSS 3.2.1", "NIST 800-53 r5")
    for result in results:
        rates = [f"{result.rates[key]:.3f}" if key in result.rates else "not run" for key in keys]
        lint = f"{result.lint[0]}/{result.lint[1]}"
        own = f"{len(result.own)} findings" if result.own else "all met"
        rendered.add_row(f"this platform, {result.environment}", str(result.resources), lint, *rates, own, style="bold")
    rendered.add_row("at most", "", "0/0", *(f"{BOUNDS[key]:.2f}" for key in keys), "all but 16, 19", end_section=True)
    for peer in PEERS:
        figures = [f"{value:.2f}" for value in (peer.checkov, peer.solutions, peer.pci, peer.nist)]
        controls = f"{peer.controls[0]} met, {peer.controls[1]} not"
        rendered.add_row(peer.name, str(peer.resources), f"{peer.lint[0]}/{peer.lint[1]}", *figures, controls)
    return rendered


if __name__ == "__main__":
    sys.exit(main())
