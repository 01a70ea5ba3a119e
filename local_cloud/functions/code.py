"""A function's code and layers, unpacked once for all of its processes.

Functions are packaged for AWS's Python and Linux, and run here under the Python of this machine. Distributions whose
compiled modules this Python cannot load get the modules of the same version from the server's own environment, file by
file: what the package leaves out stays left out.
"""

import importlib.machinery
import importlib.metadata
import io
import re
import shutil
import struct
import sys
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from local_cloud import config
from local_cloud.functions.function import Function, InitError

_COMPILED = re.compile(r"\.(so|pyd|dylib)$")
_lock = threading.Lock()


def unpacked(function: Function) -> tuple[Path, list[Path]]:
    """Folder of the function's code, and the folders of its layers that belong on sys.path, first ones first.

    Raises:
        InitError: a compiled distribution cannot be replaced, or an archive is broken.
    """
    folder = config.current().jobs_dir / "functions" / re.sub(r"[^\w.-]", "_", function.code_key)
    with _lock:
        if not folder.exists():
            folder.parent.mkdir(parents=True, exist_ok=True)
            partial = Path(tempfile.mkdtemp(dir=folder.parent))
            try:
                _unpack(function, partial)
                partial.rename(folder)
            except zipfile.BadZipFile as error:
                raise InitError(
                    "Runtime.InvalidZip", f"The code of {function.name} is no zip archive: {error}"
                ) from None
            finally:
                shutil.rmtree(partial, ignore_errors=True)
    return folder / "task", _layer_paths(folder / "opt")


def _unpack(function: Function, folder: Path) -> None:
    task, opt = folder / "task", folder / "opt"
    opt.mkdir()
    _extract(function.code(), task)
    for layer in function.layers:
        if archive := layer():
            _extract(archive, opt)
    for path in [task, *_layer_paths(opt)]:
        replace_foreign(path, function.name)


def _extract(archive: bytes, folder: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(archive)) as file:
        for entry in file.infolist():
            path = Path(file.extract(entry, folder))
            if (mode := entry.external_attr >> 16 & 0o777) and path.is_file():
                path.chmod(mode | 0o600)


def _layer_paths(opt: Path) -> list[Path]:
    packages = sorted(opt.glob("python/lib/python3*/site-packages"))
    return [*packages, *([opt / "python"] if (opt / "python").is_dir() else [])]


# ---- compiled modules


def replace_foreign(folder: Path, function_name: str) -> None:
    """Replace the compiled modules below ``folder`` that this Python cannot load.

    Raises:
        InitError: naming distribution, versions and remedy.
    """
    for information in sorted(folder.glob("*.dist-info")):
        distribution = importlib.metadata.PathDistribution(information)
        packed = [Path(str(file)) for file in distribution.files or [] if _COMPILED.search(str(file))]
        packed = [file for file in packed if (folder / file).is_file()]
        if foreign := [file for file in packed if not loadable(folder / file)]:
            _replace(folder, distribution, packed, foreign, function_name)


def loadable(path: Path) -> bool:
    """Whether this Python could load a compiled module: made for its version, its system and its processor."""
    tag = path.name.split(".", 1)[1]
    if tag.count(".") and f".{tag}" not in importlib.machinery.EXTENSION_SUFFIXES and _names_an_interpreter(tag):
        return False
    with path.open("rb") as file:
        return _format(file.read(20)) == _own_format()


def _names_an_interpreter(tag: str) -> bool:
    return tag.startswith(("cpython-", "cp3", "pypy"))


def _format(header: bytes) -> tuple:
    """System and processor of a binary, as far as its first bytes tell."""
    if header[:4] == b"\x7fELF":
        return "elf", header[4], struct.unpack_from("<H" if header[5] == 1 else ">H", header, 18)[0]
    return (header[:4],)


@cache
def _own_format() -> tuple:
    with Path(sys.executable).open("rb") as file:
        return _format(file.read(20))


def _replace(
    folder: Path,
    distribution: importlib.metadata.Distribution,
    packed: list[Path],
    foreign: list[Path],
    function_name: str,
) -> None:
    name, version = distribution.metadata["Name"], distribution.version
    try:
        own = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        own = None
    if own is None or own.version != version:
        here = f"{sys.implementation.name} {sys.version_info[0]}.{sys.version_info[1]} on {sys.platform}"
        raise InitError(
            "Runtime.ImportModuleError",
            f"The package of function {function_name} brings {name} {version} compiled for another Python "
            f"({foreign[0].name}), which {here} cannot load, and the local cloud's own environment has "
            f"{f'{name} {own.version}' if own else f'no {name}'} to put in its place. "
            f"Install the same version there (pip install {name}=={version}) or run the local cloud under the "
            "function's Python.",
        )
    stems = {_stem(file) for file in packed}
    for file in foreign:
        (folder / file).unlink()
    for relative, path in _compiled_files(own):
        # Shared libraries that the modules need have names of their own in each build.
        if _stem(relative) in stems or relative.parent.name.endswith((".libs", ".dylibs")):
            target = folder / relative
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            shutil.copyfile(path, target)
            target.chmod(0o755)


def _stem(path: Path) -> Path:
    return path.with_name(path.name.split(".", 1)[0])


def _compiled_files(distribution: importlib.metadata.Distribution) -> Iterator[tuple[Path, Path]]:
    for file in distribution.files or []:
        if _COMPILED.search(str(file)):
            yield Path(str(file)), Path(str(file.locate()))
