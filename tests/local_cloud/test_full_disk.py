"""A disk that is full: writes are refused clearly and leave what was there; with room again, all goes on by itself.

The limit on the size of a process's files plays the disk: it can be set and lifted while the server runs.
"""

import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import botocore.exceptions
import psutil
import pytest

from tests.local_cloud.conftest import ACCOUNT, REPOSITORY, Cloud, unique, wait_until
from tests.local_cloud.test_server import pid_of

pytestmark = pytest.mark.skipif(not hasattr(psutil.Process, "rlimit"), reason="limits of a running process are Linux's")
OLD, LARGE = b"the object before", bytes(6 << 20)


@contextmanager
def full_disk(cloud: Cloud, left: int) -> Iterator[None]:
    """Within the block the server writes no file of more than `left` bytes."""
    server = psutil.Process(pid_of(cloud))
    before = server.rlimit(resource.RLIMIT_FSIZE)
    server.rlimit(resource.RLIMIT_FSIZE, (left, before[1]))
    try:
        yield
    finally:
        server.rlimit(resource.RLIMIT_FSIZE, before)


def multipart(s3: Any, bucket: str) -> Any:
    upload = s3.create_multipart_upload(Bucket=bucket, Key="kept")["UploadId"]
    where = {"Bucket": bucket, "Key": "kept", "UploadId": upload}
    parts = [
        {"PartNumber": number, "ETag": s3.upload_part(**where, PartNumber=number, Body=LARGE)["ETag"]}
        for number in (1, 2)
    ]
    return s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})


WRITES: dict[str, Callable[[Any, str], Any]] = {
    "put": lambda s3, bucket: s3.put_object(Bucket=bucket, Key="kept", Body=LARGE),
    "copy": lambda s3, bucket: s3.copy_object(Bucket=bucket, Key="kept", CopySource=f"{bucket}/large"),
    "multipart": multipart,
}


def test_writes_without_room_are_refused_and_change_nothing(cloud: Cloud) -> None:
    """Promised: S3 answers 500 with the reason, and what was there stays, on disk too; then all works again."""
    s3, bucket = cloud.client("s3"), unique("full-disk")
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=bucket, Key="kept", Body=OLD)
    s3.put_object(Bucket=bucket, Key="large", Body=LARGE)
    with full_disk(cloud, 1 << 20):
        for name, write in WRITES.items():
            with pytest.raises(botocore.exceptions.ClientError, match="Make room there") as caught:
                write(s3, bucket)
            assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500, name
            assert s3.get_object(Bucket=bucket, Key="kept")["Body"].read() == OLD, name
        assert s3.put_object(Bucket=bucket, Key="small", Body=b"there is room for this one")
    # What a restart reads.
    assert (cloud.state_dir / "s3" / ACCOUNT / bucket / "kept").read_bytes() == OLD
    assert len(s3.list_object_versions(Bucket=bucket, Prefix="kept")["Versions"]) == 1
    for write in WRITES.values():
        write(s3, bucket)
    assert s3.get_object(Bucket=bucket, Key="kept")["Body"].read() == LARGE + LARGE


def test_state_that_could_not_be_saved_is_saved_once_there_is_room(own_cloud: Cloud) -> None:
    """Promised: the log says so, the state of before stays whole, and no further change is needed to save it later.

    On a cloud of its own: the log of a long day is beyond the limit itself.
    """
    own_cloud.run("up")
    parameters, log = own_cloud.client("ssm"), own_cloud.state_dir / "server.log"
    saved = own_cloud.state_dir / "services" / "ssm.json"
    parameters.put_parameter(Name="first", Value="1", Type="String")
    wait_until(lambda: saved.exists() and "first" in saved.read_text())
    with full_disk(own_cloud, 16 << 10):
        for number in range(5):
            parameters.put_parameter(Name=f"second-{number}", Value="2" * 4096, Type="String")
        wait_until(lambda: "The state cannot be saved" in log.read_text())
        assert "second-4" not in saved.read_text() and not list(saved.parent.glob("*.new"))
    wait_until(lambda: "second-4" in saved.read_text())


def test_a_server_that_cannot_write_its_state_does_not_start(tmp_path: Path) -> None:
    """Promised: `up` says which folder and why, instead of a server that ended at once."""
    limited = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)); "
    command = "from local_cloud import cli; sys.exit(cli.main(['up', '--state-dir', sys.argv[1]]))"
    done = subprocess.run(
        [sys.executable, "-c", limited + command, str(tmp_path / "state")],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and f"The state folder {tmp_path / 'state'} cannot be written" in done.stderr
    assert "--state-dir" in done.stderr
