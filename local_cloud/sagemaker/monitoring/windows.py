"""The objects that belong to a window: captured requests, ground truth, merged records; and manifests of them."""

import contextlib
import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

from local_cloud.authorization.principal import acting_as_server
from local_cloud.sagemaker import s3
from local_cloud.sagemaker.endpoints import configs
from local_cloud.sagemaker.errors import ValidationError
from local_cloud.sagemaker.store import STORE

_FILE = re.compile(r"/(\d{4})/(\d\d)/(\d\d)/(\d\d)/(\d\d)-(\d\d)-(\d{3})-[^/]*\.jsonl$")


def captured(destination: str, endpoint: str, start: datetime, end: datetime) -> list[str]:
    """URIs of the endpoint's capture files whose first line is of [start, end), hour by hour."""
    return [uri for uri in of_variants(destination, endpoint, start, end) if _within(uri, start, end)]


def of_variants(destination: str, endpoint: str, start: datetime, end: datetime) -> list[str]:
    """URIs of all files below ``<destination>/<endpoint>/<variant>/<hour>/`` of the window's hours."""
    bucket, prefix = s3.split(s3.join(destination, endpoint))
    pages = s3.client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}/", Delimiter="/")
    variants = [item["Prefix"] for page in pages for item in page.get("CommonPrefixes", [])]
    return [
        uri
        for hour in hours(start, end)
        for variant in variants
        for uri in s3.list_keys(f"s3://{bucket}/{variant}{hour:%Y/%m/%d/%H}/")
    ]


def ground_truth(root: str, start: datetime, end: datetime) -> list[str]:
    """URIs of ground truth below ``<root>/<hour>/`` of the window's hours."""
    return [uri for hour in hours(start, end) for uri in s3.list_keys(s3.join(root, f"{hour:%Y/%m/%d/%H}") + "/")]


def hours(start: datetime, end: datetime) -> Iterator[datetime]:
    """The full hours that have a part in [start, end)."""
    hour = start.replace(minute=0, second=0, microsecond=0)
    while hour < end:
        yield hour
        hour += timedelta(hours=1)


def _within(uri: str, start: datetime, end: datetime) -> bool:
    match = _FILE.search(uri)
    if match is None:
        return False
    *whole, millisecond = (int(group) for group in match.groups())
    return start <= datetime(*whole, millisecond * 1000, tzinfo=timezone.utc) < end


def destination(endpoint: str) -> str:
    """Where the endpoint's captures go.

    Raises:
        ValidationError: it captures nothing.
    """
    record = STORE.require("Endpoint", endpoint)
    summary: dict[str, Any] | None = record.get("DataCaptureConfig")
    if summary is None:
        summary = configs.require(record["EndpointConfigName"]).get("DataCaptureConfig")
    if summary is None:
        raise ValidationError(f"Endpoint {endpoint} captures no data; give its configuration a DataCaptureConfig.")
    return summary["DestinationS3Uri"]


@contextlib.contextmanager
def manifest(root: str, name: str, files: list[str]) -> Iterator[str]:
    """A manifest of files below ``root``, which exists as long as the job that reads it."""
    prefix = s3.join(root) + "/"
    uri = s3.join(root, "manifests", f"{name}.json")
    body = json.dumps([{"prefix": prefix}, *(file.removeprefix(prefix) for file in files)])
    # The platform keeps it, not the role of the job.
    with acting_as_server():
        s3.put_bytes(uri, body.encode())
    try:
        yield uri
    finally:
        bucket, key = s3.split(uri)
        with acting_as_server():
            s3.client().delete_object(Bucket=bucket, Key=key)
