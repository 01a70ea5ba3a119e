"""A client of the scoring API: signed requests over kept connections."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.session import Session, get_session

from scripts.retraining.errors import OperatorError

_SERVICE = "execute-api"
# Seconds before the same request is sent again where the API asks for that (503); it is decided once all the same.
_PAUSES = (0.2, 0.5, 1.0, 2.0)


class Refused(OperatorError):
    """The API answered with a problem; `status` is HTTP's and `problem` the body."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        errors = "".join(f"\n  {error['field'] or '(body)'}: {error['message']}" for error in problem.get("errors", []))
        super().__init__(f"{status} {problem.get('title', '')}: {problem.get('detail', '')}{errors}")
        self.status, self.problem = status, problem


class ScoringClient:
    """Calls the API at `url` (the scoring stack's output ApiUrl) with the caller's AWS credentials.

    With `endpoint_url` the connection goes there, and the API's own host name into the Host header: that is how the
    local cloud tells APIs apart. Threads may share a client; `connections` of them are kept open.
    """

    def __init__(
        self,
        url: str,
        region: str,
        *,
        endpoint_url: str | None = None,
        api_key: str | None = None,
        connections: int = 8,
        timeout: float = 30.0,
        session: Session | None = None,
    ) -> None:
        parts = urlsplit(url)
        self._host, self._stage = parts.netloc, parts.path.rstrip("/")
        self._pool = urllib3.connection_from_url(
            endpoint_url or f"{parts.scheme}://{parts.netloc}", maxsize=connections, block=True, timeout=timeout
        )
        self._credentials = (session or get_session()).get_credentials()
        if self._credentials is None:
            raise OperatorError("No AWS credentials were found: set AWS_PROFILE, or the keys' variables.")
        self._region, self._api_key = region, api_key

    def score(self, transaction: dict[str, Any]) -> dict[str, Any]:
        """Return the decision on a transaction; raises Refused."""
        return self._answer("POST", "/transactions", transaction)

    def label(self, identifier: str, label: str, at: str | None = None) -> dict[str, Any]:
        """Record what turned out, "fraud" or "genuine", known since `at` (ISO 8601; now if None); raises Refused."""
        return self._answer("POST", "/labels", {"id": identifier, "label": label, "at": at})

    def decision(self, identifier: str) -> dict[str, Any]:
        """Return one decision; raises Refused."""
        return self._answer("GET", f"/decisions/{quote(identifier, safe='')}")

    def decisions(self, entity: str, limit: int = 25, following: str | None = None) -> dict[str, Any]:
        """Return a page of the decisions of an entity ("customer:596"), latest first; raises Refused."""
        query = {"entity": entity, "limit": str(limit), **({"next": following} if following else {})}
        # Signatures are over %20; a plus would be taken for itself.
        return self._answer("GET", f"/decisions?{urlencode(query, quote_via=quote)}")

    def request(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Return status and parsed body of one request, whatever the status; raises OperatorError without an answer."""
        content = None if body is None else json.dumps(body).encode()
        try:
            answer = self._pool.request(
                method,
                f"{self._stage}{path}",
                body=content,
                headers=self._headers(method, path, content),
                retries=False,
            )
        except urllib3.exceptions.HTTPError as error:
            raise OperatorError(f"the API did not answer: {error}") from None
        try:
            return answer.status, json.loads(answer.data)
        except ValueError:
            return answer.status, {"title": "not JSON", "detail": answer.data[:200].decode(errors="replace")}

    def _answer(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        status, answer = self.request(method, path, body)
        for pause in _PAUSES:
            if status != 503:
                break
            time.sleep(pause)
            status, answer = self.request(method, path, body)
        if status != 200:
            raise Refused(status, answer if isinstance(answer, dict) else {})
        return answer

    def _headers(self, method: str, path: str, content: bytes | None) -> dict[str, str]:
        headers = {"Host": self._host}
        if content is not None:
            headers["Content-Type"] = "application/json"
        if self._api_key:
            headers["x-api-key"] = self._api_key
        request = AWSRequest(method, f"https://{self._host}{self._stage}{path}", headers=headers, data=content)
        SigV4Auth(self._credentials.get_frozen_credentials(), _SERVICE, self._region).add_auth(request)
        return dict(request.headers.items())
