"""The server as a process: SageMaker's contract over HTTP, wrong requests, limits, and a stop that cuts nothing off."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from fraud.models.package import ModelPackage
from inference_code import inference
from inference_code.server.settings import MEBIBYTE, SettingsError, from_environment
from tests.unit.served_models import REPOSITORY, saved
from tests.unit.test_server_answers import CSV, JSON, PARQUET, ROW, WRONG

LIMIT = 200_000


class Server:
    """A running server."""

    def __init__(self, process):
        self.process, self.lines = process, []
        for line in process.stdout:
            self.lines.append(line)
            if "serves on port" in line:
                break
        found = re.search(r"serves on port (\d+)", "".join(self.lines))
        assert found, self.lines
        self.port = int(found[1])
        threading.Thread(target=lambda: self.lines.extend(process.stdout), daemon=True).start()

    def ask(self, method="POST", path="/invocations", body=b"", **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, content, answer.headers

    def talk(self, *parts, wait=0.0):
        """Send raw bytes and return all that comes back until the server closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as link:
            for part in parts:
                link.sendall(part)
                time.sleep(wait)
            received = b""
            while chunk := link.recv(65536):
                received += chunk
            return received


@contextmanager
def running(model, *arguments, **environment):
    command = [sys.executable, "-m", "inference_code.server", "--model-dir", str(model), "--host", "127.0.0.1"]
    process = subprocess.Popen(
        [*command, "--port", "0", *arguments],
        cwd=REPOSITORY,
        env={"PATH": os.environ["PATH"], **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield Server(process)
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return saved(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def server(model):
    with running(model, "--workers", "2", MAX_CONTENT_LENGTH=str(LIMIT)) as started:
        yield started


def _post(body, *headers, kind=b"text/csv"):
    lines = [b"POST /invocations HTTP/1.1", b"Host: x", b"Content-Type: " + kind, b"Accept: text/csv", *headers]
    if not any(line.lower().startswith(b"transfer-encoding") for line in lines):
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join([*lines, b"", body])


def test_the_three_paths(server):
    assert server.ask("GET", "/ping")[:2] == (200, b"")
    assert server.ask("HEAD", "/ping")[0] == 200
    status, body, headers = server.ask("GET", "/execution-parameters")
    assert (status, headers["Content-Type"]) == (200, JSON)
    assert json.loads(body) == {"MaxConcurrentTransforms": 2, "BatchStrategy": "MULTI_RECORD", "MaxPayloadInMB": 1}
    status, body, headers = server.ask(body=ROW, Content_Type=CSV, Accept=CSV)
    assert (status, headers["Content-Type"]) == (200, "text/csv; charset=utf-8")
    assert 0 < float(body) < 1
    assert server.ask("GET", "/other")[0] == 404
    status, _, headers = server.ask("GET", "/invocations")
    assert (status, headers["Allow"]) == (405, "POST")
    assert server.ask("POST", "/ping")[0] == 405


def test_answers_are_the_handlers(server, model):
    loaded = inference.model_fn(str(model))
    for body, kind, accept in (
        (ROW, CSV, CSV),
        (ROW + b"\n1,,3,4", CSV, JSON),
        (b'{"instances": [[1, 2, 0.5, 4]], "reasons": 4}', JSON, JSON),
        (b"[1, 2, 0.5, 4]", "application/jsonlines", "application/jsonlines"),
    ):
        expected, media_type = inference.transform_fn(loaded, body, kind, accept)
        status, content, headers = server.ask(body=body, Content_Type=kind, Accept=accept)
        assert (status, content.decode()) == (200, expected)
        assert headers["Content-Type"].partition(";")[0] == media_type


@pytest.mark.parametrize(("body", "kind", "accept", "status", "message"), WRONG)
def test_wrong_requests_get_a_status_and_a_message(server, body, kind, accept, status, message):
    if not kind:
        kind = "application/octet-stream"
    answered, content, headers = server.ask(body=body, Content_Type=kind, Accept=accept)
    assert (answered, headers["Content-Type"]) == (status, "text/plain; charset=utf-8")
    assert message in content.decode()


def test_without_types_json_is_meant(server, model):
    body = b'{"instances": [[1, 2, 0.5, 4]]}'
    status, content, _ = server.ask(body=body)
    assert status == 200 and json.loads(content)["model"]["version"] == ModelPackage.load(model).version
    with running(model, "--workers", "1", SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT=CSV) as other:
        assert other.ask(body=body)[2]["Content-Type"].startswith(CSV)
        assert other.ask(body=body, Accept="*/*")[2]["Content-Type"].startswith(CSV)


def test_what_is_no_request_is_refused(server):
    close = b"Connection: close"
    assert b" 400 " in server.talk(b"hello\r\n\r\n")
    assert b" 400 " in server.talk(_post(ROW, b"Content-Length: 3"))
    assert b" 400 " in server.talk(_post(b"zz\r\nx", b"Transfer-Encoding: chunked"))
    assert b" 431 " in server.talk(b"GET /ping HTTP/1.1\r\nX: " + b"x" * 70_000)
    assert b" 415 " in server.talk(_post(ROW, close, b"Content-Encoding: gzip"))


def test_too_large_is_413_whether_announced_or_not(server):
    rows = (ROW + b"\n") * (LIMIT // len(ROW))
    status, content, headers = server.ask(body=rows, Content_Type=CSV)
    assert (status, headers["Connection"]) == (413, "close") and str(LIMIT) in content.decode()
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(rows) // 4, rows[: len(rows) // 4]) for _ in range(8)) + b"0\r\n\r\n"
    answer = server.talk(_post(chunks, b"Transfer-Encoding: chunked"))
    assert answer.startswith(b"HTTP/1.1 413 ") and answer.count(b"HTTP/1.1") == 1
    # One that asks before it sends is told at once.
    asking = _post(ROW, b"Expect: 100-continue").replace(b"Content-Length: 9", b"Content-Length: 999999")
    assert server.talk(asking[: -len(ROW)]).startswith(b"HTTP/1.1 413 ")


def test_bodies_may_come_in_pieces(server):
    close = b"Connection: close"
    plain = server.talk(_post(ROW, close))
    assert plain.startswith(b"HTTP/1.1 200 OK")
    whole = _post(ROW, close)
    assert server.talk(whole[:30], whole[30:110], whole[110:-3], whole[-3:], wait=0.02) == plain
    chunked = _post(b"4\r\n1,2,\r\n5\r\n0.5,4\r\n0\r\n\r\n", close, b"Transfer-Encoding: chunked")
    assert server.talk(chunked) == plain
    asked = server.talk(_post(ROW, close, b"Expect: 100-continue")[: -len(ROW)], ROW, wait=0.05)
    assert asked == b"HTTP/1.1 100 Continue\r\n\r\n" + plain


def test_requests_sent_ahead_are_answered_in_order(server):
    many = (ROW + b"\n") * 8_000
    ping = b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n"
    received = server.talk(_post(many) + ping + _post(b"1,2") + _post(ROW, b"Connection: close"))
    assert re.findall(rb"HTTP/1.1 (\d+)", received) == [b"200", b"200", b"400", b"200"]
    assert received.count(b"\n0.") + received.count(b"\n1e-") >= 8_000


def test_a_parallel_ping_does_not_wait_for_a_large_request(model):
    with running(model, "--workers", "1") as one:
        rows = (ROW + b"\n") * 400_000
        took = []
        large = threading.Thread(target=lambda: took.append(one.ask(body=rows, Content_Type=CSV, Accept=CSV)[0]))
        started = time.monotonic()
        large.start()
        slowest = 0.0
        while large.is_alive():
            before = time.monotonic()
            assert one.ask("GET", "/ping")[0] == 200
            slowest = max(slowest, time.monotonic() - before)
            time.sleep(0.01)
        assert took == [200]
        assert slowest < max(0.5, 0.5 * (time.monotonic() - started))


def test_sigterm_finishes_what_has_begun(model):
    with running(model, "--workers", "2") as stopped:
        request = _post(ROW)
        idle, begun = (socket.create_connection(("127.0.0.1", stopped.port), timeout=30) for _ in range(2))
        idle.sendall(request)
        assert b" 200 " in idle.recv(65536)
        begun.sendall(request[:-4])
        answers = []
        rows = (ROW + b"\n") * 300_000
        large = threading.Thread(target=lambda: answers.append(stopped.ask(body=rows, Content_Type=CSV)))
        large.start()
        time.sleep(0.3)
        stopped.process.send_signal(signal.SIGTERM)
        time.sleep(0.6)
        assert idle.recv(65536) == b""
        begun.sendall(request[-4:])
        answer = begun.recv(65536)
        assert answer.startswith(b"HTTP/1.1 200 OK") and b"Connection: close" in answer
        large.join()
        assert answers[0][0] == 200
        assert stopped.process.wait(20) == 0
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.1", stopped.port), timeout=5)


def test_a_worker_that_dies_is_replaced(model):
    with running(model, "--workers", "1") as one:
        before = re.search(r"process (\d+)", "".join(one.lines))[1]
        os.kill(int(before), signal.SIGKILL)
        assert one.ask("GET", "/ping")[0] == 200
        time.sleep(0.1)
        log = "".join(one.lines)
        assert f"Worker {before} ended with exit code -9" in log and len(re.findall(r"process (\d+) serves", log)) == 2


def test_connections_opened_together_are_shared_out(model):
    """Or one core would serve a client's whole pool while the others idle."""
    with running(model, "--workers", "2") as server:
        while sum("serves on port" in line for line in server.lines) < 2:
            time.sleep(0.05)
        links = [http.client.HTTPConnection("127.0.0.1", server.port, timeout=10) for _ in range(24)]
        for link in links:
            link.connect()
        assert [_pinged(link) for link in links] == [True] * 24
        for line in server.lines:
            if found := re.search(r"process (\d+) serves", line):
                os.kill(int(found[1]), signal.SIGKILL)
                break
        time.sleep(0.1)
        assert 8 <= sum(_pinged(link) for link in links) <= 16


def _pinged(link) -> bool:
    try:
        link.request("GET", "/ping")
        answer = link.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException):
        return False
    return answer.status == 200


def test_workers_end_with_their_supervisor(model):
    with running(model, "--workers", "1") as one:
        worker = int(re.search(r"process (\d+)", "".join(one.lines))[1])
        one.process.kill()
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and Path(f"/proc/{worker}").exists():
            time.sleep(0.1)
        assert not Path(f"/proc/{worker}").exists()


@pytest.mark.parametrize(
    ("arguments", "environment", "code", "message"),
    [
        ([], {}, 1, "The model was not loaded: model package: model.json is missing"),
        (["--port", "99999"], {}, 2, "The server was not started: "),
        ([], {"SAGEMAKER_PROGRAM": "mine.py"}, 2, "SAGEMAKER_PROGRAM=mine.py: this server has handlers of its own"),
        ([], {"SAGEMAKER_BIND_TO_PORT": "http"}, 2, "SAGEMAKER_BIND_TO_PORT=http: a whole number from 0 to 65535"),
    ],
)
def test_a_server_that_cannot_start_says_why(tmp_path, arguments, environment, code, message):
    command = [sys.executable, "-m", "inference_code.server", "serve", "--model-dir", str(tmp_path), "--port", "0"]
    result = subprocess.run(
        [*command, *arguments],
        cwd=REPOSITORY,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == code, result.stderr
    assert message in result.stderr and "Traceback" not in result.stderr


def test_settings_come_from_sagemaker_s_variables():
    settings = from_environment({})
    assert (str(settings.model_dir), settings.port, settings.max_body) == ("/opt/ml/model", 8080, 6 * MEBIBYTE)
    assert settings.workers == len(os.sched_getaffinity(0))
    settings = from_environment(
        {
            "SAGEMAKER_BASE_DIR": "/base",
            "SAGEMAKER_BIND_TO_PORT": "9000",
            "SAGEMAKER_MODEL_SERVER_WORKERS": "3",
            "SAGEMAKER_MAX_PAYLOAD_IN_MB": "20",
            "SAGEMAKER_PROGRAM": "inference.py",
        }
    )
    assert (str(settings.model_dir), settings.port, settings.workers) == ("/base/model", 9000, 3)
    assert settings.execution_parameters["MaxPayloadInMB"] == 20
    assert from_environment({"SAGEMAKER_MAX_PAYLOAD_IN_MB": "0"}).max_body == 100 * MEBIBYTE
    with pytest.raises(SettingsError, match="MAX_CONTENT_LENGTH=-1: a whole number from 1"):
        from_environment({"MAX_CONTENT_LENGTH": "-1"})


def test_slow_requests_are_ended(model):
    with running(model, "--workers", "1", SAGEMAKER_MODEL_SERVER_TIMEOUT="1") as impatient:
        assert impatient.talk(_post(ROW)[:-3]).startswith(b"HTTP/1.1 408 ")
        assert impatient.talk(b"POST /invocations HT").startswith(b"HTTP/1.1 408 ")


def test_parquet_is_read(server):
    from tests.unit.test_server_answers import _parquet, random_rows

    status, content, _ = server.ask(body=_parquet(random_rows(5)), Content_Type=PARQUET, Accept=CSV)
    assert (status, content.count(b"\n")) == (200, 5)
