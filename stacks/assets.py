"""The code that runs in containers, packed so that the same sources give the same bytes on any machine."""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
import tempfile
import zipfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fraud.event_types import EventType
from fraud.event_types.mapping import to_mapping

REPOSITORY = Path(__file__).resolve().parent.parent
BUILD = REPOSITORY / "build"
WHEELHOUSE = BUILD / "wheelhouse.tar"
CODE = BUILD / "code.tar.gz"
SERVER_IMAGE = BUILD / "server-image"
SERVER_PACKAGES = ("fraud", "inference_code")
SERVER_DOCKERFILE = "inference_code/server/Dockerfile"
FUNCTION_LIBRARIES = BUILD / "functions"
FUNCTION_SOURCES = (
    *("fraud/__init__.py", "fraud/api", "fraud/cards.py", "fraud/decisions", "fraud/event_types", "fraud/features"),
    *("inference_code/__init__.py", "inference_code/scoring"),
)
EVENT_TYPE_FILE = "event_type.json"
CAPTURE_PREPROCESSOR = REPOSITORY / "training_code" / "capture_preprocessor.py"
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


@dataclass(frozen=True)
class AssetFiles:
    """What a deployment uploads: archives, scripts and the folder that an image is built from; None is left out."""

    code: Path
    wheelhouse: Path
    function: Path | None = None
    server: Path | None = None
    preprocessor: Path = CAPTURE_PREPROCESSOR


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


def pack_function(
    event_type: EventType,
    architecture: str,
    target: Path | None = None,
    *,
    root: Path = REPOSITORY,
    libraries: Path = FUNCTION_LIBRARIES,
) -> Path:
    """Write the package of the scoring function for `event_type` (libraries, sources, EVENT_TYPE_FILE) and return it.

    Only content and names decide the bytes. Raises AssetError where the libraries have not been fetched.
    """
    fetched = libraries / f"{architecture}.zip"
    if not fetched.is_file():
        raise AssetError(
            f"the scoring function's libraries for {architecture} are missing: run `python -m scripts.build_functions "
            f"--architecture {architecture}` (make setup does it for x86_64)"
        )
    buffer = io.BytesIO(fetched.read_bytes())
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as package:
        for name, path in sorted(_function_files(root).items()):
            package.writestr(_zip_entry(name), path.read_bytes())
        # Parsed and checked now, so that a function never starts with an event type that is wrong. Its order stays:
        # that of entities and variables is the order of the features that the model was trained on.
        package.writestr(_zip_entry(EVENT_TYPE_FILE), json.dumps(to_mapping(event_type), indent=1))
    target = target or BUILD / f"scoring-{event_type.name}-{architecture}.zip"
    _replace(target, buffer.getvalue())
    return target


def pack_server_image(target: Path = SERVER_IMAGE, *, root: Path = REPOSITORY) -> Path:
    """Write what the model server's image is built from into the folder `target` and return it.

    It has the Dockerfile and SERVER_PACKAGES of `root`, and nothing that was there before. Raises AssetError where
    one of them is missing.
    """
    dockerfile = root / SERVER_DOCKERFILE
    if not dockerfile.is_file():
        raise AssetError(f"{SERVER_DOCKERFILE} is missing in {root}: it builds the model server's image")
    files = {**_package_files(SERVER_PACKAGES, root), "Dockerfile": dockerfile}
    for stale in sorted(target.rglob("*"), reverse=True) if target.is_dir() else ():
        if stale.is_dir():
            _remove_if_empty(stale)
        elif stale.relative_to(target).as_posix() not in files:
            stale.unlink()
    for name, path in files.items():
        _replace(target / name, path.read_bytes())
    return target


def wheelhouse(path: Path = WHEELHOUSE) -> Path:
    """Return the archive of wheels at `path`; raises AssetError where it has not been built."""
    if not path.is_file():
        raise AssetError(f"the wheelhouse {path.name} is missing in {path.parent}: run `make setup` to build it")
    return path


def _sources(root: Path) -> list[tuple[str, Path]]:
    """Names in the archive and the files behind them, in the archive's order."""
    named = _package_files(PACKAGES, root)
    return sorted({**named, **{name: root / source for name, source in ROOT_FILES.items()}}.items())


def _package_files(packages: tuple[str, ...], root: Path) -> dict[str, Path]:
    """Files of packages of `root` by their paths in it; AssetError where a package is missing."""
    for package in packages:
        if not (root / package / "__init__.py").is_file():
            raise AssetError(f"the package {package}/ is missing in {root}: it is part of the containers' code")
    files = (path for package in packages for path in (root / package).rglob("*") if path.is_file())
    kept = (path for path in files if "__pycache__" not in path.parts and not path.name.startswith("."))
    return {path.relative_to(root).as_posix(): path for path in kept}


def _function_files(root: Path) -> dict[str, Path]:
    """Python files of FUNCTION_SOURCES by their paths in `root`."""
    files = {}
    for source in FUNCTION_SOURCES:
        path = root / source
        found = [path] if path.is_file() else sorted(path.rglob("*.py"))
        if not found:
            raise AssetError(f"{source} is missing in {root}: it is part of the scoring function")
        files |= {file.relative_to(root).as_posix(): file for file in found}
    return files


def _zip_entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.compress_type, entry.external_attr, entry.create_system = zipfile.ZIP_DEFLATED, 0o644 << 16, 3
    return entry


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()


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
