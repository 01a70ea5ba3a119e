"""S3 as jobs use it: prefixes, manifests, uploads, in the caller's account against this local cloud."""

import gzip
import json
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

from local_cloud import config, hooks
from local_cloud.authorization import principal
from local_cloud.sagemaker import lifecycle
from local_cloud.sagemaker.errors import ValidationError

_clients: dict[tuple[str, str], Any] = {}
_lock = threading.Lock()
# Within one machine parts and threads cost more than they save.
_TRANSFER = TransferConfig(multipart_threshold=256 << 20, multipart_chunksize=64 << 20, use_threads=False)


class TransferError(Exception):
    """Data that a job needs cannot be read, or its results cannot be written; the text suits a FailureReason."""


def client() -> Any:
    """An S3 client that signs as the acting role, or as the caller's account, in the caller's region."""
    credentials = principal.credentials()
    key = credentials["aws_access_key_id"], hooks.region()
    with _lock:
        if key not in _clients:
            _clients[key] = boto3.session.Session().client(
                "s3",
                endpoint_url=config.current().endpoint_url,
                region_name=key[1],
                **credentials,
                config=Config(
                    s3={"addressing_style": "path"},
                    max_pool_connections=32,
                    request_checksum_calculation="when_required",
                    response_checksum_validation="when_required",
                ),
            )
        return _clients[key]


@lifecycle.on_ready
def _warm_up() -> None:
    # The first client takes half a second to build, which would be the first job's.
    client()


def split(uri: str) -> tuple[str, str]:
    """Bucket and key of ``s3://bucket/key`` or of an https URL of S3, path or virtual-host style.

    Raises:
        ValidationError: for anything else.
    """
    if uri.startswith("s3://"):
        bucket, _, key = uri[5:].partition("/")
    else:
        parts = urlsplit(uri)
        host, path = parts.hostname or "", unquote(parts.path.lstrip("/"))
        first = host.split(".")[0]
        if parts.scheme not in ("http", "https") or not host:
            raise ValidationError(f"{uri} is not an S3 location; write s3://bucket/key.")
        if first == "s3" or first.startswith("s3-") or host in ("127.0.0.1", "localhost"):
            bucket, _, key = path.partition("/")
        elif ".s3." in host or ".s3-" in host:
            bucket, key = host.split(".s3")[0], path
        else:
            raise ValidationError(f"{uri} is not an S3 location; write s3://bucket/key.")
    if not bucket:
        raise ValidationError(f"{uri} names no bucket; write s3://bucket/key.")
    return bucket, key


def join(uri: str, *parts: str) -> str:
    """``s3://bucket/key`` with parts appended, without double slashes, https forms normalised to s3://."""
    bucket, key = split(uri)
    pieces = [piece.strip("/") for piece in (key, *parts)]
    return f"s3://{bucket}/" + "/".join(piece for piece in pieces if piece)


def list_keys(uri: str) -> list[str]:
    """URIs of all objects whose key begins with the URI's key, in S3's order; folder markers are left out."""
    bucket, prefix = split(uri)
    try:
        pages = client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
    except ClientError as error:
        raise TransferError(_explain(error, uri)) from error
    return [f"s3://{bucket}/{key}" for key in keys if not key.endswith("/")]


def read_bytes(uri: str) -> bytes:
    bucket, key = split(uri)
    try:
        return client().get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        raise TransferError(_explain(error, uri)) from error


def put_bytes(uri: str, data: bytes, kms_key: str | None = None) -> None:
    bucket, key = split(uri)
    try:
        client().put_object(Bucket=bucket, Key=key, Body=data, **_encryption(kms_key))
    except ClientError as error:
        raise TransferError(_explain(error, uri)) from error


