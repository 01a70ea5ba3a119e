"""Card numbers that betray where they were kept, and a search through everything a platform stores."""

import base64
import gzip
import itertools
import json
import re
import struct
import sys
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from fraud.cards import is_card_number

MARK = "49927398"
"""What every canary begins with; the rest says which one it is."""
_SCATTERED = re.compile(r"[\W_]{0,3}".join(MARK))
_DIGITS = {code: str(unicodedata.digit(chr(code))) for code in range(128, sys.maxunicode) if chr(code).isdecimal()}
_BASE64 = re.compile(rb"[A-Za-z0-9+/]{24,}={0,2}")


class Canaries:
    """Gives numbers that pass for a card's, each once, and keeps them."""

    def __init__(self) -> None:
        self._serial = itertools.count(1)
        self.given: list[int] = []

    def number(self) -> int:
        """A whole number of 16 digits."""
        digits = f"{MARK}{next(self._serial):07d}"
        (card,) = (digits + last for last in "0123456789" if is_card_number(digits + last))
        self.given.append(int(card))
        return int(card)

    def text(self, separator: str = "") -> str:
        """A number in groups of four."""
        digits = str(self.number())
        return separator.join(digits[start : start + 4] for start in range(0, 16, 4))

    def foreign(self, zero: str) -> str:
        """A number in the digits that follow `zero`."""
        return "".join(chr(ord(zero) + int(digit)) for digit in str(self.number()))

    def forms(self) -> dict[str, Any]:
        """One of each form that JSON can hold."""
        return {
            "text": self.text(),
            "spaces": self.text(" "),
            "dashes": self.text("-"),
            "dots": f"pay with {self.text('.')}!",
            "invisible": self.text("\u200b"),
            "full width": self.foreign("\uff10"),
            "arabic": self.foreign("\u0660"),
            "number": self.number(),
            "float": float(self.number()),
            "negative": -self.number(),
            "list": [0, [self.text()]],
            "nested": {"payment": {"pan": self.text()}},
            "key": {self.text(): 1},
        }

    def found_in(self, content: bytes) -> str | None:
        """An excerpt where the content holds one of them, in whatever form; None where it does not."""
        for view in _views(content):
            text = view.decode("utf-8", "replace")
            plain = text if text.isascii() else text.translate(_DIGITS)
            if match := _SCATTERED.search(plain):
                return plain[max(0, match.start() - 160) : match.end() + 60]
        numbers = [packed for n in self.given for packed in (struct.pack("<d", n), struct.pack("<q", n))]
        # The upper halves of all of them are a few: where there is none, there is no number.
        if not any(half in content for half in {number[4:] for number in numbers}):
            return None
        return "as a binary number" if any(number in content for number in numbers) else None


def _views(content: bytes) -> Iterator[bytes]:
    """The content as it is, unpacked, and what is written in base64 inside."""
    if content[:2] == b"\x1f\x8b":
        content = gzip.decompress(content)
    yield content
    yield content.decode("utf-8", "replace").encode("ascii", "backslashreplace") if b"\\u" in content else b""
    for match in _BASE64.finditer(content):
        try:
            yield base64.b64decode(match[0] + b"=" * (-len(match[0]) % 4))
        except ValueError:
            continue
    if b"\\u" in content:
        yield re.sub(rb"\\u([0-9a-fA-F]{4})", lambda m: chr(int(m[1], 16)).encode("utf-8", "replace"), content)


class Door:
    """The API's front door, for requests that no well-behaved client would send."""

    def __init__(self, demo: Any, credentials: Credentials) -> None:
        url = demo.outputs("scoring")["ApiUrl"]
        self._host, self._stage = re.match(r"https://([^/]+)(/[^/]*)", url).groups()
        self._pool = urllib3.connection_from_url(demo.endpoint_url, timeout=60)
        self._credentials = credentials

    def send(
        self, method: str, path: str, body: bytes | None = None, *, signed: bool = True, **headers: str
    ) -> tuple[int, bytes]:
        """Return status and body of the answer."""
        named = {"Host": self._host, "Content-Type": "application/json"}
        named |= {name.replace("_", "-"): value for name, value in headers.items()}
        request = AWSRequest(method, f"https://{self._host}{self._stage}{path}", headers=named, data=body)
        if signed:
            SigV4Auth(self._credentials, "execute-api", "us-east-1").add_auth(request)
        answer = self._pool.request(
            method, self._stage + path, body=body, headers=dict(request.headers.items()), retries=False
        )
        return answer.status, answer.data


def stored(demo: Any) -> Iterator[tuple[str, bytes]]:
    """Yield where and what: logs, tables, objects and their names, queues, histories, jobs, and the cloud's files."""
    yield from logs(demo)
    dynamodb = demo.client("dynamodb")
    for table in dynamodb.list_tables()["TableNames"]:
        for page in dynamodb.get_paginator("scan").paginate(TableName=table):
            for item in page["Items"]:
                yield f"table {table}", _plain_item(item)
    s3 = demo.client("s3")
    for bucket in s3.list_buckets()["Buckets"]:
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket["Name"]):
            yield f"keys of {bucket['Name']}", json.dumps(page.get("Contents", []), default=str).encode()
    sqs = demo.client("sqs")
    for queue in sqs.list_queues().get("QueueUrls", []):
        yield queue, json.dumps(sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10), default=str).encode()
    yield from _histories(demo.client("stepfunctions"))
    yield from _jobs(demo.client("sagemaker"))
    for path in sorted(Path(demo.state).rglob("*")):
        if path.is_file() and path.stat().st_size < 32 << 20:
            yield str(path.relative_to(demo.state)), path.read_bytes()


def logs(demo: Any) -> Iterator[tuple[str, bytes]]:
    """Yield each log group with everything in it, and the local cloud's own log."""
    client = demo.client("logs")
    for page in client.get_paginator("describe_log_groups").paginate():
        for group in page["logGroups"]:
            name = group["logGroupName"]
            pages = client.get_paginator("filter_log_events").paginate(logGroupName=name)
            lines = [event["message"] for found in pages for event in found["events"]]
            yield f"log group {name}", "\n".join(lines).encode()
    for name in ("server.log", "authorizations.jsonl"):
        yield name, (demo.state / name).read_bytes()


def _plain_item(item: Mapping[str, Any]) -> bytes:
    binary = [value["B"] for value in item.values() if "B" in value]
    texts = {name: value for name, value in item.items() if "B" not in value}
    return json.dumps(texts, ensure_ascii=False).encode() + b"\n" + b"".join(binary)


def _histories(client: Any) -> Iterator[tuple[str, bytes]]:
    for machine in client.list_state_machines()["stateMachines"]:
        for execution in client.list_executions(stateMachineArn=machine["stateMachineArn"])["executions"]:
            arn = execution["executionArn"]
            events = client.get_paginator("get_execution_history").paginate(executionArn=arn).build_full_result()
            yield f"history {execution['name']}", json.dumps(events, default=str).encode()


def _jobs(client: Any) -> Iterator[tuple[str, bytes]]:
    for job in client.list_transform_jobs()["TransformJobSummaries"]:
        found = client.describe_transform_job(TransformJobName=job["TransformJobName"])
        yield f"transform job {job['TransformJobName']}", json.dumps(found, default=str).encode()
    for job in client.list_processing_jobs(MaxResults=100)["ProcessingJobSummaries"]:
        yield f"processing job {job['ProcessingJobName']}", json.dumps(job, default=str).encode()
