"""Parquet files read by polars, in a process of their own: a damaged file can end the process that reads it.

A page whose header asks for more memory than there is aborts polars and whoever runs it. The process is started by
the first file and stays; it ends with its parent, whose pipe it reads.
"""

from __future__ import annotations

import io
import os
import pickle
import subprocess
import sys
import threading
from typing import Any, BinaryIO

import numpy as np
import polars as pl


class UnreadableFile(Exception):
    """The file could not be read."""


ERRORS = (UnreadableFile,)


def described(file: io.BytesIO) -> tuple[dict[str, bool], int]:
    """Return the columns, True where they are numeric, and the number of rows, without reading them."""
    return _reader.ask(file.getvalue(), None)


def read(file: io.BytesIO, names: list[str]) -> np.ndarray:
    """Return columns as numbers of shape (rows, columns), NaN where missing."""
    return _reader.ask(file.getvalue(), names)


class _Reader:
    """The process, asked by one thread at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, body: bytes, names: list[str] | None) -> Any:
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._process = self._started()
            try:
                pickle.dump((body, names), self._process.stdin)
                self._process.stdin.flush()
                answer = pickle.load(self._process.stdout)
            except (OSError, EOFError, pickle.UnpicklingError):
                self._process.kill()
                self._process.wait()
                self._process = None
                raise UnreadableFile("the file ended the process that read it") from None
        if isinstance(answer, UnreadableFile):
            raise answer
        return answer

    @staticmethod
    def _started() -> subprocess.Popen[bytes]:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        command = [sys.executable, "-m", "fraud.serving.parquet_polars"]
        # A session of its own: it is not meant by signals to its parent's group, and ends when the pipe does.
        return subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, start_new_session=True
        )


_reader = _Reader()


def _described(file: io.BytesIO) -> tuple[dict[str, bool], int]:
    columns = {name: kind.is_numeric() or kind == pl.Null for name, kind in pl.read_parquet_schema(file).items()}
    file.seek(0)
    return columns, pl.scan_parquet(file).select(pl.len()).collect().item()


def _read(file: io.BytesIO, names: list[str]) -> np.ndarray:
    return pl.read_parquet(file, columns=names).select(pl.col(names).cast(pl.Float64)).to_numpy()


def _serve(requests: BinaryIO, answers: BinaryIO) -> None:
    while True:
        try:
            body, names = pickle.load(requests)
        except EOFError:
            return
        file = io.BytesIO(body)
        try:
            answer = _described(file) if names is None else _read(file, names)
        # A panic of polars is no Exception.
        except (Exception, pl.exceptions.PanicException) as error:
            answer = UnreadableFile(type(error).__name__)
        pickle.dump(answer, answers)
        answers.flush()


if __name__ == "__main__":
    # As a module of its own name: what is pickled must be found there.
    from fraud.serving import parquet_polars

    # What polars prints must not come between the answers.
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    parquet_polars._serve(sys.stdin.buffer, output)
