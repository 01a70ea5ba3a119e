"""The server process: ministack with the extension, on loopback only, until it is told to stop."""

import asyncio
import contextlib
import fcntl
import json
import logging
import os
import resource
import shutil
import signal
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import psutil

from local_cloud import config, state

log = logging.getLogger("local_cloud.server")
_RUN_FILE = "server.json"
_MANY_FILES = 10_240
_LEAST_ROOM = 64 << 10


class CannotStart(Exception):
    """The server cannot start; the text says why and what to do."""


def run(settings: config.Settings) -> None:
    """Serve until SIGTERM or SIGINT; never returns normally.

    Raises:
        CannotStart: the port or the state folder is taken, or the folder cannot be written.
    """
    make_state_folder(settings)
    lock = _lock(settings)
    if holder := port_holder(settings.port):
        raise CannotStart(f"Port {settings.port} is taken by {holder}. Stop it, or choose another with --port.")
    config.configure(settings)
    os.environ.update(_environment(settings))
    _allow_many_files()
    remove_leftovers(settings)
    (settings.state_dir / _RUN_FILE).write_text(
        json.dumps({"pid": os.getpid(), "port": settings.port, "started": time.time()})
    )
    # ministack reads its environment while it is imported.
    from local_cloud import extension

    extension.install()
    state.start_snapshots(settings.snapshot_seconds)
    asyncio.run(_serve(settings))
    lock.close()


def make_state_folder(settings: config.Settings) -> None:
    """Make the state folder where there is none, and see that something can be written there.

    Raises:
        CannotStart: it cannot, as on a full disk.
    """
    probe = settings.state_dir / f".probe-{os.getpid()}"
    try:
        settings.state_dir.mkdir(parents=True, exist_ok=True)
        try:
            probe.write_bytes(bytes(_LEAST_ROOM))
        finally:
            probe.unlink(missing_ok=True)
    except OSError as error:
        raise CannotStart(
            f"The state folder {settings.state_dir} cannot be written: {error.strerror}. "
            "Make room or give rights there, or choose another with --state-dir."
        ) from None


def running(state_dir: Path) -> dict[str, Any] | None:
    """pid, port and start time of the server that holds the state folder, or None."""
    path = state_dir / _RUN_FILE
    with contextlib.suppress(OSError, ValueError):
        record = json.loads(path.read_text())
        with (state_dir / "server.lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return record
    return None


def port_holder(port: int) -> str | None:
    """Who listens on the loopback port, as a phrase for people; None where it is free."""
    import socket

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            return None
        except OSError as error:
            reason = error.strerror
    with contextlib.suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
                process = psutil.Process(connection.pid)
                return f"process {connection.pid} ({' '.join(process.cmdline())[:120] or process.name()})"
    return f"another process ({reason})"


def remove_leftovers(settings: config.Settings) -> None:
    """End processes and remove files that an earlier server of the same state folder could not take with it."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and process.environ().get("LOCAL_CLOUD_OWNER") == settings.owner:
                log.warning("Ending process %s left over from an earlier run: %s", process.pid, process.name())
                process.kill()
    shutil.rmtree(settings.jobs_dir, ignore_errors=True)


def _allow_many_files() -> None:
    """Clients keep their connections, and each job has pipes: a shell's usual limit of 1024 is soon reached."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MANY_FILES if hard == resource.RLIM_INFINITY else min(hard, _MANY_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _lock(settings: config.Settings) -> Any:
    file = (settings.state_dir / "server.lock").open("a")
    # `status` holds the lock for an instant to see whether somebody else does.
    for _ in range(20):
        with contextlib.suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return file
        time.sleep(0.05)
    file.close()
    other = running(settings.state_dir) or {}
    raise CannotStart(
        f"A local cloud already runs on the state folder {settings.state_dir} "
        f"(process {other.get('pid', '?')}, port {other.get('port', '?')}). "
        f"Use it, stop it with `python -m local_cloud down --state-dir {settings.state_dir}`, "
        "or choose another folder with --state-dir."
    )


def _environment(settings: config.Settings) -> dict[str, str]:
    return {
        "GATEWAY_PORT": str(settings.port),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "PERSIST_STATE": "1",
        "S3_PERSIST": "1",
        "STATE_DIR": str(settings.state_dir / "services"),
        "S3_DATA_DIR": str(settings.state_dir / "s3"),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        # Docker is never used, even where a daemon listens.
        "DOCKER_HOST": "unix:///nonexistent/docker.sock",
        "LOG_LEVEL": os.environ.get("LOG_LEVEL", "WARNING"),
        # The server's own SDK calls must neither find nor use the developer's credentials and configuration.
        "AWS_ACCESS_KEY_ID": "000000000000",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


async def _serve(settings: config.Settings) -> None:
    from hypercorn.asyncio import serve
    from hypercorn.config import Config
    from ministack import app

    server = Config()
    server.bind = [f"127.0.0.1:{settings.port}"]
    server.keep_alive_timeout = 75
    # SDKs keep their connections, and a closed one costs a retry.
    server.keep_alive_max_requests = 10**9
    server.backlog = 1024
    server.graceful_timeout = 0.3
    server.loglevel = os.environ["LOG_LEVEL"]
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await serve(_around(app.app), server, shutdown_trigger=lambda: _until(stop))
    (settings.state_dir / _RUN_FILE).unlink(missing_ok=True)
    shutil.rmtree(settings.jobs_dir, ignore_errors=True)
    logging.shutdown()
    # Threads of unfinished executions would keep the process alive; the state is saved.
    os._exit(0)


async def _until(stop: asyncio.Event) -> None:
    from local_cloud.sagemaker import lifecycle

    await stop.wait()
    await asyncio.to_thread(lifecycle.shutting_down)


def _around(app: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """ministack's ASGI application; requests that may change something call for a snapshot."""
    from local_cloud.hooks import persistence
    from local_cloud.sagemaker import lifecycle

    async def application(scope: dict, receive: Callable, send: Callable) -> None:
        if scope["type"] == "lifespan":

            async def started(message: dict) -> None:
                if message["type"] == "lifespan.startup.complete":
                    await asyncio.to_thread(lifecycle.restored)
                    threading.Thread(target=_when_ready, args=(lifecycle.ready,), daemon=True).start()
                await send(message)

            await app(scope, receive, started)
            return
        if scope["type"] == "http" and scope["path"] == "/_ministack/reset":
            persistence.forget()
        await app(scope, receive, send)
        if scope["type"] == "http" and scope["method"] not in ("GET", "HEAD", "OPTIONS"):
            state.touch()

    return application


def _when_ready(action: Callable[[], None]) -> None:
    import socket

    address = ("127.0.0.1", config.current().port)
    for _ in range(600):
        with contextlib.suppress(OSError), socket.create_connection(address, timeout=1):
            action()
            return
        time.sleep(0.05)
