"""Synthesizes environments as `cdk synth` does: python synthesize.py FOLDER STAND_INS plain|nag|count ENVIRONMENT…

STAND_INS is a folder with what stands in for things built elsewhere, whose content does not matter to templates:
wheelhouse.tar, function.zip and server-image/Dockerfile.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from aws_cdk import App

from app import compose
from scripts.scanning import nag
from stacks.assets import AssetFiles, pack_code
from stacks.config import load_config

REPOSITORY = Path(__file__).resolve().parents[2]


def main(folder: str, stand_ins: str, checks: str, *environments: str) -> None:
    """Write a cloud assembly for each environment below `folder`.

    With `nag`, an open finding of cdk-nag raises, and so does what the CDK finds wrong by the resources' schemas.

    `count` also writes <environment>.findings.json: what cdk-nag finds with nothing acknowledged.

    An environment may be written as `<name>:<JSON>`, with settings that replace those of cdk.json.
    """
    settings = json.loads((REPOSITORY / "cdk.json").read_text(encoding="utf-8"))["context"]
    for environment in environments:
        name, _, changes = environment.partition(":")
        synthesize(Path(folder), Path(stand_ins), checks, name, settings, json.loads(changes or "{}"))


def synthesize(
    folder: Path, stand_ins: Path, checks: str, name: str, settings: dict[str, Any], changes: dict[str, Any]
) -> None:
    """Write one environment's assembly."""
    environments = {name: {**settings["environments"][name], **changes}}
    context = {**settings, "env": name, "environments": environments}
    options = {"context": context, "analytics_reporting": False, "stack_traces": False}
    app = App(**options, outdir=str(folder / name), builtin_cloud_formation_validation=checks != "plain")
    if checks != "plain":
        nag.add_packs(app)
    config = load_config(context)
    files = AssetFiles(
        code=pack_code(folder / "build" / "code.tar.gz"),
        wheelhouse=stand_ins / "wheelhouse.tar",
        function=stand_ins / "function.zip" if config.scoring.enabled else None,
        server=stand_ins / "server-image" if config.serving.image == "fast" else None,
    )
    compose(app, config, files)
    app.synth()
    if checks == "count":
        found = nag.stripped(lambda bare: compose(bare, config, files), App(**options, outdir=str(folder / "bare")))
        (folder / f"{name}.findings.json").write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
