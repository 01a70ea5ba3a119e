"""A container without Docker: a process with its own /opt/ml, a clean environment, and no way to outlive the server."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from local_cloud import config, hooks
from local_cloud.authorization import principal
from local_cloud.sagemaker import logs

OPT_ML = "/opt/ml"
_SUPERVISOR = Path(__file__).with_name("supervisor.py")
_TAIL_LINES = 60
_CHUNK = 1 << 16
_LONGEST_LINE = 1 << 18  # CloudWatch's own limit of an event


def new_root(name: str) -> Path:
    """A fresh folder for one container's files; opt/ml below it is there already. The caller removes it."""
    parent = config.current().jobs_dir
    parent.mkdir(parents=True, exist_ok=True)
    root = Path(tempfile.mkdtemp(prefix=f"{name[:20]}-", dir=parent))
    (root / "opt" / "ml").mkdir(parents=True)
    return root


def remove_root(root: Path) -> None:
    """Remove a container's files, those included that the job made read-only."""

    def force(function: Callable, path: str, _: object) -> None:
        Path(path).parent.chmod(0o700)
        Path(path).chmod(0o700)
        function(path)

    if root.exists():
        shutil.rmtree(root, onerror=force)


@lru_cache(1)
def has_namespaces() -> bool:
    """Whether processes can be given a /opt/ml of their own (user namespaces); elsewhere paths are rewritten."""
    if sys.platform != "linux" or not config.current().namespaces:
        return False
    with tempfile.TemporaryDirectory(prefix="local-cloud-probe-") as folder:
        opt_ml = Path(folder, "opt", "ml")
        opt_ml.mkdir(parents=True)
        read, write = os.pipe()
        try:
            options = json.dumps({"lifeline": read, "opt_ml": str(opt_ml), "network": False})
            command = [sys.executable, "-I", "-S", str(_SUPERVISOR), options, "test", "-d", OPT_ML]
            return subprocess.run(command, pass_fds=[read], capture_output=True, timeout=20).returncode == 0
        except (OSError, subprocess.TimeoutExpired):
            return False
        finally:
            os.close(read)
            os.close(write)


class Container:
    """One process group under the container contract.

    Args:
        root: folder whose opt/ml the process sees as /opt/ml (see ``new_root``).
        argv: the command; ``python3`` is this environment's interpreter.
        environment: variables of the job; the rest is clean: nothing of the server's own environment is passed on.
        log_group, log_stream: where output goes in CloudWatch Logs, stdout and stderr together.
        on_line: called with each line of output, in order, on one thread.
        network: False takes the network away (loopback stays) where the kernel allows it.
    """

    def __init__(
        self,
        root: Path,
        argv: Sequence[str],
        environment: Mapping[str, str],
        *,
        log_group: str,
        log_stream: str,
        on_line: Callable[[str], None] | None = None,
        network: bool = True,
    ):
        self.root = root
        self.log_group, self.log_stream = log_group, log_stream
        self._on_line = on_line
        self._private = has_namespaces()
        self._network = network or not self._private
        self._argv = [self._visible(word) for word in argv]
        self._environment = {key: self._visible(value) for key, value in self._base(environment).items()}
        self._tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self._lifeline: int | None = None
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start the process; its output is read on a thread bound to the caller's account and region."""
        read, self._lifeline = os.pipe()
        (self.root / "tmp").mkdir(exist_ok=True)
        (self.root / "home").mkdir(exist_ok=True)
        options = {
            "lifeline": read,
            "opt_ml": str(self.root / "opt" / "ml") if self._private else None,
            "network": self._network,
            "directory": str(self.root / "home"),
        }
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_SUPERVISOR), json.dumps(options), *self._argv],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=[read],
                start_new_session=True,
            )
        finally:
            os.close(read)
        self._reader = threading.Thread(target=hooks.bound(self._read), daemon=True, name=f"output of {self.root.name}")
        self._reader.start()

    @property
    def pid(self) -> int | None:
        """Process id of the supervisor, whose only purpose is the container's process."""
        return self._process.pid if self._process else None

    def poll(self) -> int | None:
        """The exit code, or None while it runs or before it starts."""
        return self._process.poll() if self._process else None

    def wait(self, timeout: float | None = None) -> int | None:
        """The exit code (128 + n after signal n) once all output is read, or None when ``timeout`` seconds passed."""
        assert self._process and self._reader, "the container was not started"
        try:
            code = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None
        self._reader.join()
        self._cut_lifeline()
        return code

    def stop(self, grace_seconds: float) -> int:
        """SIGTERM, after ``grace_seconds`` SIGKILL, for the process and all its descendants; returns the exit code."""
        assert self._process, "the container was not started"
        if self._process.poll() is None:
            self._process.terminate()
        code = self.wait(grace_seconds)
        return self.kill() if code is None else code

    def kill(self) -> int:
        """SIGKILL for the process and all its descendants; returns the exit code."""
        self._cut_lifeline()
        code = self.wait(None)
        assert code is not None
        return code

    @property
    def tail(self) -> list[str]:
        """The last lines of output, for failure reasons."""
        return list(self._tail)

    def _cut_lifeline(self) -> None:
        with self._lock:
            if self._lifeline is not None:
                os.close(self._lifeline)
                self._lifeline = None

    def _visible(self, text: str) -> str:
        return text if self._private else text.replace(OPT_ML, str(self.root / "opt" / "ml"))

    def _base(self, environment: Mapping[str, str]) -> dict[str, str]:
        settings, packages = config.current(), self.root / "site-packages"
        return {
            "PATH": f"{Path(sys.executable).parent}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8",
            "HOME": str(self.root / "home"),
            "TMPDIR": str(self.root / "tmp"),
            "PYTHONUNBUFFERED": "1",
            # OpenMP's threads wait in a loop, for a machine of one's own: here others need the cores meanwhile.
            "OMP_WAIT_POLICY": "passive",
            # A job that installs packages must not change the environment that all jobs and the server share.
            "PIP_TARGET": str(packages),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "AWS_REGION": hooks.region(),
            "AWS_DEFAULT_REGION": hooks.region(),
            "AWS_ENDPOINT_URL": settings.endpoint_url,
            **{name.upper(): value for name, value in principal.credentials().items()},
            # Programs that know /opt/ml by heart have this to go by where they cannot be given one.
            **({} if self._private else {"SAGEMAKER_BASE_DIR": OPT_ML}),
            **environment,
            "PYTHONPATH": os.pathsep.join(filter(None, [str(packages), environment.get("PYTHONPATH")])),
            "LOCAL_CLOUD": "1",
            "LOCAL_CLOUD_OWNER": settings.owner,
        }

    def _read(self) -> None:
        assert self._process and self._process.stdout
        stream, rest = self._process.stdout, b""
        while chunk := os.read(stream.fileno(), _CHUNK):
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) > _LONGEST_LINE:
                lines, rest = [*lines, rest], b""
            self._take(lines)
        self._take([rest] if rest else [])
        stream.close()

    def _take(self, raw: list[bytes]) -> None:
        lines = [line.decode("utf-8", "replace").rstrip("\r") for line in raw]
        if not lines:
            return
        self._tail.extend(lines)
        logs.append(self.log_group, self.log_stream, lines)
        for line in lines if self._on_line else []:
            self._on_line(line)
