"""The platform: reads the configuration, and composes its stacks."""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

from aws_cdk import App, CloudFormationValidatePlugin, Stack, Validations

from stacks.assets import (
    WHEELHOUSE,
    AssetError,
    AssetFiles,
    pack_code,
    pack_function,
    pack_server_image,
    wheelhouse,
)
from stacks.config import ConfigurationError, PlatformConfig, load_config
from stacks.identity_stack import IdentityStack
from stacks.keys_stack import KeysStack
from stacks.monitoring_stack import MonitoringStack
from stacks.names import Names
from stacks.network_stack import NetworkStack
from stacks.retraining_loop_stack import RetrainingLoopStack
from stacks.scoring_stack import ScoringStack
from stacks.serving_stack import ServingStack
from stacks.storage_stack import StorageStack
from stacks.training_stack import TrainingStack


def asset_files(config: PlatformConfig, wheels: Path = WHEELHOUSE) -> AssetFiles:
    """Pack what the environment uploads; raises AssetError where something has not been built."""
    scoring = config.scoring
    return AssetFiles(
        code=pack_code(),
        wheelhouse=wheelhouse(wheels),
        function=pack_function(config.load_event_type(), scoring.architecture) if scoring.enabled else None,
        server=pack_server_image() if config.serving.image == "fast" else None,
    )


def compose(app: App, config: PlatformConfig, files: AssetFiles) -> None:
    """Add the platform's stacks to `app`.

    Stacks refer to each other by the names in `Names`; the dependencies below are the order of deployment.
    """
    names = Names(config)
    keys = KeysStack(app, config=config, names=names)
    storage = StorageStack(app, config=config, names=names, files=files)
    network = [NetworkStack(app, config=config, names=names)] if config.network.creates else []
    identity = IdentityStack(app, config=config, names=names, assets=storage.assets)
    storage.admit(identity.objects)
    training = TrainingStack(app, config=config, names=names, assets=storage.assets)
    serving = ServingStack(app, config=config, names=names)
    stacks: list[Stack] = [keys, *network, identity, storage, training, serving]
    if files.function:
        stacks.append(ScoringStack(app, config=config, names=names, package=files.function))
    stacks.append(MonitoringStack(app, config=config, names=names, assets=storage.assets))
    if config.retrains_itself:
        stacks.append(RetrainingLoopStack(app, config=config, names=names, assets=storage.assets))
    for before, stack in pairwise(stacks):
        stack.add_stack_dependency(before)


def main() -> int:
    """Synthesize the environment that `-c env=` names; 1 with a message when the configuration is wrong."""
    # Without stack traces, which name this machine's folders, any clone synthesizes the same bytes. The CDK's check of
    # templates by the resources' schemas takes longer than everything else together: the tests have it for every
    # environment, beside cfn-lint and cdk-nag, and settings of one's own are checked with `-c validate=on`.
    app = App(analytics_reporting=False, stack_traces=False, builtin_cloud_formation_validation=False)
    if app.node.try_get_context("validate") == "on":
        Validations.of(app).add_plugins(CloudFormationValidatePlugin())
    context = {key: app.node.try_get_context(key) for key in ("env", "environments", "event_type", "settings")}
    wheels = app.node.try_get_context("wheelhouse") or WHEELHOUSE
    try:
        config = load_config(context)
        compose(app, config, asset_files(config, Path(wheels)))
    except (ConfigurationError, AssetError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    app.synth()
    return 0


if __name__ == "__main__":
    sys.exit(main())
