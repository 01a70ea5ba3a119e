"""Write the OpenAPI document of the scoring API.

Usage: python -m scripts.generate_openapi [--event-type NAME|FILE] [--out FILE] [--check]
Without options it writes docs/openapi.json for card-transactions; --check only compares (exit code 1 if it differs).
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from fraud import event_types
from fraud.api.openapi import document

PAGE = Path(__file__).resolve().parent.parent / "docs" / "openapi.json"


def text_of(event_type: str) -> str:
    """Return the document as JSON text; raises EventTypeError."""
    return json.dumps(document(event_types.load(event_type)), indent=2) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Command line entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--event-type", default="card-transactions", help="a shipped one's name, or a YAML file")
    parser.add_argument("--out", type=Path, default=PAGE)
    parser.add_argument("--check", action="store_true", help="only compare; exit 1 if the file is out of date")
    options = parser.parse_args(arguments)
    try:
        text = text_of(options.event_type)
        if options.check:
            current = options.out.read_text(encoding="utf-8") if options.out.is_file() else ""
            if current != text:
                print(f"{options.out.name} is out of date: run `make docs`", file=sys.stderr)
                return 1
            return 0
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(text, encoding="utf-8")
    except (event_types.EventTypeError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
