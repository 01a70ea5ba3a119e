"""A build backend of the standard library alone: packs the folder's Python files into a wheel.

AWS's framework containers run `pip install .` on the code folder before they import it. A pip that builds in
isolation downloads setuptools for that, which an endpoint or job in network isolation cannot.
"""

from __future__ import annotations

import base64
import hashlib
import zipfile
from pathlib import Path

NAME, VERSION = "code_in_container", "1"
_GENERATED = {"setup.py", "offline_build.py"}


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    """PEP 517 hook: write the wheel of the current folder and return its file name."""
    contents = {
        path.as_posix(): path.read_bytes()
        for path in sorted(Path().rglob("*.py"))
        if path.name not in _GENERATED and "build" not in path.parts
    }
    info = f"{NAME}-{VERSION}.dist-info"
    contents[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {NAME}\nVersion: {VERSION}\n".encode()
    contents[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    record = "".join(f"{name},{_digest(data)},{len(data)}\n" for name, data in contents.items())
    contents[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    file_name = f"{NAME}-{VERSION}-py3-none-any.whl"
    with zipfile.ZipFile(Path(wheel_directory) / file_name, "w", zipfile.ZIP_DEFLATED) as wheel:
        for name, data in contents.items():
            wheel.writestr(name, data)
    return file_name


def _digest(data: bytes) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
