"""Lambda's invocations on threads that are used again: starting one for each call costs as much as the call itself."""

import asyncio
import contextlib
import contextvars
import queue
import sys
import threading
from collections.abc import Callable
from typing import Any

# A thread that got an answer waits this long at most for the interpreter while another one computes.
_SWITCH_SECONDS = 0.001
_IDLE_SECONDS = 60.0

_idle: list[queue.SimpleQueue] = []


def install() -> None:
    from ministack.services import apigateway_v1, lambda_svc

    sys.setswitchinterval(_SWITCH_SECONDS)
    apigateway_v1.run_reentrant = run_reentrant
    lambda_svc.run_reentrant = run_reentrant


async def run_reentrant(function: Callable[..., Any], *arguments: Any, thread_name: str = "") -> Any:
    """The result of blocking work, on a thread of its own: there is no limit that nested calls could exhaust.

    Work that has begun is waited for even when the caller is cancelled, because it uses the caller's state.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future = loop.create_future()
    context = contextvars.copy_context()

    def work() -> None:
        try:
            outcome = context.run(function, *arguments), None
        except BaseException as error:
            outcome = None, error
        # The loop is closed when the server is stopping.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(_deliver, future, *outcome)

    _submit(work)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        with contextlib.suppress(Exception):
            while not future.done():
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.shield(future)
        raise


def _deliver(future: asyncio.Future, result: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)


def _submit(work: Callable[[], None]) -> None:
    try:
        # Of one end only: the threads used last stay, the others end.
        _idle.pop().put(work)
    except IndexError:
        threading.Thread(target=_run, args=(work,), daemon=True, name="invocation").start()


def _run(work: Callable[[], None]) -> None:
    jobs: queue.SimpleQueue = queue.SimpleQueue()
    while True:
        work()
        _idle.append(jobs)
        try:
            work = jobs.get(timeout=_IDLE_SECONDS)
        except queue.Empty:
            try:
                _idle.remove(jobs)
            except ValueError:
                # Taken this very moment: the job is on its way.
                work = jobs.get()
            else:
                return
