"""The archive of the containers' code: the same bytes for the same sources, and nothing else in it."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from stacks.assets import (
    PACKAGES,
    REPOSITORY,
    ROOT_FILES,
    SERVER_DOCKERFILE,
    SERVER_PACKAGES,
    AssetError,
    pack_code,
    pack_server_image,
    wheelhouse,
)
from stacks.images import image_uri, regions, repository_arn
from training_code import archives


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    for package in PACKAGES:
        (root / package / "inner").mkdir(parents=True)
        (root / package / "__init__.py").write_text("")
        (root / package / "inner" / "code.py").write_text(f"# {package}\n")
    for source in (*ROOT_FILES.values(), SERVER_DOCKERFILE):
        (root / source).parent.mkdir(exist_ok=True)
        (root / source).write_text("")
    return root


def test_bytes_depend_on_content_alone(sources: Path, tmp_path: Path) -> None:
    first = pack_code(tmp_path / "one" / "a.tar.gz", root=sources).read_bytes()
    for path in sources.rglob("*.py"):
        os.utime(path, (1, 1))
        path.chmod(0o755)
    cache = sources / "fraud" / "__pycache__"
    cache.mkdir()
    (cache / "x.pyc").write_bytes(b"x")
    (sources / "fraud" / ".hidden").write_text("x")
    assert pack_code(tmp_path / "b.tar.gz", root=sources).read_bytes() == first
    (sources / "fraud" / "inner" / "code.py").write_text("# changed\n")
    assert pack_code(tmp_path / "b.tar.gz", root=sources).read_bytes() != first


def test_archive_has_the_packages_at_its_root(sources: Path, tmp_path: Path) -> None:
    with tarfile.open(pack_code(tmp_path / "a.tar.gz", root=sources)) as archive:
        members = archive.getmembers()
    names = [member.name for member in members]
    assert names == sorted(names) and {name.split("/")[0] for name in names} == {*PACKAGES, *ROOT_FILES}
    assert {(member.uid, member.gid, member.mtime) for member in members} == {(0, 0, 0)}


def test_the_unpacked_archive_is_what_the_container_expects(tmp_path: Path) -> None:
    """AWS's container runs `pip install .` in it, without network, and then `python -m train`."""
    with tarfile.open(pack_code(tmp_path / "a.tar.gz", root=REPOSITORY)) as archive:
        archives.unpack(archive, tmp_path / "code")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "SM_"))}
    pip = [sys.executable, "-m", "pip", "install", "--no-index", "--no-deps", "--target", tmp_path / "site", "."]
    subprocess.run(pip, cwd=tmp_path / "code", env=clean, check=True, capture_output=True)
    assert (tmp_path / "site" / "train.py").is_file()
    environment = {**clean, "SAGEMAKER_BASE_DIR": str(tmp_path / "ml"), "SM_CHANNEL_WHEELS": str(tmp_path)}
    program = [sys.executable, "-m", "train"]
    done = subprocess.run(program, cwd=tmp_path / "code", env=environment, capture_output=True, text=True)
    assert done.returncode == 1 and "wheelhouse" in done.stderr, done.stderr


def test_packing_leaves_nothing_half_written(sources: Path, tmp_path: Path) -> None:
    target = pack_code(tmp_path / "out" / "a.tar.gz", root=sources)
    pack_code(target, root=sources)
    assert list(target.parent.iterdir()) == [target]


def test_server_image_is_built_from_its_packages_and_nothing_older(sources: Path, tmp_path: Path) -> None:
    folder = pack_server_image(tmp_path / "image", root=sources)
    assert {path.name for path in folder.iterdir()} == {*SERVER_PACKAGES, "Dockerfile"}
    (sources / "fraud" / "inner" / "code.py").unlink()
    (folder / "old").mkdir()
    (folder / "old" / "secret").write_text("x")
    (sources / "fraud" / "new.py").write_text("# new\n")
    pack_server_image(folder, root=sources)
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert "fraud/new.py" in found and not {"fraud/inner/code.py", "old/secret"} & found
    (sources / SERVER_DOCKERFILE).unlink()
    with pytest.raises(AssetError, match="Dockerfile is missing"):
        pack_server_image(folder, root=sources)


def test_missing_package_and_wheelhouse_say_what_to_do(sources: Path, tmp_path: Path) -> None:
    with pytest.raises(AssetError, match="make setup"):
        wheelhouse(tmp_path / "wheelhouse.tar")
    (sources / "fraud" / "__init__.py").unlink()
    with pytest.raises(AssetError, match="fraud/ is missing"):
        pack_code(tmp_path / "a.tar.gz", root=sources)


def test_images() -> None:
    uri = image_uri("xgboost", "us-east-1")
    assert uri == "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"
    assert repository_arn(uri, "aws") == "arn:aws:ecr:us-east-1:683313688378:repository/sagemaker-xgboost"
    assert repository_arn("123456789012.dkr.ecr.eu-west-1.amazonaws.com/a/b@sha256:0", "aws") == (
        "arn:aws:ecr:eu-west-1:123456789012:repository/a/b"
    )
    assert {"us-east-1", "eu-central-1", "ap-northeast-1"} <= set(regions("model-monitor-analyzer"))
