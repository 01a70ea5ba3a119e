"""The scoring function's package: whole, small, the same bytes for the same content, and enough by itself."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from fraud import event_types
from fraud.features.catalogue import features_of
from scripts.build_functions import HEADER, PYTHON_VERSION, ROOT, pack
from scripts.build_wheelhouse import read_pins, relock
from stacks.assets import EVENT_TYPE_FILE, FUNCTION_LIBRARIES, REPOSITORY, AssetError, pack_function

# What the Lambda runtime brings.
RUNTIME = ("boto3", "botocore", "s3transfer", "dateutil", "urllib3", "six")
LARGEST_MB = 10


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("package") / "function.zip"
    return pack_function(event_types.load("card-transactions"), "x86_64", target)


def test_bytes_depend_on_content_alone(tmp_path: Path) -> None:
    libraries = tmp_path / "libraries"
    libraries.mkdir()
    wheel = tmp_path / "wheels" / "a.whl"
    wheel.parent.mkdir()
    packages = []
    for stamp in ((2001, 1, 1, 0, 0, 0), (2026, 1, 1, 0, 0, 0)):
        with zipfile.ZipFile(wheel, "w") as archive:
            for name in ("a/__init__.py", "a-1.data/scripts/a", "cel_expr_python/ext/large.so"):
                archive.writestr(zipfile.ZipInfo(name, stamp), name)
        pack(wheel.parent, libraries / "arm64.zip")
        event_type = event_types.load("ulb")
        packages.append(pack_function(event_type, "arm64", tmp_path / "f.zip", libraries=libraries).read_bytes())
    assert packages[0] == packages[1]
    names = zipfile.ZipFile(tmp_path / "f.zip").namelist()
    assert "a/__init__.py" in names and not {"a-1.data/scripts/a", "cel_expr_python/ext/large.so"} & set(names)


def test_package_is_small_and_has_what_decides_and_nothing_of_training(package: Path) -> None:
    assert package.stat().st_size < LARGEST_MB * 1e6
    with zipfile.ZipFile(package) as archive:
        names = archive.namelist()
        assert len(names) == len(set(names))
        body = json.loads(archive.read(EVENT_TYPE_FILE))
    assert event_types.parse(body) == event_types.load("card-transactions")
    tops = {name.split("/")[0] for name in names}
    assert {"fraud", "inference_code", "aws_lambda_powertools", "cel_expr_python", EVENT_TYPE_FILE} <= tops
    assert not {"training_code", "stacks", "boto3", "numpy", "polars"} & tops
    assert not [name for name in names if "__pycache__" in name or name.endswith((".yaml", ".lock"))]


@pytest.mark.parametrize("name", event_types.shipped())
def test_features_keep_the_order_that_models_are_trained_in(name: str, tmp_path: Path) -> None:
    """The endpoint takes numbers by position: another order of variables or entities would be another model."""
    with zipfile.ZipFile(tmp_path / "arm64.zip", "w") as archive:
        archive.writestr("a/__init__.py", "")
    event_type = event_types.load(name)
    package = pack_function(event_type, "arm64", tmp_path / "f.zip", libraries=tmp_path)
    packed = event_types.parse(json.loads(zipfile.ZipFile(package).read(EVENT_TYPE_FILE)))
    assert packed == event_type
    assert features_of(packed) == features_of(event_type)


def test_package_starts_with_nothing_but_the_runtime_s_libraries(package: Path, tmp_path: Path) -> None:
    task, runtime = tmp_path / "task", tmp_path / "runtime"
    zipfile.ZipFile(package).extractall(task)
    runtime.mkdir()
    linked = [*RUNTIME]
    if f"{sys.version_info.major}.{sys.version_info.minor}" != PYTHON_VERSION:
        # The package's own is compiled for Lambda's Python.
        linked.append("cel_expr_python")
        (task / "cel_expr_python").rename(tmp_path / "cel")
    for name in linked:
        found = importlib.util.find_spec(name)
        origin = Path((found.submodule_search_locations or [found.origin])[0])
        (runtime / origin.name).symlink_to(origin)
    program = (
        "import sys; sys.path[:0] = sys.argv[1:]\n"
        "from inference_code.scoring import app\n"
        "answer = app.handler({'httpMethod': 'GET', 'path': '/x', 'headers': {}, 'requestContext': {}}, None)\n"
        "assert app.__file__.startswith(sys.argv[1]), app.__file__\n"
        "print(answer['statusCode'])"
    )
    command = [sys.executable, "-I", "-S", "-c", program, str(task), str(runtime)]
    environment = {"PATH": os.environ["PATH"], "POWERTOOLS_METRICS_NAMESPACE": "x", "POWERTOOLS_SERVICE_NAME": "x"}
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.splitlines()[-1] == "404", done.stderr


def test_missing_libraries_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(AssetError, match="build_functions --architecture arm64"):
        pack_function(event_types.load("ulb"), "arm64", tmp_path / "f.zip", libraries=tmp_path)


def test_the_lock_is_what_relock_writes_and_was_fetched(tmp_path: Path) -> None:
    relock(ROOT / "functions.in", ROOT / "requirements.lock", tmp_path / "lock", HEADER)
    assert (tmp_path / "lock").read_text() == (ROOT / "functions.lock").read_text()
    assert (FUNCTION_LIBRARIES / "x86_64.lock").read_text() == (REPOSITORY / "functions.lock").read_text()
    everything = read_pins(ROOT / "requirements.lock")
    assert read_pins(ROOT / "functions.lock").items() <= everything.items()
