"""The server's settings, read once at its start and passed down as one frozen object."""

import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

DEFAULT_PORT = 4566


def _default_work_dir() -> Path:
    # Short on purpose: sockets that jobs open below TMPDIR have a path limit of 108 characters.
    return Path(tempfile.gettempdir()) / f"local-cloud-{os.getuid()}"


@dataclass(frozen=True)
class Settings:
    """Settings of one local cloud.

    Attributes:
        port: TCP port on 127.0.0.1 for all services.
        state_dir: folder of everything that outlives a restart, objects in S3 included.
        images: path of ``local_cloud.toml``, which says how images that AWS did not build are run.
        work_dir: folder where running jobs have their /opt/ml; emptied when the server starts.
        alarm_period_scale: factor on the periods of alarms, so that an hour's alarm can be watched within minutes.
        wait_scale: factor on waits that AWS imposes (canary intervals, termination waits), never on computation.
        max_jobs: jobs whose process may run at the same time; more of them wait in Starting.
        stop_grace_seconds: time between SIGTERM and SIGKILL when a job is stopped or out of time.
        snapshot_seconds: longest time a change stays in memory only.
        namespaces: False rewrites paths below /opt/ml even where the kernel could mount one for each job.
    """

    port: int = DEFAULT_PORT
    state_dir: Path = Path(".local-cloud")
    images: Path = Path("local_cloud.toml")
    work_dir: Path = field(default_factory=_default_work_dir)
    wait_scale: float = 0.02
    alarm_period_scale: float = 1.0
    max_jobs: int = field(default_factory=lambda: os.cpu_count() or 1)
    stop_grace_seconds: float = 120.0
    snapshot_seconds: float = 3.0
    namespaces: bool = True

    @property
    def endpoint_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def owner(self) -> str:
        """Mark in the environment of every process this local cloud starts, by which leftovers are recognised."""
        return str(self.state_dir)

    @property
    def jobs_dir(self) -> Path:
        return self.work_dir / str(self.port)


def from_environment(port: int, state_dir: Path, images: Path) -> Settings:
    """Settings of the command line completed by LOCAL_CLOUD_* variables.

    Raises:
        ValueError: naming the variable whose value is out of range.
    """
    defaults = Settings()
    return Settings(
        port=port,
        state_dir=state_dir.absolute(),
        images=images.absolute(),
        work_dir=Path(os.environ.get("LOCAL_CLOUD_WORK_DIR") or defaults.work_dir).absolute(),
        wait_scale=_number("LOCAL_CLOUD_WAIT_SCALE", defaults.wait_scale, 0.0),
        alarm_period_scale=_number("LOCAL_CLOUD_ALARM_PERIOD_SCALE", defaults.alarm_period_scale, 0.0),
        max_jobs=int(_number("LOCAL_CLOUD_MAX_JOBS", defaults.max_jobs, 1)),
        stop_grace_seconds=_number("LOCAL_CLOUD_STOP_GRACE_SECONDS", defaults.stop_grace_seconds, 0.0),
        snapshot_seconds=_number("LOCAL_CLOUD_SNAPSHOT_SECONDS", defaults.snapshot_seconds, 0.1),
        namespaces=_number("LOCAL_CLOUD_NAMESPACES", 1, 0) > 0,
    )


def _number(name: str, default: float, least: float) -> float:
    text = os.environ.get(name, "")
    try:
        value = float(text) if text else float(default)
    except ValueError:
        raise ValueError(f"{name} must be a number, not {text!r}.") from None
    if value < least:
        raise ValueError(f"{name} must be at least {least:g}, not {text}.")
    return value


_current = Settings()


def current() -> Settings:
    """Settings of the running server."""
    return _current


def configure(settings: Settings) -> None:
    """Called once by the server before anything else of the package runs."""
    global _current
    _current = settings
