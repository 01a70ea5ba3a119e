"""Splitting files into payloads, and joining answers with their records."""

import csv
import io
import json
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, BinaryIO

from local_cloud.sagemaker.errors import ValidationError
from local_cloud.sagemaker.transform.jsonpath import Path

Record = dict[str, Any]
_MEGABYTE = 1 << 20


class BadRecord(Exception):
    """Input or output that cannot be filtered or joined; the text suits a FailureReason."""


@dataclass(frozen=True)
class Batch:
    """One payload and the records it is made of (empty when the file is not split)."""

    payload: bytes
    records: list[bytes]


class Plan:
    """How a transform job cuts, filters, joins and puts together, checked against the request.

    Raises:
        ValidationError: for a combination that AWS refuses, or that does not run here.
    """

    def __init__(self, request: Record):
        source, output = request["TransformInput"], request["TransformOutput"]
        processing = request.get("DataProcessing", {})
        self.split = source.get("SplitType", "None")
        self.single = request.get("BatchStrategy", "MultiRecord") == "SingleRecord"
        self.limit = request.get("MaxPayloadInMB", 6) * _MEGABYTE or 100 * _MEGABYTE
        self.assemble = output.get("AssembleWith", "None")
        self.join = processing.get("JoinSource", "None") == "Input"
        self.generate_id = request.get("DataCaptureConfig", {}).get("GenerateInferenceId", False)
        self._input = Path(processing.get("InputFilter", "$"), "DataProcessing.InputFilter")
        self._output = Path(processing.get("OutputFilter", "$"), "DataProcessing.OutputFilter")
        self._json_in = "json" in source.get("ContentType", "text/csv").lower()
        self._json_out = "json" in output.get("Accept", source.get("ContentType", "text/csv")).lower()
        if self.split not in ("None", "Line"):
            raise ValidationError(
                f"TransformInput.SplitType {self.split} does not run in the local cloud; use Line or None."
            )
        if self._per_record and self.split != "Line" and not (self._json_in and self._json_out):
            raise ValidationError("DataProcessing of files that are not JSON needs TransformInput.SplitType Line.")
        if self.join and self._json_in != self._json_out:
            raise ValidationError("JoinSource Input needs TransformOutput.Accept of the same kind as the ContentType.")
        if self.join and self.split == "Line" and self.assemble != "Line":
            raise ValidationError("JoinSource Input with SplitType Line needs TransformOutput.AssembleWith Line.")

    @property
    def _per_record(self) -> bool:
        return self.join or self.generate_id or not self._input.whole or not self._output.whole

    def batches(self, file: BinaryIO, name: str) -> Iterator[Batch]:
        """The file's payloads, read as they are needed."""
        if self.split == "None":
            whole = file.read()
            if len(whole) > self.limit:
                raise BadRecord(
                    f"{name} has {len(whole)} bytes, more than MaxPayloadInMB; raise it, or set SplitType to Line."
                )
            yield Batch(self._filtered(whole), [whole] if self._per_record else [])
            return
        kept: list[bytes] = []
        payload: list[bytes] = []
        size = 0
        for number, line in enumerate(file, 1):
            record = line.rstrip(b"\r\n")
            if not record:
                continue
            sent = self._filtered(record) + b"\n"
            if len(sent) > self.limit:
                raise BadRecord(f"{name}, line {number} is larger than MaxPayloadInMB.")
            if payload and (self.single or size + len(sent) > self.limit):
                yield Batch(b"".join(payload), kept)
                kept, payload, size = [], [], 0
            kept.append(record if self._per_record else b"")
            payload.append(sent)
            size += len(sent)
        if payload:
            yield Batch(b"".join(payload), kept)

    def output(self, batch: Batch, answer: bytes) -> bytes:
        """What goes into the output file for one payload's answer."""
        if not self._per_record:
            return answer if self.assemble == "None" or answer.endswith(b"\n") else answer + b"\n"
        if self.split == "None":
            return self._finish(batch.records[0], answer)
        answers = answer.splitlines()
        if len(answers) != len(batch.records):
            raise BadRecord(
                f"The model answered {len(answers)} lines to {len(batch.records)} records; to join or filter, it must "
                "answer one line to each."
            )
        lines = (self._finish(record, line) for record, line in zip(batch.records, answers, strict=True))
        return b"".join(line + b"\n" for line in lines)

    def _filtered(self, record: bytes) -> bytes:
        if self._input.whole:
            return record
        return _write(_select(self._input, _read(record, self._json_in)), self._json_in)

    def _finish(self, record: bytes, answer: bytes) -> bytes:
        value = _read(answer, self._json_out)
        if self.join:
            value = _joined(_read(record, self._json_in), value)
        value = _select(self._output, value)
        if self.generate_id:
            value = _with_id(value)
        return _write(value, self._json_out)


def _read(record: bytes, as_json: bool) -> Any:
    try:
        return json.loads(record) if as_json else next(csv.reader([record.decode()]), [])
    except ValueError as error:
        raise BadRecord(f"A record cannot be read: {error}") from error


def _write(value: Any, as_json: bool) -> bytes:
    if as_json:
        return json.dumps(value).encode()
    row: Iterable[Any] = value if isinstance(value, list) else [value]
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="").writerow(row)
    return buffer.getvalue().encode()


def _select(path: Path, value: Any) -> Any:
    try:
        return path.select(value)
    except ValueError as error:
        raise BadRecord(str(error)) from error


def _joined(record: Any, answer: Any) -> Any:
    if isinstance(record, dict):
        return {**record, "SageMakerOutput": answer}
    if isinstance(record, list) and isinstance(answer, list) and all(isinstance(item, str) for item in record):
        return record + answer
    return {"SageMakerInput": record, "SageMakerOutput": answer}


def _with_id(value: Any) -> Any:
    identity = str(uuid.uuid4())
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, dict):
        return {**value, "SageMakerInferenceId": identity, "SageMakerInferenceTime": now}
    return [*(value if isinstance(value, list) else [value]), identity, now]
