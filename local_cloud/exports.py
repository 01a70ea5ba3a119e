"""Exports of DynamoDB tables to S3, laid out as AWS does: manifests with their checksums, and gzipped items.

The items are those of the moment of the request; AWS takes those of any second of the last 35 days, for which this
cloud keeps no history.
"""

import base64
import gzip
import hashlib
import json
import logging
import secrets
import threading
import time
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local_cloud import hooks
from local_cloud.clients import client
from local_cloud.hooks import dynamodb
from local_cloud.sagemaker import lifecycle

Description = dict[str, Any]
log = logging.getLogger("local_cloud.exports")

# AWS writes a file for each partition of the table; here a partition is as many items.
_ITEMS_A_FILE = 50_000


def install() -> None:
    """Execute ExportTableToPointInTime."""
    dynamodb.install(_begin)


@lifecycle.on_restore
def _put_right() -> None:
    dynamodb.fail_interrupted("The local cloud was restarted while the export ran. Start it again.")


def _begin(description: Description, items: list[dict[str, Any]]) -> None:
    # The files are written through S3's API, which the thread of this request answers.
    target = hooks.bound(_run)
    threading.Thread(target=target, args=(description, items), name="export", daemon=True).start()


def _run(description: Description, items: list[dict[str, Any]]) -> None:
    try:
        _write(description, items)
    except (BotoCoreError, ClientError) as error:
        code = getattr(error, "response", {}).get("Error", {}).get("Code", type(error).__name__)
        description.update(
            ExportStatus="FAILED", EndTime=time.time(), FailureCode=f"S3{code}", FailureMessage=str(error)
        )
    except Exception as error:
        log.exception("The export %s failed", description["ExportArn"])
        description.update(
            ExportStatus="FAILED", EndTime=time.time(), FailureCode="InternalServerError", FailureMessage=str(error)
        )


def _write(description: Description, items: list[dict[str, Any]]) -> None:
    prefix = description.get("S3Prefix", "").strip("/")
    folder = "/".join(part for part in (prefix, "AWSDynamoDB", description["ExportArn"].rsplit("/", 1)[-1]) if part)
    bucket = _Bucket(description)
    bucket.put(f"{folder}/_started", b"")
    files, size = [], 0
    for first in range(0, max(len(items), 1), _ITEMS_A_FILE):
        some = items[first : first + _ITEMS_A_FILE]
        text = "".join(json.dumps({"Item": item}, ensure_ascii=False) + "\n" for item in some).encode()
        size += len(text)
        data = gzip.compress(text)
        key = f"{folder}/data/{secrets.token_hex(13)}.json.gz"
        etag = bucket.put(key, data)
        files.append({"itemCount": len(some), "md5Checksum": _md5(data), "etag": etag, "dataFileS3Key": key})
    listing = "".join(json.dumps(entry) + "\n" for entry in files).encode()
    bucket.put_checked(f"{folder}/manifest-files", listing)
    ended = time.time()
    summary = {
        "version": "2020-06-30",
        "exportArn": description["ExportArn"],
        "startTime": _iso(description["StartTime"]),
        "endTime": _iso(ended),
        "tableArn": description["TableArn"],
        "tableId": description["TableId"],
        "exportTime": _iso(description["ExportTime"]),
        "s3Bucket": description["S3Bucket"],
        "s3Prefix": description.get("S3Prefix"),
        "s3SseAlgorithm": description.get("S3SseAlgorithm", "AES256"),
        "s3SseKmsKeyId": description.get("S3SseKmsKeyId"),
        "manifestFilesS3Key": f"{folder}/manifest-files.json",
        "billedSizeBytes": size,
        "itemCount": len(items),
        "outputFormat": "DYNAMODB_JSON",
        "outputView": None,
        "exportType": "FULL_EXPORT",
    }
    bucket.put_checked(f"{folder}/manifest-summary", json.dumps(summary).encode())
    description.update(
        ItemCount=len(items),
        BilledSizeBytes=size,
        ExportManifest=f"{folder}/manifest-summary.json",
        EndTime=ended,
        # Last: whoever sees it may read everything.
        ExportStatus="COMPLETED",
    )


class _Bucket:
    """The export's bucket, written with the encryption that was asked for."""

    def __init__(self, description: Description) -> None:
        self._name = description["S3Bucket"]
        self._options: dict[str, str] = {}
        if description.get("S3SseAlgorithm") == "KMS":
            self._options["ServerSideEncryption"] = "aws:kms"
            if description.get("S3SseKmsKeyId"):
                self._options["SSEKMSKeyId"] = description["S3SseKmsKeyId"]

    def put(self, key: str, body: bytes) -> str:
        answer = client("s3").put_object(Bucket=self._name, Key=key, Body=body, **self._options)
        return answer["ETag"].strip('"')

    def put_checked(self, stem: str, body: bytes) -> None:
        self.put(f"{stem}.checksum", _md5(body).encode())
        self.put(f"{stem}.json", body)


def _md5(data: bytes) -> str:
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
