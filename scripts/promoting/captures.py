"""Brings what the endpoint captured of both variants, and the ground truth, onto this machine."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rich.console import Console
from rich.progress import Progress

from scripts.promoting.duel import CHALLENGER_VARIANT, CHAMPION_VARIANT, Duel
from scripts.retraining.clients import Clients
from scripts.retraining.errors import InputError

_WORKERS = 16
_GROUND_TRUTH = "ground-truth"


def download(
    clients: Clients, duel: Duel, folder: Path, start: datetime, end: datetime, console: Console
) -> dict[str, Path]:
    """Download the hours from `start` to `end`; return the folders of champion, challenger and labels.

    The files keep their places below the hour YYYY/MM/DD/HH. Labels of later hours are brought too: they are late.
    """
    configuration = clients.sagemaker.describe_endpoint_config(EndpointConfigName=duel.outputs["EndpointConfigName"])
    capture = configuration.get("DataCaptureConfig")
    if not capture or not capture.get("EnableCapture"):
        raise InputError(f"Endpoint {duel.endpoint} captures nothing: set serving.capture_percent and deploy.")
    place = urlsplit(capture["DestinationS3Uri"])
    root = f"{place.path.strip('/')}/{duel.endpoint}"
    prefixes = {
        "champion": f"{root}/{CHAMPION_VARIANT}",
        "challenger": f"{root}/{CHALLENGER_VARIANT}",
        "labels": _GROUND_TRUTH,
    }
    files = [
        (key, folder / who / key.removeprefix(prefix).lstrip("/"))
        for who, prefix in prefixes.items()
        for key in _keys(clients.s3, place.netloc, prefix, start, None if who == "labels" else end)
    ]
    with (
        ThreadPoolExecutor(_WORKERS) as pool,
        Progress(console=console, transient=True, disable=not console.is_terminal) as bar,
    ):
        task = bar.add_task("Reading captures and labels", total=len(files))

        def one(item: tuple[str, Path]) -> None:
            key, target = item
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(clients.s3.get_object(Bucket=place.netloc, Key=key)["Body"].read())
            bar.advance(task)

        list(pool.map(one, files))
    return {who: folder / who for who in prefixes}


def pair_since(clients: Clients, duel: Duel) -> datetime:
    """When the live configuration was made: since then these two models have answered side by side."""
    configuration = clients.sagemaker.describe_endpoint_config(EndpointConfigName=duel.outputs["EndpointConfigName"])
    return configuration["CreationTime"].astimezone(timezone.utc)


def _keys(s3: Any, bucket: str, prefix: str, start: datetime, end: datetime | None) -> Iterator[str]:
    """Keys of the hours of the window, in order of time."""
    first = f"{prefix}/{start:%Y/%m/%d/%H}"
    last = f"{prefix}/{end + timedelta(hours=1):%Y/%m/%d/%H}" if end else None
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}/", StartAfter=first):
        for item in page.get("Contents", []):
            if last and item["Key"] >= last:
                return
            yield item["Key"]
