"""The wheelhouse (names, versions, bytes) and its installation at the start of a job."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from scripts.build_wheelhouse import WheelhouseError, build, pack, read_pins, relock
from training_code import bootstrap

ROOT = Path(__file__).resolve().parents[2]


def test_the_wheelhouse_pins_the_versions_of_the_requirements_lock():
    pins = read_pins(ROOT / "wheelhouse.lock")
    assert {"polars", "polars-runtime-32", "pyyaml"} <= set(pins)
    everything = read_pins(ROOT / "requirements.lock")
    assert pins == {name: everything[name] for name in pins}


def test_the_wheelhouse_lock_is_what_relock_writes(tmp_path):
    relock(ROOT / "wheelhouse.in", ROOT / "requirements.lock", tmp_path / "lock")
    assert (tmp_path / "lock").read_text() == (ROOT / "wheelhouse.lock").read_text()
    assert (tmp_path / "lock").read_text().count("--hash=sha256:") >= 3


def test_relock_names_a_package_without_pin(tmp_path):
    (tmp_path / "names").write_text("absent-package\n")
    with pytest.raises(WheelhouseError, match="absent-package"):
        relock(tmp_path / "names", ROOT / "requirements.lock", tmp_path / "lock")


def test_packing_is_byte_identical_whatever_the_files_dates_and_modes(tmp_path):
    archives = []
    for name, stamp in (("a", 1), ("b", 10**9)):
        folder = tmp_path / name
        folder.mkdir()
        for file in ("two.whl", "one.whl") if stamp == 1 else ("one.whl", "two.whl"):
            (folder / file).write_text(file)
            os.utime(folder / file, (stamp, stamp))
        (folder / "one.whl").chmod(0o600 if stamp == 1 else 0o644)
        pack(folder, tmp_path / f"{name}.tar")
        archives.append((tmp_path / f"{name}.tar").read_bytes())
    assert archives[0] == archives[1]


def test_an_existing_wheelhouse_of_the_same_lock_is_kept(tmp_path):
    lock = tmp_path / "wheelhouse.lock"
    lock.write_text("nothing-to-fetch==1.0\n")
    folder = tmp_path / "build" / "wheelhouse"
    folder.mkdir(parents=True)
    (folder.parent / "wheelhouse.tar").write_text("kept")
    (folder.parent / "wheelhouse.lock").write_text(lock.read_text())
    assert build(lock, folder.parent).read_text() == "kept"


@pytest.fixture
def wheels(tmp_path):
    """A wheelhouse, packed as one tar, with one package of one module."""
    folder = tmp_path / "unpacked"
    folder.mkdir()
    with zipfile.ZipFile(folder / "tinypackage-1.2-py3-none-any.whl", "w") as wheel:
        info = "tinypackage-1.2.dist-info"
        wheel.writestr("tinypackage.py", "ANSWER = 42\n")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tinypackage\nVersion: 1.2\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    (folder / "requirements.txt").write_text("tinypackage==1.2\n")
    (tmp_path / "wheels").mkdir()
    pack(folder, tmp_path / "wheels" / "0123abcd.tar")
    return tmp_path / "wheels"


def _run(code: str, **environment: str) -> subprocess.CompletedProcess:
    clean = {key: value for key, value in os.environ.items() if key not in ("LOCAL_CLOUD", "PYTHONPATH")}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={**clean, **environment}, capture_output=True, text=True
    )


def test_a_missing_package_is_installed_offline_for_the_job_and_its_children(wheels):
    code = (
        f"from training_code import bootstrap; print(bootstrap.install({str(wheels)!r}))\n"
        "import subprocess, sys, tinypackage; print(tinypackage.ANSWER, flush=True)\n"
        "subprocess.run([sys.executable, '-c', 'import tinypackage; print(tinypackage.ANSWER)'], check=True)"
    )
    result = _run(code)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split("\n")[:3] == ["['tinypackage==1.2']", "42", "42"]


def test_the_channel_of_a_training_job_is_found(wheels):
    result = _run("from training_code import bootstrap; print(bootstrap.install())", SM_CHANNEL_WHEELS=str(wheels))
    assert "tinypackage==1.2" in result.stdout, result.stderr


def test_in_the_local_cloud_a_difference_is_an_error_with_both_versions(tmp_path, monkeypatch):
    monkeypatch.setenv("LOCAL_CLOUD", "1")
    (tmp_path / "requirements.txt").write_text("polars==0.0.1\nabsent-package==3\n")
    with pytest.raises(bootstrap.BootstrapError, match=r"polars 0\.0\.1 is needed, 2\.1\.0 is there"):
        bootstrap.install(tmp_path)
    with pytest.raises(bootstrap.BootstrapError, match="absent-package 3 is needed, none is there"):
        bootstrap.install(tmp_path)


def test_satisfied_pins_install_nothing_and_a_missing_wheelhouse_is_named(tmp_path):
    (tmp_path / "requirements.txt").write_text("polars==2.1.0\n")
    assert bootstrap.install(tmp_path) == []
    with pytest.raises(bootstrap.BootstrapError, match=r"requirements\.txt"):
        bootstrap.install(tmp_path / "absent")
