import hashlib

import polars as pl
import pytest
from botocore.awsrequest import AWSResponse
from moto import mock_aws
from retrain_cloud import Cloud

from scripts.retraining.clients import Clients
from scripts.retraining.dataset import data_files, identify, upload
from scripts.retraining.errors import AWS_ERRORS, InputError, OperatorError, explain

BUCKET = "transactions"
YAML = "name: cards\n"


@pytest.fixture
def cloud():
    with mock_aws():
        cloud = Cloud()
        cloud.s3.create_bucket(Bucket=BUCKET)
        yield cloud


@pytest.fixture
def folder(tmp_path):
    for day in (1, 2, 3):
        part = tmp_path / "data" / f"day={day}"
        part.mkdir(parents=True)
        pl.DataFrame({"a": [day, 2]}).write_parquet(part / "part.parquet")
    return tmp_path / "data"


class Interrupted(Exception):
    """Stands for a killed process: nothing in the code under test catches it."""


def break_off_after(cloud, monkeypatch, files):
    """Let so many files through, then fail; return the keys in the order they were written."""
    written, send, put = [], cloud.s3.upload_file, cloud.s3.put_object

    def upload_file(path, bucket, key, **more):
        if len(written) >= files:
            raise Interrupted
        send(path, bucket, key, **more)
        written.append(key)

    def put_object(**request):
        written.append(request["Key"])
        return put(**request)

    monkeypatch.setattr(cloud.s3, "upload_file", upload_file)
    monkeypatch.setattr(cloud.s3, "put_object", put_object)
    return written


def test_the_id_follows_content_names_and_event_type_and_nothing_else(folder, tmp_path):
    one = identify(folder, YAML)
    moved = folder.rename(tmp_path / "elsewhere")
    assert identify(moved, YAML).id == one.id
    assert identify(moved, YAML + "label: x\n").id != one.id
    (moved / "day=3" / "part.parquet").rename(moved / "day=3" / "other.parquet")
    assert identify(moved, YAML).id != one.id


def test_a_single_file_is_described_by_its_own_name_size_and_digest(folder):
    path = folder / "day=1" / "part.parquet"
    (file,) = identify(path, YAML).files
    body = path.read_bytes()
    assert (file.name, file.size, file.sha256) == ("part.parquet", len(body), hashlib.sha256(body).hexdigest())


def test_data_are_uploaded_before_the_event_type(cloud, folder, monkeypatch):
    dataset = identify(folder, YAML)
    written = break_off_after(cloud, monkeypatch, files=99)
    assert upload(cloud, BUCKET, dataset) == 3
    expected = [f"datasets/{dataset.id}/day={day}/part.parquet" for day in (1, 2, 3)]
    # The client's own transfer of a small file is a put as well.
    assert list(dict.fromkeys(written)) == [*expected, f"datasets/{dataset.id}.event-type.yaml"]
    assert cloud.s3.get_object(Bucket=BUCKET, Key=dataset.event_type_key)["Body"].read().decode() == YAML
    body = cloud.s3.get_object(Bucket=BUCKET, Key=expected[1])["Body"].read()
    assert body == (folder / "day=2" / "part.parquet").read_bytes()


def test_a_second_upload_sends_nothing_and_still_reports_all_bytes(cloud, folder, monkeypatch):
    dataset = identify(folder, YAML)
    upload(cloud, BUCKET, dataset)
    written, advanced = break_off_after(cloud, monkeypatch, files=0), []
    assert upload(cloud, BUCKET, dataset, advanced.append) == 0
    assert written == []
    assert sum(advanced) == dataset.size


def test_an_interrupted_upload_is_not_complete_and_the_next_one_sends_the_rest(cloud, folder, monkeypatch):
    dataset = identify(folder, YAML)
    with monkeypatch.context() as patch:
        break_off_after(cloud, patch, files=1)
        with pytest.raises(Interrupted):
            upload(cloud, BUCKET, dataset)
    assert cloud.objects() == [f"datasets/{dataset.id}/day=1/part.parquet"]
    assert upload(cloud, BUCKET, dataset) == 2
    assert len(cloud.objects()) == 4 and dataset.event_type_key in cloud.objects()


def test_an_object_of_the_same_size_but_other_content_is_replaced(cloud, folder):
    dataset = identify(folder, YAML)
    key = f"{dataset.prefix}day=1/part.parquet"
    cloud.s3.put_object(Bucket=BUCKET, Key=key, Body=b"x" * dataset.files[0].size)
    assert upload(cloud, BUCKET, dataset) == 3
    assert cloud.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == dataset.files[0].path.read_bytes()


def test_large_files_travel_in_parts(cloud, tmp_path):
    path = tmp_path / "large.csv"
    path.write_bytes(b"a\n" * (20 << 19))
    dataset, advanced = identify(path, YAML), []
    upload(cloud, BUCKET, dataset, advanced.append)
    head = cloud.s3.head_object(Bucket=BUCKET, Key=f"{dataset.prefix}large.csv")
    assert head["ContentLength"] == 20 << 20 and head["ETag"].strip('"').endswith("-2")
    assert sum(advanced) == 20 << 20


class _Body:
    def stream(self, **_):
        yield b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"


def test_s3_slows_down_in_the_middle_of_an_upload(cloud, tmp_path, monkeypatch):
    """Promised: parts that are refused are sent again; at last it is explained, and S3 shows nothing of the file."""
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    monkeypatch.setattr("botocore.retries.bucket.TokenBucket.acquire", lambda *_, **__: True)
    clients, path, refused = Clients(region="us-east-1"), tmp_path / "large.csv", []
    path.write_bytes(bytes(17 << 20))
    dataset = identify(path, YAML)

    def before_send(request, **_):
        if len(refused) < allowed:
            refused.append(request.url)
            return AWSResponse(request.url, 503, {"Content-Type": "application/xml"}, _Body())
        return None

    clients.s3.meta.events.register_first("before-send.s3.UploadPart", before_send)
    allowed = 10_000
    with pytest.raises(AWS_ERRORS) as caught:
        upload(clients, BUCKET, dataset)
    assert explain(caught.value).startswith("UploadPart is still throttled after retries (SlowDown): wait a minute")
    assert "Contents" not in cloud.s3.list_objects_v2(Bucket=BUCKET)
    assert "Uploads" not in cloud.s3.list_multipart_uploads(Bucket=BUCKET)
    allowed = len(refused) + 5
    assert upload(clients, BUCKET, dataset) == 1
    assert cloud.s3.head_object(Bucket=BUCKET, Key=dataset.prefix + "large.csv")["ContentLength"] == 17 << 20


def test_a_file_that_grows_meanwhile_is_refused_and_the_data_set_stays_incomplete(cloud, folder):
    dataset = identify(folder, YAML)
    with dataset.files[2].path.open("ab") as stream:
        stream.write(b"more")
    with pytest.raises(OperatorError, match="changed while"):
        upload(cloud, BUCKET, dataset)
    assert dataset.event_type_key not in cloud.objects()


def test_what_is_no_data_is_refused(tmp_path):
    with pytest.raises(InputError, match="--data"):
        data_files(tmp_path)
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(InputError, match=r"notes\.txt"):
        data_files(tmp_path / "notes.txt")
