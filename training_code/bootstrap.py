"""Give a job the packages its container lacks, from wheels that came with it: no network is needed.

Only the standard library may be imported here.
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import tarfile
import tempfile
from importlib import metadata
from pathlib import Path

from training_code import entry
from training_code.archives import BROKEN, unpack


class BootstrapError(RuntimeError):
    """The job's packages cannot be provided; the message says why."""


def wheels_folder() -> Path:
    """Return where the running job's wheels are: the training channel or the processing input."""
    channel = os.environ.get("SM_CHANNEL_WHEELS")
    if channel:
        return Path(channel)
    base = entry.base_folder()
    channel_folder = base / "input" / "data" / "wheels"
    return channel_folder if channel_folder.is_dir() else base / "processing" / "input" / "wheels"


def install(folder: str | Path | None = None) -> list[str]:
    """Make every requirement pinned in the wheelhouse importable; return those that were installed.

    `folder` holds either one tar (as packed by scripts/build_wheelhouse.py) or its unpacked files; it
    defaults to `wheels_folder()`. Versions already there are left alone. With LOCAL_CLOUD=1 nothing is
    installed: a version that differs raises BootstrapError, since the job runs in its caller's environment.
    """
    folder = wheels_folder() if folder is None else Path(folder)
    archives = sorted(folder.glob("*.tar"))
    if len(archives) > 1:
        raise BootstrapError(f"{folder}: one wheelhouse is expected, found {len(archives)} tar files")
    missing = _mismatches(_read_requirements(folder, archives))
    if not missing:
        return []
    if os.environ.get("LOCAL_CLOUD") == "1":
        found = "; ".join(f"{name} {wanted} is needed, {have} is there" for name, wanted, have in missing)
        raise BootstrapError(f"{found}. Install the versions of requirements.lock (make setup)")
    if archives:
        source = Path(tempfile.mkdtemp(prefix="wheels-"))
        with tarfile.open(archives[0]) as tar:
            unpack(tar, source)
    else:
        source = folder
    pins = [f"{name}=={version}" for name, version, _ in missing]
    target = tempfile.mkdtemp(prefix="site-")
    _pip_install(pins, source, target)
    sys.path.insert(0, target)
    inherited = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = target + (os.pathsep + inherited if inherited else "")
    importlib.invalidate_caches()
    return pins


def _read_requirements(folder: Path, archives: list[Path]) -> list[tuple[str, str]]:
    try:
        if archives:
            with tarfile.open(archives[0]) as tar:
                text = tar.extractfile("requirements.txt").read().decode()
        else:
            text = (folder / "requirements.txt").read_text(encoding="utf-8")
    except (KeyError, *BROKEN) as error:
        raise BootstrapError(
            f"{folder}: no wheelhouse with a requirements.txt there ({error}); the job needs its input 'wheels'"
        ) from None
    pins = []
    for line in filter(None, (line.strip() for line in text.splitlines())):
        name, separator, version = line.partition("==")
        if not separator:
            raise BootstrapError(f"{folder}: requirement {line!r} is not of the form name==version")
        pins.append((name, version))
    return pins


def _mismatches(pins: list[tuple[str, str]]) -> list[tuple[str, str, str]]:
    """Return (name, wanted version, version there) of each pin that the environment does not satisfy."""
    found = []
    for name, wanted in pins:
        try:
            have = metadata.version(name)
        except metadata.PackageNotFoundError:
            have = "none"
        if have != wanted:
            found.append((name, wanted, have))
    return found


def _pip_install(pins: list[str], source: Path, target: str) -> None:
    command = [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index"),
        *("--no-deps", "--find-links", str(source), "--target", target, *pins),
    ]
    # A constraint or index configured on the host must not change what a pinned wheelhouse installs.
    environment = {**os.environ, "PIP_CONFIG_FILE": os.devnull}
    result = subprocess.run(command, capture_output=True, text=True, env=environment)
    if result.returncode:
        raise BootstrapError(f"could not install {', '.join(pins)} from {source}: {result.stderr.strip()}")
