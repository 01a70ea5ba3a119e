"""Fetch the wheels that the training containers lack and pack them into build/wheelhouse.tar.

Usage: python -m scripts.build_wheelhouse [--relock]. A second run with the same lock does nothing.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON_VERSION = "3.12"
LIBC = ("manylinux_2_28", "manylinux_2_26", "manylinux_2_17", "manylinux2014")
_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)")


class WheelhouseError(RuntimeError):
    """The wheelhouse cannot be built; the message says what to do."""


def read_pins(lock: Path) -> dict[str, str]:
    """Return {name: version} of a lock file's pinned requirements, names in lower case."""
    matches = (_PIN.match(line) for line in lock.read_text(encoding="utf-8").splitlines())
    return {match[1].lower(): match[2] for match in matches if match}


def relock(names: Path, source: Path, lock: Path, header: str = "") -> None:
    """Write `lock` with the entries (version and hashes) that `source` has for the names in `names`.

    What was fetched is stale as soon as its lock differs; `header` adds to that whatever else it depends on.
    """
    wanted = [line.strip() for line in names.read_text(encoding="utf-8").splitlines()]
    wanted = [line.lower() for line in wanted if line and not line.startswith("#")]
    entries: dict[str, list[str]] = {}
    current: list[str] | None = None
    for line in source.read_text(encoding="utf-8").splitlines():
        match = _PIN.match(line)
        if match:
            current = entries.setdefault(match[1].lower(), [])
        if current is not None and (match or line.lstrip().startswith("--hash=")):
            current.append(line)
    missing = [name for name in wanted if name not in entries]
    if missing:
        raise WheelhouseError(f"{source.name} has no pin for {', '.join(missing)} of {names.name}: add it there")
    body = "".join("\n".join(entries[name]) + "\n" for name in sorted(wanted))
    lock.write_text(f"# Written by --relock from {names.name}{header}\n{body}", "utf-8")


def download(lock: Path, folder: Path, machine: str = "x86_64", python: str = PYTHON_VERSION) -> None:
    """Fill `folder` with the lock's wheels for a version of Python on Linux; raises WheelhouseError."""
    platforms = [argument for libc in LIBC for argument in ("--platform", f"{libc}_{machine}")]
    command = [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
        *("--require-hashes", "--no-deps", "--only-binary=:all:", "--implementation", "cp"),
        *("--python-version", python, *platforms, "--dest", str(folder), "--requirement", str(lock)),
    ]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        raise WheelhouseError(
            f"pip could not fetch the wheels of {lock.name} for Python {python}: is the package index "
            f"reachable?\n{result.stderr.strip()}"
        )


def write_requirements(lock: Path, folder: Path) -> None:
    """Write requirements.txt, which a job installs the wheels beside it by."""
    lines = sorted(f"{name}=={version}" for name, version in read_pins(lock).items())
    (folder / "requirements.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def pack(folder: Path, archive: Path) -> None:
    """Write the files of `folder` into a tar whose bytes depend on their names and contents alone."""
    temporary = archive.with_suffix(".partial")
    with tarfile.open(temporary, "w", format=tarfile.USTAR_FORMAT) as tar:
        for path in sorted(folder.iterdir()):
            entry = tarfile.TarInfo(path.name)
            entry.size, entry.mode = path.stat().st_size, 0o644
            with path.open("rb") as content:
                tar.addfile(entry, content)
    temporary.replace(archive)


def build(lock: Path, build_folder: Path) -> Path:
    """Build wheelhouse/ and wheelhouse.tar below `build_folder` unless they match `lock`; return the tar."""
    folder, archive = build_folder / "wheelhouse", build_folder / "wheelhouse.tar"
    stamp = build_folder / "wheelhouse.lock"
    if archive.is_file() and folder.is_dir() and stamp.is_file() and stamp.read_bytes() == lock.read_bytes():
        return archive
    build_folder.mkdir(parents=True, exist_ok=True)
    stamp.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(dir=build_folder) as temporary:
        fresh = Path(temporary) / "wheelhouse"
        fresh.mkdir()
        download(lock, fresh)
        write_requirements(lock, fresh)
        shutil.rmtree(folder, ignore_errors=True)
        fresh.rename(folder)
    pack(folder, archive)
    shutil.copyfile(lock, stamp)
    return archive


def main(arguments: list[str] | None = None) -> int:
    """Command line entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--relock", action="store_true", help="rewrite wheelhouse.lock first")
    options = parser.parse_args(arguments)
    lock = ROOT / "wheelhouse.lock"
    try:
        if options.relock:
            relock(ROOT / "wheelhouse.in", ROOT / "requirements.lock", lock)
        archive = build(lock, ROOT / "build")
    except WheelhouseError as error:
        print(f"wheelhouse: {error}", file=sys.stderr)
        return 1
    print(f"wheelhouse: {archive.relative_to(ROOT)} ({archive.stat().st_size / 1e6:.1f} MB)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
