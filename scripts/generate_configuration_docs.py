"""Write docs/configuration.md from the configuration's models.

Usage: python -m scripts.generate_configuration_docs [--check]   (--check: exit 1 if the file is out of date)
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from stacks.config import PlatformConfig
from stacks.config.algorithms import ALGORITHMS, AlgorithmConfig, CategoricalRange

PAGE = Path(__file__).resolve().parent.parent / "docs" / "configuration.md"

INTRODUCTION = """\
# Configuration

<!-- Written by scripts/generate_configuration_docs.py from stacks/config/: change the models, then run it. -->

One object configures the platform. It is read once, in `app.py`, from the context in `cdk.json`, and validated before
anything is built:

```bash
cdk synth -c env=prod        # dev (the default), staging or prod
```

`cdk.json` holds an entry for each environment under `context.environments`, with only what differs from the defaults
below; that is all in which environments differ. A value that is not allowed ends the synth with a message such as

```
cdk.json: environments.prod.serving.instance_count: Input should be greater than or equal to 1 (is 0)
```

Single fields can be set for one command, as JSON: `cdk synth -c settings='{"retraining": {"cooldown_hours": 12}}'`.

A synthesis takes seconds, since it leaves checks of the templates to the tests: cdk-nag, cfn-lint and the CDK's own
check by the resources' schemas run there for every environment. `-c validate=on` runs the last one with settings of
your own.

The model that is deployed is no part of the configuration: it is the parameter `ModelPackageArn` of the serving and
monitoring stacks, which promotions change.
"""


def models_below(model: type[BaseModel], path: str = "") -> Iterator[tuple[str, type[BaseModel]]]:
    """Yield (path, model) for `model` and every model among its fields, in order."""
    yield path, model
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from models_below(field.annotation, f"{path}.{name}".lstrip("."))


def table(model: type[BaseModel]) -> list[str]:
    """Return the Markdown table of a model's fields that are no models themselves."""
    rows = [
        f"| `{name}` | {_allowed(field)} | {_default(field)} | {_escape(field.description)} |"
        for name, field in model.model_fields.items()
        if not (isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel))
    ]
    return ["| field | allowed | default | meaning |", "|---|---|---|---|", *rows] if rows else []


def algorithms() -> list[str]:
    """Return the section on hyperparameters, with the default ranges."""
    lines = [
        "## training.algorithms",
        "",
        f"An entry for each algorithm: `static` ({_describe(AlgorithmConfig, 'static')}) and `ranges` "
        f'({_describe(AlgorithmConfig, "ranges")}). A range is `{{"kind": "integer", "min": 3, "max": 9, '
        '"scaling": "Auto"}`, the same with `"kind": "continuous"`, or '
        '`{"kind": "categorical", "values": ["a", "b"]}`; '
        "`scaling` is Auto, Linear, Logarithmic or ReverseLogarithmic. The defaults:",
        "",
        "| algorithm | hyperparameter | default |",
        "|---|---|---|",
    ]
    for name, algorithm in ALGORITHMS.items():
        lines += [f"| {name} | `{key}` | always {value} |" for key, value in algorithm.static.items()]
        for key, limits in algorithm.ranges.items():
            if isinstance(limits, CategoricalRange):
                shown = ", ".join(limits.values)
            else:
                shown = f"{limits.min:g} to {limits.max:g}, {limits.kind}, {limits.scaling}"
            lines.append(f"| {name} | `{key}` | {shown} |")
    return lines


def render() -> str:
    """Return the whole page."""
    lines = [INTRODUCTION]
    for path, model in models_below(PlatformConfig):
        rows = table(model)
        if rows:
            title = f"## {path}" if path else "## The platform"
            lines += [title, "", (model.__doc__ or "").strip(), "", *rows, ""]
    return "\n".join([*lines, *algorithms()]) + "\n"


def main(arguments: list[str]) -> int:
    """Write the page, or with `--check` compare it."""
    page = render()
    if "--check" in arguments:
        if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == page:
            return 0
        print(f"{PAGE.name} is out of date: run python -m scripts.generate_configuration_docs", file=sys.stderr)
        return 1
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page, encoding="utf-8")
    return 0


def _describe(model: type[BaseModel], name: str) -> str:
    return (model.model_fields[name].description or "").rstrip(".").lower()


def _allowed(field: FieldInfo) -> str:
    choices = get_args(field.annotation)
    if choices and all(isinstance(choice, (str, int)) for choice in choices):
        return ", ".join(f"`{choice}`" for choice in choices)
    limits = _limits(field)
    kind = {int: "whole number", float: "number", str: "text", bool: "`true` or `false`"}.get(field.annotation)
    if kind is None:
        kind = "object" if getattr(field.annotation, "__origin__", None) is dict else "list"
        if str in choices and type(None) in choices:
            kind = "text or `null`"
        if int in choices and type(None) in choices:
            return f"`null` or whole number{limits}"
    return f"{kind}{limits}"


def _limits(field: FieldInfo) -> str:
    bounds: dict[str, Any] = {}
    for part in field.metadata:
        for name in ("ge", "gt", "le", "lt", "pattern"):
            value = getattr(part, name, None)
            if value is not None:
                bounds[name] = value
    low = f"from {bounds['ge']}" if "ge" in bounds else (f"above {bounds['gt']}" if "gt" in bounds else "")
    high = f"to {bounds['le']}" if "le" in bounds else ""
    words = " ".join(part for part in (low, high) if part)
    return f", {words}" if words else ""


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    default = field.default
    if isinstance(default, bool) or default is None:
        return f"`{str(default).lower() if default is not None else 'null'}`"
    if isinstance(default, dict) and default:
        return "see below"
    if isinstance(default, tuple):
        return f"`[{', '.join(map(str, default))}]`"
    return f"`{default}`"


def _escape(text: str | None) -> str:
    return (text or "").replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
