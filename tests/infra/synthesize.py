"""Synthesizes environments as `cdk synth` does: python synthesize.py FOLDER STAND_INS plain|nag|count ENVIRONMENT…

STAND_INS is a folder with what stands in for things built elsewhere, whose content does not matter to templates:
wheelhouse.tar, function.zip and server-image/Dockerfile.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aws_cdk import App, CfnElement, Stack
from constructs import Construct

from app import compose
from scripts.scanning import nag
from stacks import constructs
from stacks.assets import AssetFiles, pack_code
from stacks.config import load_config

REPOSITORY = Path(__file__).resolve().parents[2]


def main(folder: str, stand_ins: str, checks: str, *environments: str) -> None:
    """Write a cloud assembly for each environment below `folder`.

    With `nag`, an open finding of cdk-nag raises, and so does what the CDK finds wrong by the resources' schemas.

    `count` also writes <environment>.findings.json: what cdk-nag finds with nothing acknowledged. Both write
    <environment>.constructs.json: the logical ids that each of the platform's constructs made, by template.

    An environment may be written as `<name>:<JSON>`, with settings that replace those of cdk.json.
    """
    settings = json.loads((REPOSITORY / "cdk.json").read_text(encoding="utf-8"))["context"]
    made = record_constructs() if checks != "plain" else []
    for environment in environments:
        name, _, changes = environment.partition(":")
        synthesize(Path(folder), Path(stand_ins), checks, name, settings, json.loads(changes or "{}"), made)


def synthesize(
    folder: Path,
    stand_ins: Path,
    checks: str,
    name: str,
    settings: dict[str, Any],
    changes: dict[str, Any],
    made: list[Construct],
) -> None:
    """Write one environment's assembly; `made` holds the constructs that are recorded."""
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
    made.clear()
    compose(app, config, files)
    app.synth()
    if checks != "plain":
        (folder / f"{name}.constructs.json").write_text(json.dumps(logical_ids(made)), encoding="utf-8")
    if checks == "count":
        found = nag.stripped(lambda bare: compose(bare, config, files), App(**options, outdir=str(folder / "bare")))
        (folder / f"{name}.findings.json").write_text(json.dumps(found), encoding="utf-8")


def record_constructs() -> list[Construct]:
    """Return a list into which every construct of stacks/constructs goes from now on."""
    made: list[Construct] = []

    def recorded(begin: Callable[..., None]) -> Callable[..., None]:
        def initialize(self: Construct, *arguments: Any, **options: Any) -> None:
            begin(self, *arguments, **options)
            made.append(self)

        return initialize

    for kind in own_constructs():
        kind.__init__ = recorded(kind.__init__)
    return made


def own_constructs() -> list[type[Construct]]:
    """The classes of stacks/constructs that are constructs."""
    names = [f"{constructs.__name__}.{module.name}" for module in pkgutil.iter_modules(constructs.__path__)]
    return [
        kind
        for name in names
        for kind in vars(importlib.import_module(name)).values()
        if isinstance(kind, type) and issubclass(kind, Construct) and kind.__module__ == name
    ]


def logical_ids(made: list[Construct]) -> dict[str, dict[str, list[str]]]:
    """Class to template to the logical ids of the elements that stand in a construct of that class."""
    found: dict[str, dict[str, list[str]]] = {}
    for construct in made:
        stack = Stack.of(construct)
        elements = [node for node in construct.node.find_all() if isinstance(node, CfnElement)]
        ids = [stack.resolve(element.logical_id) for element in elements]
        found.setdefault(type(construct).__name__, {}).setdefault(stack.stack_name, []).extend(ids)
    return found


if __name__ == "__main__":
    main(*sys.argv[1:])
