"""The client of the scoring API against a real server of HTTP."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from scripts.scoring import client as module
from scripts.scoring.client import Refused, ScoringClient

BUSY = (503, {"title": "Try again", "detail": "busy"})


@pytest.fixture
def api(monkeypatch) -> Iterator[tuple[ScoringClient, list, list]]:
    """A client, the answers that its API will give, and the bodies that it was sent."""
    answers, bodies = [], []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            status, body = answers.pop(0)
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setattr(module, "_PAUSES", (0, 0))
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield ScoringClient(f"http://127.0.0.1:{server.server_port}/v1/", "us-east-1"), answers, bodies
    server.shutdown()


def test_a_request_that_is_asked_for_again_is_sent_again_as_it_was(api):
    client, answers, bodies = api
    answers += [BUSY, BUSY, (200, {"outcome": "approve"})]
    assert client.score({"id": "1"}) == {"outcome": "approve"}
    assert bodies == [b'{"id": "1"}'] * 3


@pytest.mark.parametrize(("answered", "sent"), [([BUSY] * 3, 3), ([(422, {"title": "Wrong", "detail": "x"})], 1)])
def test_what_stays_busy_or_is_wrong_is_told(api, answered, sent):
    client, answers, bodies = api
    answers += answered
    with pytest.raises(Refused) as refused:
        client.score({"id": "1"})
    assert refused.value.status == answered[0][0] and len(bodies) == sent
