"""A data set under the name of its content: hashing, uploading, and resuming an upload."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from fraud.data.errors import DataError
from fraud.data.reading import find_files
from scripts.retraining.clients import Clients
from scripts.retraining.errors import InputError, OperatorError, error_code

_BLOCK = 1 << 20
_TRANSFER = TransferConfig(multipart_threshold=16 << 20, multipart_chunksize=16 << 20, max_concurrency=4)
# ETags of objects encrypted with KMS are not digests of the content, so the digest travels as metadata.
_DIGEST = "sha256"


@dataclass(frozen=True)
class DataFile:
    """A local file, its name inside the data set, its size in bytes and the SHA-256 of its content."""

    path: Path
    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Dataset:
    """Files and event type under the id of their content: same content, same id."""

    id: str
    files: tuple[DataFile, ...]
    event_type: str

    @property
    def prefix(self) -> str:
        """Key prefix of the data in the transactions bucket."""
        return f"datasets/{self.id}/"

    @property
    def event_type_key(self) -> str:
        """Key of the event type; written last, so a data set is complete only when it exists."""
        return f"datasets/{self.id}.event-type.yaml"

    @property
    def size(self) -> int:
        """Bytes of all data files."""
        return sum(file.size for file in self.files)


def data_files(path: Path) -> list[Path]:
    """The data files of a folder (recursively, in order of name) or the one given; raise InputError without any."""
    try:
        return find_files([path])
    except DataError as error:
        raise InputError(f"--data {error}") from error


def identify(path: Path, event_type: str) -> Dataset:
    """Read every file once and name the data set by its content and the event type's YAML text."""
    root = path if path.is_dir() else path.parent
    files = tuple(_describe(file, file.relative_to(root).as_posix()) for file in data_files(path))
    digest = hashlib.sha256(event_type.encode())
    for file in files:
        digest.update(f"\0{file.name}\0{file.sha256}".encode())
    return Dataset(digest.hexdigest()[:16], files, event_type)


def _describe(path: Path, name: str) -> DataFile:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
            size += len(block)
    return DataFile(path, name, size, digest.hexdigest())


def upload(
    clients: Clients,
    bucket: str,
    dataset: Dataset,
    advance: Callable[[int], None] = lambda _: None,
) -> int:
    """Upload what is not there yet, data first and the event type last; return the number of files sent.

    advance: called with bytes as they are sent or found to be there already. An upload that breaks off leaves no
    object behind that is not whole (S3 shows a multipart object only when it is completed), so running again resumes.
    """
    sent = 0
    for file in dataset.files:
        key = dataset.prefix + file.name
        if _is_there(clients, bucket, key, file):
            advance(file.size)
            continue
        clients.s3.upload_file(
            str(file.path),
            bucket,
            key,
            ExtraArgs={"Metadata": {_DIGEST: file.sha256}},
            Config=_TRANSFER,
            Callback=advance,
        )
        if not _is_there(clients, bucket, key, file):
            raise OperatorError(f"{file.path} changed while it was uploaded: run the command again when it is at rest.")
        sent += 1
    body = dataset.event_type.encode()
    marker = DataFile(Path(dataset.event_type_key), "", len(body), hashlib.sha256(body).hexdigest())
    if not _is_there(clients, bucket, dataset.event_type_key, marker):
        clients.s3.put_object(
            Bucket=bucket,
            Key=dataset.event_type_key,
            Body=body,
            ContentType="application/yaml",
            Metadata={_DIGEST: marker.sha256},
        )
    return sent


def _is_there(clients: Clients, bucket: str, key: str, file: DataFile) -> bool:
    try:
        head = clients.s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error_code(error) in ("404", "NoSuchKey", "NotFound"):
            return False
        raise
    return head["ContentLength"] == file.size and head["Metadata"].get(_DIGEST) == file.sha256
