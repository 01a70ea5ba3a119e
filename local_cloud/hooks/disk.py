"""S3 on a full disk: a write that has no room is refused before anything changes, as ministack would only log it.

Without this, PutObject succeeded, its object was served from memory, and a restart brought the one before it back.
"""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

# The file of metadata beside an object, and folders.
_BESIDES = 64 << 10
_failure = threading.local()


def install() -> None:
    from ministack.services import s3

    def put(bucket: str, key: str, body: bytes, headers: dict[str, str]) -> int:
        return len(body)

    def part(bucket: str, key: str, body: bytes, query: dict[str, Any], headers: dict[str, str]) -> int:
        # Parts are in memory until they are put together: refused at the first that will not fit.
        return _parts(s3._qp(query, "uploadId")) + len(body)

    def complete(bucket: str, key: str, body: bytes, query: dict[str, Any], *rest: Any) -> int:
        return _parts(s3._qp(query, "uploadId"))

    def copy(bucket: str, key: str, headers: dict[str, str]) -> int:
        source, _, name = s3.url_unquote(headers.get("x-amz-copy-source", "").lstrip("/")).partition("/")
        return _size(source, name.partition("?")[0])

    def form(bucket: str, body: bytes, headers: dict[str, str]) -> int:
        return len(body)

    def _parts(upload: str) -> int:
        parts = s3._multipart_uploads.get(upload, {}).get("parts", {})
        return sum(len(stored["body"]) for stored in list(parts.values()))

    def _size(bucket: str, key: str) -> int:
        return (s3._buckets.get(bucket) or {}).get("objects", {}).get(key, {}).get("size", 0)

    def refusing(write: Callable[..., tuple], needs: Callable[..., int]) -> Callable[..., tuple]:
        def wrapped(bucket: str, *arguments: Any) -> tuple:
            size = needs(bucket, *arguments)
            if isinstance(arguments[0], str) and s3._bucket_versioning.get(bucket):
                # The object that is overwritten is written as well, as a version.
                replaced = _size(bucket, arguments[0])
            else:
                replaced = 0
            _failure.reason = None
            try:
                _find_room(s3.DATA_DIR, size + replaced + _BESIDES)
                answer = write(bucket, *arguments)
            except OSError as error:
                _failure.reason = error
            if _failure.reason is None:
                return answer
            return s3._error(
                "InternalError",
                f"{size:,} bytes cannot be kept below {s3.DATA_DIR}: "
                f"{_failure.reason.strerror or _failure.reason}. Make room there, then send the request again.",
                500,
                f"/{bucket}",
            )

        return wrapped

    s3._put_object = refusing(s3._put_object, put)
    s3._upload_part = refusing(s3._upload_part, part)
    s3._complete_multipart_upload = refusing(s3._complete_multipart_upload, complete)
    s3._copy_object = refusing(s3._copy_object, copy)
    s3._post_object = refusing(s3._post_object, form)
    write_file = s3._atomic_write

    def atomic_write(path: str, data: Any, *, text: bool = False) -> None:
        # Its caller logs what fails; another write may have taken the room meanwhile.
        try:
            write_file(path, data, text=text)
        except OSError as error:
            _failure.reason = error
            raise

    s3._atomic_write = atomic_write


def _find_room(folder: str, size: int) -> None:
    """Raise OSError where the folder's disk, its quota or the process's limit has no room for so many bytes."""
    if not hasattr(os, "posix_fallocate"):
        return
    room = Path(folder) / f".room-{threading.get_ident()}"
    room.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(room, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        os.posix_fallocate(descriptor, 0, size)
    finally:
        os.close(descriptor)
        room.unlink(missing_ok=True)
