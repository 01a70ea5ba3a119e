"""Clouds to test against: this project's, a real LocalStack, or one that somebody gives."""

import contextlib
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
VENV = REPOSITORY / "build" / "localstack"
REQUIREMENTS = Path(__file__).with_name("requirements.txt")
INSTALL_SECONDS = 900


class Absent(Exception):
    """A cloud cannot be had here; the text says why."""


def interpreter() -> Path:
    """A Python that has LocalStack; in continuous integration it is installed when a Python 3.13 or later is there.

    Raises:
        Absent: with the way to get one.
    """
    python = VENV / "bin" / "python"
    if (VENV / ".complete").exists():
        return python
    if not os.environ.get("CI"):
        raise Absent("no LocalStack is installed; `make localstack` does it (Python 3.13 or later, 500 MB)")
    install()
    return python


def install() -> None:
    """Make the virtual environment of the requirements file.

    Raises:
        Absent: there is no Python that can have it, or the installation fails.
    """
    found = next((python for python in _candidates() if _runs(python)), None)
    if found is None:
        raise Absent("LocalStack needs Python 3.13 or later, and none was found")
    shutil.rmtree(VENV, ignore_errors=True)
    commands = [
        [found, "-m", "venv", VENV],
        [VENV / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", REQUIREMENTS],
    ]
    for command in commands:
        try:
            subprocess.run(list(map(str, command)), check=True, capture_output=True, timeout=INSTALL_SECONDS)
        except (subprocess.SubprocessError, OSError) as error:
            raise Absent(f"LocalStack could not be installed: {error}") from None
    (VENV / ".complete").touch()


def _candidates() -> Iterator[str]:
    names = ("python3.13", "python3.14")
    yield from filter(None, map(shutil.which, names))
    root = os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv"
    for name in names:
        yield from sorted(map(str, Path(root).glob(f"versions/*/bin/{name}")))


def _runs(python: str) -> bool:
    # A pyenv shim is there for versions that no shell has chosen, and then only says so.
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        return subprocess.run([python, "-c", "import venv, ensurepip"], capture_output=True, timeout=30).returncode == 0
    return False


@contextlib.contextmanager
def running(folder: Path, port: int) -> Iterator[str]:
    """A LocalStack as a plain process, as host and port.

    Raises:
        Absent: it is not installed, or does not start.
    """
    python = interpreter()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "FILESYSTEM_ROOT": str(folder),
        "GATEWAY_LISTEN": f"127.0.0.1:{port}",
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "DISABLE_EVENTS": "1",
        "DNS_ADDRESS": "0",
    }
    log = folder / "localstack.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(python), "-m", "localstack.runtime.main"], env=environment, stdout=output, stderr=output, cwd=folder
        )
    try:
        _wait(process, f"http://127.0.0.1:{port}/_localstack/health", log)
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
        process.kill()


def _wait(process: subprocess.Popen, url: str, log: Path, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=2):
            return
        time.sleep(0.3)
    raise Absent(f"LocalStack did not start: {log.read_text(errors='replace')[-600:]}")


if __name__ == "__main__":
    try:
        install()
    except Absent as reason:
        sys.exit(f"error: {reason}")
