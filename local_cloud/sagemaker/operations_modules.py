"""Imports every module of this package, because operations and routes register themselves when imported."""

import importlib
import pkgutil

from local_cloud import sagemaker

# These are programs of their own, started with a container's files around them.
_PROGRAMS = ("local_cloud.sagemaker.supervisor", "local_cloud.sagemaker.serving")


def load() -> list[str]:
    """Import all modules; returns their names."""
    names = []
    for module in pkgutil.walk_packages(sagemaker.__path__, f"{sagemaker.__name__}."):
        if not module.name.startswith(_PROGRAMS):
            importlib.import_module(module.name)
            names.append(module.name)
    return names
