"""Names of ministack that the hooks touch, found in their source, and what they look like in the installed version.

After a hook or ministack's version was changed on purpose, and every difference was looked at:

    python -m tests.local_cloud.hooked > tests/local_cloud/hooked.json
"""

import ast
import importlib
import inspect
import json
from pathlib import Path

HOOKS = Path(__file__).resolve().parents[2] / "local_cloud" / "hooks"


def touched() -> set[str]:
    """Dotted names, such as ``ministack.app._lazy_handler``, of every attribute the hooks use."""
    names = set()
    for path in HOOKS.glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        modules = {
            alias.asname or alias.name: f"{node.module}.{alias.name}"
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ministack")
            for alias in node.names
        }
        # A hook that is passed a module calls it as its import does.
        names |= {
            f"{modules[node.value.id]}.{node.attr}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules
        }
    return names


def describe(name: str) -> str:
    """The signature of a function, the type of anything else, or "missing"."""
    module, _, attribute = name.rpartition(".")
    try:
        value = getattr(importlib.import_module(module), attribute, None)
    except ImportError:
        return "missing"
    if value is None:
        # These are set when the server starts.
        return "None" if hasattr(importlib.import_module(module), attribute) else "missing"
    if inspect.isfunction(value):
        parameters = [
            parameter.replace(annotation=inspect.Parameter.empty)
            for parameter in inspect.signature(value).parameters.values()
        ]
        kind = "async " if inspect.iscoroutinefunction(value) else ""
        return kind + str(inspect.Signature(parameters))
    return "class" if inspect.isclass(value) else type(value).__name__


if __name__ == "__main__":
    print(json.dumps({name: describe(name) for name in sorted(touched())}, indent=4))
