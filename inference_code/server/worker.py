"""One worker: the model, and an event loop that serves a listening socket until SIGTERM."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import uvloop

from fraud.models.package import ModelPackage
from inference_code.server.balance import Door, Shares
from inference_code.server.http import Connection, Site
from inference_code.server.routes import Routes
from inference_code.server.settings import Settings

_SWEEP_SECONDS = 1.0
_LAST_ARRIVALS_SECONDS = 0.2
"""How long after SIGTERM connections are still accepted and idle ones kept: their requests may be on their way."""


def serve(settings: Settings, listener: socket.socket, supervisor: int, shares: Shares, worker: int) -> None:
    """Load the model and serve as number `worker` until SIGTERM or until the process `supervisor` is gone.

    Raises PackageError and what else loading a model raises.
    """
    began = time.monotonic()
    package = ModelPackage.load(settings.model_dir)
    routes = Routes(package, settings)
    loaded = f"The model {package.model.algorithm} {package.version} was loaded in {time.monotonic() - began:.2f} s"
    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.run_until_complete(_serve(routes, settings, listener, supervisor, shares, worker, loaded))


async def _serve(
    routes: Routes,
    settings: Settings,
    listener: socket.socket,
    supervisor: int,
    shares: Shares,
    worker: int,
    loaded: str,
) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    # Small requests wait no longer than this for the thread that scores a large one.
    sys.setswitchinterval(0.001)
    # What is loaded stays: the collector need not look at it again and again.
    gc.collect()
    gc.freeze()
    with ThreadPoolExecutor(1) as executor:
        site = Site(routes, settings, executor)
        door = Door(listener, lambda: Connection(site), lambda: len(site.connections), shares, worker)
        site.left = door.count
        print(f"{loaded}; process {os.getpid()} serves on port {settings.port}.", flush=True)
        while not stop.is_set():
            try:
                await asyncio.wait_for(stop.wait(), _SWEEP_SECONDS)
            except asyncio.TimeoutError:
                site.sweep()
                if os.getppid() != supervisor:
                    stop.set()
        await _drain(site, door)
        if site.connections:
            # A thread may still score for a caller that has waited long enough.
            os._exit(0)


async def _drain(site: Site, door: Door) -> None:
    site.stopping = True
    await asyncio.sleep(_LAST_ARRIVALS_SECONDS)
    door.close()
    site.close_idle()
    deadline = time.monotonic() + site.settings.drain_seconds
    while site.connections and time.monotonic() < deadline:
        await asyncio.sleep(0.01)
