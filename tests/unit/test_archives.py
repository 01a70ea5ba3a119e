"""Archives are unpacked below their folder or not at all, on every Python."""

import io
import tarfile

import pytest

from local_cloud.sagemaker.jobs import archive as local_cloud_archive
from training_code import archives


@pytest.fixture(params=["with data_filter", "without"])
def python(request, monkeypatch):
    if request.param == "without":
        monkeypatch.delattr(tarfile, "data_filter", raising=False)


def _tar(name: str, kind: bytes = tarfile.REGTYPE) -> tarfile.TarFile:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, "/etc/passwd" if kind == tarfile.SYMTYPE else ""
        tar.addfile(member)
    buffer.seek(0)
    return tarfile.open(fileobj=buffer)


@pytest.mark.parametrize("unpack", [archives.unpack, local_cloud_archive.unpack])
def test_files_land_below_the_folder(python, unpack, tmp_path):
    unpack(_tar("code/inference.py"), tmp_path / "model")
    assert (tmp_path / "model" / "code" / "inference.py").is_file()


@pytest.mark.parametrize("unpack", [archives.unpack, local_cloud_archive.unpack])
@pytest.mark.parametrize(("name", "kind"), [("../evil", tarfile.REGTYPE), ("link", tarfile.SYMTYPE)])
def test_members_that_would_leave_it_are_refused(python, unpack, name, kind, tmp_path):
    with pytest.raises(tarfile.TarError):
        unpack(_tar(name, kind), tmp_path / "model")
    assert not (tmp_path / "evil").exists()
