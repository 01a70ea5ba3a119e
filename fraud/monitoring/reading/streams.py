"""Bytes of a file as UTF-8 with line feeds, block by block: unzipped, without a byte-order mark, recoded if need be."""

from __future__ import annotations

import codecs
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from fraud.monitoring.reading.issues import Issues

BLOCK = 16 << 20
_GZIP = b"\x1f\x8b"
_MARKS = ((codecs.BOM_UTF8, None), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_REPLACEMENT = "\ufffd".encode()


def blocks(path: Path, issues: Issues, size: int = BLOCK) -> Iterator[bytes]:
    """Yield the text of a file in blocks of about `size` bytes; a block may end within a line or character."""
    try:
        with path.open("rb") as file:
            zipped = file.read(2) == _GZIP
            file.seek(0)
            raw: Iterable[bytes] = iter(lambda: file.read(size), b"")
            yield from _line_feeds(_utf8(_unzipped(raw, issues) if zipped else raw, issues))
    except OSError:
        issues["unreadable_files"] += 1


def lines(path: Path, issues: Issues) -> Iterator[bytes]:
    """Yield the lines of a file without their ends; the incomplete last one of a truncated file is left out."""
    rest = b""
    before = issues["truncated_files"]
    for block in blocks(path, issues, BLOCK // 8):
        *whole, rest = (rest + block).split(b"\n")
        yield from whole
    if rest and issues["truncated_files"] == before:
        yield rest


def valid_utf8(text: bytes, issues: Issues) -> bytes:
    """Return the text with what is no UTF-8 replaced."""
    if text.isascii():
        return text
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        repaired = text.decode("utf-8", "replace").encode("utf-8")
        issues["replaced_characters"] += repaired.count(_REPLACEMENT) - text.count(_REPLACEMENT)
        return repaired
    return text


def _unzipped(raw: Iterable[bytes], issues: Issues) -> Iterator[bytes]:
    machine = zlib.decompressobj(wbits=31)
    try:
        for block in raw:
            while block:
                while block and not machine.eof:
                    yield machine.decompress(block, BLOCK)
                    block = machine.unconsumed_tail or machine.unused_data
                if machine.eof and block[:2] == _GZIP:
                    # A gzip file may be several, one after the other.
                    machine = zlib.decompressobj(wbits=31)
                elif machine.eof:
                    break
        if not machine.eof:
            issues["truncated_files"] += 1
            yield machine.flush()
    except zlib.error:
        issues["truncated_files"] += 1


def _utf8(raw: Iterable[bytes], issues: Issues) -> Iterator[bytes]:
    decoder = None
    first = True
    for block in raw:
        if first:
            first = False
            for mark, encoding in _MARKS:
                if block.startswith(mark):
                    block = block[len(mark) :]
                    decoder = codecs.getincrementaldecoder(encoding)("replace") if encoding else None
                    break
        yield decoder.decode(block).encode("utf-8") if decoder else block


def _line_feeds(raw: Iterable[bytes]) -> Iterator[bytes]:
    held = b""
    for block in raw:
        block = held + block
        held = b"\r" if block.endswith(b"\r") else b""
        if held:
            block = block[:-1]
        yield block.replace(b"\r\n", b"\n") if b"\r" in block else block
    if held:
        yield b""
