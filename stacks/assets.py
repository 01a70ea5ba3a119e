"""The code that runs in containers, packed so that the same sources give the same bytes on any machine."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
BUILD = REPOSITORY / "build"
WHEELHOUSE = BUILD / "wheelhouse.tar"
CODE = BUILD / "code.tar.gz"
PACKAGES = ("fraud", "training_code", "inference_code")
# What AWS's container wants at the archive's root: the program, and a build backend because it runs `pip install .`
# there, which must work without network.
ROOT_FILES = {
    "train.py": "training_code/container_program.py",
    "pyproject.toml": "inference_code/pyproject.toml",
    "offline_build.py": "inference_code/offline_build.py",
}


class AssetError(RuntimeError):
    """An asset cannot be packed; the message says what to do."""


def pack_code(target: Path = CODE, *, root: Path = REPOSITORY) -> Path:
    """Write PACKAGES and ROOT_FILES of `root` into the archive `target` and return it.

    Only content and relative paths decide the bytes: files are sorted, without times, owners or modes.
    Raises AssetError where a package is missing.
    """
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", filename="", mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name, path in _sources(root):
            content = path.read_bytes()
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o644
            archive.addfile(entry, io.BytesIO(content))
    _replace(target, buffer.getvalue())
    return target


def wheelhouse(path: Path = WHEELHOUSE) -> Path:
    """Return the archive of wheels at `path`; raises AssetError where it has not been built."""
    if not path.is_file():
        raise AssetError(f"the wheelhouse {path.name} is missing in {path.parent}: run `make setup` to build it")
    return path


def _sources(root: Path) -> list[tuple[str, Path]]:
    """Names in the archive and the files behind them, in the archive's order."""
    for package in PACKAGES:
        if not (root / package / "__init__.py").is_file():
            raise AssetError(f"the package {package}/ is missing in {root}: it is part of the containers' code")
    files = (path for package in PACKAGES for path in (root / package).rglob("*") if path.is_file())
    kept = (path for path in files if "__pycache__" not in path.parts and not path.name.startswith("."))
    named = {path.relative_to(root).as_posix(): path for path in kept}
    return sorted({**named, **{name: root / source for name, source in ROOT_FILES.items()}}.items())


def _replace(target: Path, content: bytes) -> None:
    """Write `content` to `target` in one step, so that a synth running beside this one reads all or nothing."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_file() and target.read_bytes() == content:
        return
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    Path(name).chmod(0o644)
    Path(name).replace(target)
