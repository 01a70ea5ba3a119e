"""One model in one serving process: prepared, started, pinged, restarted when it dies, drained and stopped."""

import http.client
import shutil
import socket
import sys
import tarfile
import threading
import time
import zlib
from pathlib import Path
from typing import Any

from local_cloud import hooks
from local_cloud.sagemaker import images, logs, s3
from local_cloud.sagemaker.containers import Container, new_root, remove_root
from local_cloud.sagemaker.endpoints.connections import Connections
from local_cloud.sagemaker.errors import ValidationError
from local_cloud.sagemaker.jobs.archive import unpack

Record = dict[str, Any]

PING_TIMEOUT = 2.0
STARTUP_TIMEOUT = 240.0
STOP_GRACE = 30.0
_BACKOFF = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_STABLE = 60.0
_SCRIPT_MODE = Path(__file__).resolve().parent.parent / "serving"


class StartFailed(Exception):
    """The process did not become healthy; the text says why, or is empty where only its output may."""


class ServingProcess:
    """A container definition running as a process with its own /opt/ml and port.

    Args:
        container: Image, ModelDataUrl or ModelDataSource, Environment (models.serving_container).
        log_group, log_stream: where its output goes in CloudWatch Logs.
        environment: variables that the service adds to the container's.
        startup_timeout: seconds in which /ping must first answer 200.

    The methods that wait are for worker threads; ``connections`` belongs to the event loop.
    """

    def __init__(
        self,
        container: Record,
        *,
        log_group: str,
        log_stream: str,
        environment: dict[str, str] | None = None,
        startup_timeout: float = STARTUP_TIMEOUT,
    ):
        self.image = container["Image"]
        self.ready = threading.Event()
        self.connections = Connections(0)
        self.port = 0
        self._definition = container
        self._environment = environment or {}
        self._timeout = startup_timeout
        self._log = (log_group, log_stream)
        self._root: Path | None = None
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._container: Container | None = None

    def start(self) -> None:
        """Fetch the model, start the process and wait until /ping answers 200; then watch over it.

        Raises:
            StartFailed: the model's data or its image is missing, or the process did not become healthy.
        """
        try:
            argv = self._prepare()
            self._launch(argv)
            self._await_ping()
        except (StartFailed, ValidationError, s3.TransferError, OSError) as error:
            self.stop(0.0)
            raise StartFailed(str(error)) from error
        threading.Thread(target=hooks.bound(self._watch), args=(argv,), name="watch a model", daemon=True).start()

    def stop(self, grace: float = STOP_GRACE) -> None:
        """SIGTERM, then SIGKILL after the grace time; the folder is removed."""
        self._stopping.set()
        self.ready.clear()
        with self._lock:
            container, root = self._container, self._root
        if container:
            container.stop(grace)
        if root:
            remove_root(root)

    @property
    def tail(self) -> list[str]:
        """The last lines the process printed."""
        return self._container.tail[-8:] if self._container else []

    def _prepare(self) -> list[str]:
        image = images.resolve(self.image)
        serving = image.serving
        if serving is None:
            raise ValidationError(f"The image {self.image} has no serving command; give one in local_cloud.toml.")
        self._environment = {**image.environment, **self._environment}
        self._root = new_root("model")
        folder = self._root / "opt" / "ml"
        (folder / "model").mkdir()
        fetch_model(self._definition, folder)
        submit = self._definition.get("Environment", {}).get("SAGEMAKER_SUBMIT_DIRECTORY", "")
        if submit.startswith("s3://"):
            _extract(s3.download(submit, self._root / "source")[0], folder / "code")
            self._environment = {**self._environment, "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/code"}
        if serving == "script-mode":
            return [sys.executable, str(_SCRIPT_MODE), "--model-dir", "/opt/ml/model"]
        return list(serving)

    def _launch(self, argv: list[str]) -> None:
        port = _free_port()
        environment = {
            **self._definition.get("Environment", {}),
            **self._environment,
            "SAGEMAKER_BIND_TO_PORT": str(port),
        }
        group, stream = self._log
        container = Container(self._root, argv, environment, log_group=group, log_stream=stream)
        with self._lock:
            if self._stopping.is_set():
                raise StartFailed("The process was stopped while it started.")
            container.start()
            self._container, self.port, self.connections = container, port, Connections(port)

    def _await_ping(self) -> None:
        deadline = time.monotonic() + self._timeout
        while time.monotonic() < deadline and not self._stopping.is_set() and self._container.poll() is None:
            if self.ping():
                self.ready.set()
                return
            self._stopping.wait(0.05)
        if self._container.poll() is not None:
            self._container.wait()
        raise StartFailed("")

    def ping(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PING_TIMEOUT)
        try:
            connection.request("GET", "/ping")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _watch(self, argv: list[str]) -> None:
        """Restart the process whenever it ends by itself, more slowly each time it does not stay up."""
        failures = 0
        while True:
            started = time.monotonic()
            code = self._container.wait()
            self.ready.clear()
            if self._stopping.is_set():
                return
            failures = 0 if time.monotonic() - started > _STABLE else min(failures + 1, len(_BACKOFF) - 1)
            logs.append(*self._log, [f"The serving process ended with exit code {code}; it is started again."])
            if self._stopping.wait(_BACKOFF[failures]):
                return
            try:
                self._launch(argv)
                self._await_ping()
            except (StartFailed, OSError):
                self._container.stop(0.0)


def fetch_model(container: Record, folder: Path) -> None:
    """Put a container's model data below ``folder`` (its /opt/ml) as SageMaker does.

    Raises:
        StartFailed, s3.TransferError: the data is missing or is no archive.
    """
    source = container.get("ModelDataSource", {}).get("S3DataSource")
    if source and source.get("CompressionType", "None") == "None":
        s3.download(source["S3Uri"], folder / "model")
    elif source or container.get("ModelDataUrl"):
        uri = source["S3Uri"] if source else container["ModelDataUrl"]
        _extract(s3.download(uri, folder / "download")[0], folder / "model")
        shutil.rmtree(folder / "download")
    for extra in container.get("AdditionalModelDataSources", []):
        target = folder / "additional-model-data-sources" / extra["ChannelName"]
        s3.download(extra["S3DataSource"]["S3Uri"], target)


def _extract(archive: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(archive) as packed:
            unpack(packed, folder)
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise StartFailed(f"The model data {archive.name} is not a tar.gz archive that is whole: {error}") from error


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
