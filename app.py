"""The platform: reads the configuration, and composes its stacks."""

from __future__ import annotations

import sys
from pathlib import Path

from aws_cdk import App

from stacks.assets import CODE, WHEELHOUSE, AssetError, pack_code, wheelhouse
from stacks.config import ConfigurationError, PlatformConfig, load_config
from stacks.identity_stack import IdentityStack
from stacks.monitoring_stack import MonitoringStack
from stacks.names import Names
from stacks.serving_stack import ServingStack
from stacks.storage_stack import StorageStack
from stacks.training_stack import TrainingStack


def compose(app: App, config: PlatformConfig, *, code: Path = CODE, wheels: Path = WHEELHOUSE) -> None:
    """Add the platform's stacks to `app`.

    Stacks refer to each other by the names in `Names`; the dependencies below are the order of deployment.
    `code` is where the archive of the containers' code is written, `wheels` the wheelhouse made at set-up.
    """
    names = Names(config)
    storage = StorageStack(app, config=config, names=names, code=pack_code(code), wheelhouse=wheelhouse(wheels))
    identity = IdentityStack(app, config=config, names=names, assets=storage.assets)
    # A network stack (VPC, isolated subnets, endpoints) has its place here: before the jobs that run in it.
    training = TrainingStack(app, config=config, names=names, assets=storage.assets)
    serving = ServingStack(app, config=config, names=names)
    monitoring = MonitoringStack(app, config=config, names=names)

    identity.add_stack_dependency(storage)
    training.add_stack_dependency(identity)
    serving.add_stack_dependency(training)
    monitoring.add_stack_dependency(serving)


def main() -> int:
    """Synthesize the environment that `-c env=` names; 1 with a message when the configuration is wrong."""
    # Without stack traces, which name this machine's folders, any clone synthesizes the same bytes.
    app = App(analytics_reporting=False, stack_traces=False)
    context = {key: app.node.try_get_context(key) for key in ("env", "environments")}
    wheels = app.node.try_get_context("wheelhouse") or WHEELHOUSE
    try:
        compose(app, load_config(context), wheels=Path(wheels))
    except (ConfigurationError, AssetError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    app.synth()
    return 0


if __name__ == "__main__":
    sys.exit(main())
