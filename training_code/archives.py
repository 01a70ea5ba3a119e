"""Unpacking archives that a job is given."""

from __future__ import annotations

import tarfile
import zlib
from pathlib import Path

BROKEN = (tarfile.TarError, EOFError, OSError, zlib.error)
"""What reading an archive raises that is cut off, damaged or none."""


def unpack(archive: tarfile.TarFile, folder: Path) -> None:
    """Extract everything below `folder`; raise tarfile.TarError for a member that would land elsewhere."""
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