def download(
    uri: str,
    folder: Path,
    *,
    data_type: str = "S3Prefix",
    shard: tuple[int, int] = (0, 1),
    gunzip: bool = False,
) -> list[Path]:
    """Download what a job's S3DataSource means.

    Args:
        uri: a key prefix (which may be one whole object), or a manifest's location.
        folder: destination; names below it are the keys relative to the prefix's last "/".
        data_type: S3Prefix or ManifestFile.
        shard: (index, count): with ShardedByS3Key a host takes each count-th object.
        gunzip: decompress objects (CompressionType Gzip) and drop the suffix .gz.

    Returns:
        The files written, in the order of their keys.

    Raises:
        TransferError: nothing is there, or it cannot be read.
        ValidationError: the location is not S3's.
    """
    sources = list(_manifest(uri) if data_type == "ManifestFile" else _prefix(uri))
    sources = sources[shard[0] :: shard[1]]
    if not sources and shard[1] == 1:
        raise TransferError(f"No S3 objects found under S3 URL {uri} given in input data source.")
    folder.mkdir(parents=True, exist_ok=True)
    targets = [(source, _inside(folder, name)) for source, name in sources]
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(hooks.bound(lambda pair: _fetch(*pair, gunzip)), targets))


def upload(source: Path, uri: str, kms_key: str | None = None) -> list[str]:
    """Upload a file to the URI, or a folder's files below it; returns the URIs written, in sorted order."""
    if source.is_file():
        pairs = [(source, uri)]
    else:
        files = sorted(path for path in source.rglob("*") if path.is_file())
        pairs = [(path, join(uri, path.relative_to(source).as_posix())) for path in files]
    for path, target in pairs:
        bucket, key = split(target)
        try:
            client().upload_file(str(path), bucket, key, ExtraArgs=_encryption(kms_key), Config=_TRANSFER)
        except Exception as error:
            raise TransferError(f"{path.name} could not be uploaded to {target}: {error}") from error
    return [target for _, target in pairs]


def _prefix(uri: str) -> Iterator[tuple[str, str]]:
    _, prefix = split(uri)
    folder = prefix if prefix.endswith("/") else prefix.rpartition("/")[0] + "/" if "/" in prefix else ""
    keys = [(source, split(source)[1]) for source in list_keys(uri)]
    # "data" means data/… where that is a folder; AWS then drops the folder's own name from the file names.
    if prefix and not prefix.endswith("/") and all(key.startswith(prefix + "/") for _, key in keys):
        folder = prefix + "/"
    for source, key in keys:
        yield source, key.removeprefix(folder)


def _manifest(uri: str) -> Iterator[tuple[str, str]]:
    try:
        head, *names = json.loads(read_bytes(uri))
        prefix = head["prefix"]
    except (ValueError, KeyError, TypeError) as error:
        raise TransferError(
            f'The manifest {uri} is not a list [{{"prefix": "s3://bucket/prefix/"}}, "relative/key", …].'
        ) from error
    for name in names:
        yield f"{prefix}{name}", name


def _inside(folder: Path, name: str) -> Path:
    target = folder / name.lstrip("/")
    if ".." in target.parts:
        raise TransferError(f'The object key "{name}" points outside of its channel.')
    return target


def _fetch(source: str, target: Path, gunzip: bool) -> Path:
    bucket, key = split(source)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        client().download_file(bucket, key, str(target), Config=_TRANSFER)
    except ClientError as error:
        raise TransferError(_explain(error, source)) from error
    except OSError as error:
        raise TransferError(f"{source} cannot be stored as a file: {error.strerror or error}") from error
    if not gunzip:
        return target
    plain = target.with_suffix("") if target.suffix == ".gz" else target.with_name(target.name + ".plain")
    try:
        with gzip.open(target) as packed, plain.open("wb") as out:
            shutil.copyfileobj(packed, out)
    except (OSError, EOFError) as error:
        raise TransferError(f"{source} is not gzip data although CompressionType Gzip was asked for.") from error
    target.unlink()
    return plain if target.suffix == ".gz" else plain.rename(target)


def _encryption(kms_key: str | None) -> dict[str, str]:
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key} if kms_key else {}


def _explain(error: ClientError, uri: str) -> str:
    code = error.response["Error"].get("Code", "")
    if code == "NoSuchBucket":
        return f"The bucket of {uri} does not exist."
    if code in ("404", "NoSuchKey"):
        return f"There is no object {uri}."
    return f"S3 refused {uri}: {code} {error.response['Error'].get('Message', '')}".strip()
