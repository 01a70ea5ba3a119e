"""Executes one transform job: a serving process, its inputs one after the other, outputs beside them in S3."""

import gzip
import http.client
import json
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from local_cloud.authorization import Refused, acting_as, containers
from local_cloud.sagemaker import models, s3
from local_cloud.sagemaker.containers import new_root, remove_root
from local_cloud.sagemaker.endpoints.process import ServingProcess, StartFailed
from local_cloud.sagemaker.transform.records import BadRecord, Batch, Plan

Record = dict[str, Any]
_TIMEOUT, _RETRIES = 600, 3


class Failed(Exception):
    """The job cannot be finished; the text is its FailureReason."""


class Stopped(Exception):
    """StopTransformJob was called."""


class Execution:
    """One run of a transform job, on a worker thread in the caller's account and region."""

    def __init__(self, record: Record, plan: Plan):
        self.cancelled = threading.Event()
        self._record, self._plan = record, plan
        self._client = record.get("ModelClientConfig", {})
        self._process: ServingProcess | None = None
        self._connections = threading.local()

    def run(self) -> None:
        """Do everything.

        Raises:
            Failed: with the FailureReason.
            Stopped: it was cancelled.
        """
        root = new_root("transform")
        try:
            with acting_as(models.role_of(self._record["ModelName"]), "sagemaker.amazonaws.com"):
                self._work(root)
        except (s3.TransferError, BadRecord, Refused, OSError) as error:
            raise Failed(f"ClientError: {error}") from error
        finally:
            if self._process:
                self._process.stop(1.0)
            remove_root(root)

    def _work(self, root: Path) -> None:
        containers.attach(self._record["TransformResources"].get("VolumeKmsKeyId"))
        containers.pull(models.serving_container(self._record["ModelName"])["Image"])
        containers.measure("TransformJobs")
        self._process = self._start()
        source = self._record["TransformInput"]
        data = source["DataSource"]["S3DataSource"]
        folder = root / "input"
        inputs = s3.download(data["S3Uri"], folder, data_type=data["S3DataType"])
        outputs = [self._transform(path, path.relative_to(folder).as_posix(), root / "output") for path in inputs]
        self._capture([path.relative_to(folder).as_posix() for path in inputs], outputs)

    def _start(self) -> ServingProcess:
        record = self._record
        environment = {
            **record.get("Environment", {}),
            "SAGEMAKER_BATCH": "true",
            "SAGEMAKER_MAX_PAYLOAD_IN_MB": str(record["MaxPayloadInMB"]),
            "SAGEMAKER_BATCH_STRATEGY": "SINGLE_RECORD" if self._plan.single else "MULTI_RECORD",
            "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": str(record["MaxConcurrentTransforms"]),
        }
        process = ServingProcess(
            models.serving_container(record["ModelName"]),
            log_group="/aws/sagemaker/TransformJobs",
            log_stream=f"{record['TransformJobName']}/i-{uuid.uuid4().hex[:17]}",
            environment=environment,
        )
        try:
            process.start()
        except StartFailed as error:
            reason = str(error) or "The container did not pass the ping health check."
            raise Failed("\n".join([f"AlgorithmError: {reason}", *process.tail])) from error
        return process

    def _transform(self, path: Path, name: str, folder: Path) -> str:
        target = folder / f"{name}.out"
        target.parent.mkdir(parents=True, exist_ok=True)
        compressed = self._record["TransformInput"].get("CompressionType") == "Gzip"
        opener: Callable[..., Any] = gzip.open if compressed else open
        workers = max(1, self._record["MaxConcurrentTransforms"])
        with opener(path, "rb") as file, target.open("wb") as out, ThreadPoolExecutor(workers) as pool:
            for batch, answer in _in_order(pool, workers, self._plan.batches(file, name), self._ask):
                out.write(self._plan.output(batch, answer))
        output = self._record["TransformOutput"]
        s3.upload(target, s3.join(output["S3OutputPath"], f"{name}.out"), output.get("KmsKeyId"))
        target.unlink()
        return f"{name}.out"

    def _ask(self, batch: Batch) -> bytes:
        retries = self._client.get("InvocationsMaxRetries", _RETRIES)
        for attempt in range(retries + 1):
            if self.cancelled.is_set():
                raise Stopped
            try:
                status, body = self._post(batch.payload)
            except (OSError, http.client.HTTPException) as error:
                status, body = 0, str(error).encode()
            if 200 <= status < 300:
                return body
            # What the caller got wrong does not get better by asking again.
            if 400 <= status < 500 or attempt == retries:
                break
            time.sleep(0.1 * 2**attempt)
        said = body[:700].decode("utf-8", "replace")
        side = "ClientError" if 400 <= status < 500 else "AlgorithmError"
        raise Failed(f"{side}: Bad HTTP status received from algorithm: {status}. {said}")

    def _post(self, payload: bytes) -> tuple[int, bytes]:
        connection = getattr(self._connections, "open", None)
        if connection is None:
            timeout = self._client.get("InvocationsTimeoutInSeconds", _TIMEOUT)
            connection = http.client.HTTPConnection("127.0.0.1", self._process.port, timeout=timeout)
            self._connections.open = connection
        headers = {"Content-Type": self._record["TransformInput"].get("ContentType", "text/csv")}
        if accept := self._record["TransformOutput"].get("Accept"):
            headers["Accept"] = accept
        try:
            connection.request("POST", "/invocations", payload, headers)
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            self._connections.open = None
            raise

    def _capture(self, inputs: list[str], outputs: list[str]) -> None:
        """The lists of files that a monitoring job of batch transform reads."""
        config = self._record.get("DataCaptureConfig")
        if not config:
            return
        hour = datetime.now(timezone.utc).strftime("%Y/%m/%d/%H")
        sides = {
            "input": (self._record["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"], inputs),
            "output": (self._record["TransformOutput"]["S3OutputPath"], outputs),
        }
        for side, (uri, names) in sides.items():
            manifest = [{"prefix": s3.join(uri) + "/"}, *names]
            target = s3.join(config["DestinationS3Uri"], side, hour, f"{uuid.uuid4()}.json")
            s3.put_bytes(target, json.dumps(manifest).encode(), config.get("KmsKeyId"))


def _in_order(
    pool: ThreadPoolExecutor, width: int, batches: Iterator[Batch], ask: Callable[[Batch], bytes]
) -> Iterator[tuple[Batch, bytes]]:
    """Answers in the order of the batches, with at most ``width`` of them asked for ahead."""
    pending: deque[tuple[Batch, Any]] = deque()
    for batch in batches:
        pending.append((batch, pool.submit(ask, batch)))
        if len(pending) >= width:
            first, future = pending.popleft()
            yield first, future.result()
    for first, future in pending:
        yield first, future.result()
