"""Synthesizes environments as `cdk synth` does: python synthesize.py FOLDER WHEELHOUSE nag|plain ENVIRONMENT…"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks

from app import compose
from stacks.config import load_config

REPOSITORY = Path(__file__).resolve().parents[2]


def main(folder: str, wheels: str, checks: str, *environments: str) -> None:
    """Write a cloud assembly for each environment below `folder`; an open finding of cdk-nag raises."""
    settings = json.loads((REPOSITORY / "cdk.json").read_text(encoding="utf-8"))["context"]
    for environment in environments:
        context = {**settings, "env": environment}
        app = App(context=context, outdir=str(Path(folder, environment)), analytics_reporting=False, stack_traces=False)
        if checks == "nag":
            Validations.of(app).add_plugins(AwsSolutionsChecks(app))
        code = Path(folder, "build", "code.tar.gz")
        compose(app, load_config(context), code=code, wheels=Path(wheels))
        app.synth()


if __name__ == "__main__":
    main(*sys.argv[1:])
