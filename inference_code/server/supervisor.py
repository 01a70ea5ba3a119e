"""Starts the workers on one listening socket, replaces one that dies, and ends them all on SIGTERM.

It imports nothing that starts threads, because it forks; each worker loads the libraries and the model itself.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress

from inference_code.server.balance import Shares
from inference_code.server.settings import Settings

NOT_LOADED = 3
"""Exit code of a worker that could not load the model: another try would end the same way."""
_KILL_SECONDS = 3.0
_SHORT_LIFE_SECONDS = 2.0
_MOST_SHORT_LIVES = 5


def listen(settings: Settings) -> socket.socket:
    """Return the listening socket; raises OSError where the port is taken."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((settings.host, settings.port))
    listener.listen(1024)
    return listener


def supervise(settings: Settings, listener: socket.socket, shares: Shares, work: Callable[[int], None]) -> int:
    """Run `work` in `settings.workers` processes, numbered from 0, until SIGTERM; return the exit code."""
    started: dict[int, float] = {}
    numbers: dict[int, int] = {}
    signals: list[int] = []

    def stop(number: int, _: object) -> None:
        signals.append(number)
        for pid in started:
            _signal(pid, signal.SIGTERM)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)

    def start(worker: int) -> None:
        shares.absent(worker)
        pid = _start(lambda: work(worker))
        started[pid], numbers[pid] = time.monotonic(), worker

    for worker in range(settings.workers):
        start(worker)
    code, short_lives = 0, 0
    while started and not signals:
        ended = _ended()
        if ended is None:
            continue
        pid, status = ended
        if pid not in started:
            continue
        lived, worker = time.monotonic() - started.pop(pid), numbers.pop(pid)
        if signals:
            break
        print(f"Worker {pid} ended with exit code {status}.", file=sys.stderr, flush=True)
        short_lives = short_lives + 1 if lived < _SHORT_LIFE_SECONDS else 0
        if status == NOT_LOADED or short_lives >= _MOST_SHORT_LIVES:
            code = 1
            break
        start(worker)
    listener.close()
    _finish(started, settings.drain_seconds + _KILL_SECONDS)
    return code


def _start(work: Callable[[], None]) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = NOT_LOADED
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        work()
        code = 0
    except Exception as error:
        # A message of ours says what is wrong; anything else needs to be traced.
        if isinstance(error, ValueError):
            print(f"The model was not loaded: {error}", file=sys.stderr)
        else:
            traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _ended() -> tuple[int, int] | None:
    """Wait for a worker's end; returns its id and exit code (minus a signal's number), None where there is none."""
    try:
        pid, status = os.wait()
    except ChildProcessError:
        return None
    return pid, os.waitstatus_to_exitcode(status)


def _finish(started: dict[int, float], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    for pid in started:
        _signal(pid, signal.SIGTERM)
    while started and time.monotonic() < deadline:
        for pid in list(started):
            if _is_gone(pid):
                del started[pid]
        time.sleep(0.01)
    for pid in started:
        _signal(pid, signal.SIGKILL)


def _is_gone(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return True


def _signal(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
