"""``python -m local_cloud.coverage [--check] [FILE]``: writes the generated tables of docs/local-cloud.md."""

import argparse
import re
import sys
import textwrap
from pathlib import Path

from local_cloud import autoscaling
from local_cloud.coverage import operations, properties

_SECTION = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def main(arguments: list[str] | None = None) -> int:
    """Write the file, or with ``--check`` only compare; 1 where it is not current."""
    parser = argparse.ArgumentParser("python -m local_cloud.coverage", description=__doc__)
    parser.add_argument("file", type=Path, nargs="?", default=Path("docs/local-cloud.md"))
    parser.add_argument("--check", action="store_true", help="change nothing; fail where the file is not current")
    options = parser.parse_args(arguments)
    text = options.file.read_text(encoding="utf-8")
    current = generate(text)
    if options.check:
        if text != current:
            print(f"{options.file} is not current: run python -m local_cloud.coverage", file=sys.stderr)
        return int(text != current)
    options.file.write_text(current, encoding="utf-8")
    return 0


def generate(text: str) -> str:
    """The document with each generated section replaced."""
    tables = {"operations": _operations, "refused": _refused, "autoscaling": _autoscaling, "properties": _properties}
    return _SECTION.sub(lambda match: f"{match[1]}\n{tables[match[2]]()}\n\n{match[3]}", text)


def _operations() -> str:
    rows = ["| | executed | recorded | how |", "|---|---|---|---|"]
    for group in operations.GROUPS:
        rows.append(f"| {group.title} | {_names(group.executed)} | {_names(group.recorded)} | {group.note} |")
    return "\n".join(rows)


def _names(text: str) -> str:
    return ", ".join(text.split())


def _refused() -> str:
    names = operations.refused()
    listed = textwrap.fill(", ".join(names), 118, break_long_words=False)
    return f"{len(names)} operations answer `UnknownOperationException` with their name:\n\n{listed}"


def _autoscaling() -> str:
    names = sorted(set(autoscaling.HANDLERS))
    refused = sorted(set(autoscaling.MODEL.operation_names) - autoscaling.HANDLERS.keys())
    return textwrap.fill(f"Recorded: {', '.join(names)}. Refused: {', '.join(refused)}.", 118)


def _properties() -> str:
    parts = []
    for name, spec in sorted(properties.TYPES.items()):
        rows = [f"### {name}", "", f"Read back by {spec.source}.", "", "| property | here | |", "|---|---|---|"]
        rows += [f"| {prop} | {entry.status} | {entry.note} |" for prop, entry in sorted(spec.properties.items())]
        parts.append("\n".join(rows))
    return "\n\n".join(parts)


if __name__ == "__main__":
    sys.exit(main())
