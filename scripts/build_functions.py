"""Fetch what the scoring function needs into build/functions/<architecture>.zip, without Docker.

Usage: python -m scripts.build_functions [--architecture x86_64|arm64] [--relock]. A second run with the same lock does
nothing. `cdk synth` adds the project's own code (stacks/assets.py).
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import zipfile
from pathlib import Path

from scripts.build_wheelhouse import ROOT, WheelhouseError, download, relock

# The newest that Lambda runs (stacks/constructs/scoring_function.py).
PYTHON_VERSION = "3.14"
HEADER = f", for Python {PYTHON_VERSION}"
MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}
# Commands of a wheel; CEL's extensions, which fraud/decisions does not turn on (12 of 18 MB); sources in CEL's wheel.
_LEFT_OUT = re.compile(r"^(?:[^/]+\.data|cel_expr_python/ext|bazel-project)/")


def pack(wheels: Path, archive: Path) -> None:
    """Write the content of the wheels in a folder into one zip, whose bytes depend on theirs alone."""
    temporary = archive.with_suffix(".partial")
    with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as target:
        for wheel in sorted(wheels.glob("*.whl")):
            with zipfile.ZipFile(wheel) as source:
                for name in sorted(source.namelist()):
                    if not name.endswith("/") and not _LEFT_OUT.match(name):
                        target.writestr(_entry(name), source.read(name))
    temporary.replace(archive)


def build(lock: Path, build_folder: Path, architecture: str) -> Path:
    """Build functions/<architecture>.zip below `build_folder` unless it matches `lock`; return its path."""
    archive = build_folder / "functions" / f"{architecture}.zip"
    stamp = archive.with_suffix(".lock")
    if archive.is_file() and stamp.is_file() and stamp.read_bytes() == lock.read_bytes():
        return archive
    archive.parent.mkdir(parents=True, exist_ok=True)
    stamp.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(dir=build_folder) as temporary:
        download(lock, Path(temporary), MACHINES[architecture], PYTHON_VERSION)
        pack(Path(temporary), archive)
    stamp.write_bytes(lock.read_bytes())
    return archive


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.compress_type, entry.external_attr, entry.create_system = zipfile.ZIP_DEFLATED, 0o644 << 16, 3
    return entry


def main(arguments: list[str] | None = None) -> int:
    """Command line entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--architecture", choices=sorted(MACHINES), default="x86_64")
    parser.add_argument("--relock", action="store_true", help="rewrite functions.lock first")
    options = parser.parse_args(arguments)
    lock = ROOT / "functions.lock"
    try:
        if options.relock:
            relock(ROOT / "functions.in", ROOT / "requirements.lock", lock, HEADER)
        archive = build(lock, ROOT / "build", options.architecture)
    except WheelhouseError as error:
        print(f"functions: {error}", file=sys.stderr)
        return 1
    print(f"functions: {archive.relative_to(ROOT)} ({archive.stat().st_size / 1e6:.1f} MB)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
