"""Archives of models. Packed deterministically: an artifact's hash says whether a model changed."""

import gzip
import tarfile
from pathlib import Path

# The default of 9 takes three times as long for a few percent.
_LEVEL = 5


def pack(folder: Path, target: Path) -> None:
    """Pack the folder's content, without the folder itself, sorted, without times and owners."""
    with (
        target.open("wb") as raw,
        gzip.GzipFile(filename="", mode="wb", compresslevel=_LEVEL, fileobj=raw, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path in sorted(folder.rglob("*")):
            archive.add(path, path.relative_to(folder).as_posix(), recursive=False, filter=_anonymous)


def unpack(archive: tarfile.TarFile, folder: Path) -> None:
    """Extract everything below the folder; raise tarfile.TarError for a member that would land elsewhere."""
    _extract(archive, folder)
    # gzip's checksum is behind the last member: only who reads that far sees that a byte has changed.
    while archive.fileobj.read(1 << 20):
        pass


def _extract(archive: tarfile.TarFile, folder: Path) -> None:
    if hasattr(tarfile, "data_filter"):
        archive.extractall(folder, filter="data")
        return
    # Python before 3.11.4 has no such filter.
    root = folder.resolve()
    for member in archive.getmembers():
        if not (member.isfile() or member.isdir()) or not (root / member.name).resolve().is_relative_to(root):
            raise tarfile.TarError(f"{member.name}: neither a file nor a folder below the archive's root")
    archive.extractall(folder)


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = 0
    return member
