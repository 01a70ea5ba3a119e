"""Problems as RFC 9457 describes them: what went wrong, in a form that programs and people can read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """An answer that is no success; `errors` are (field, message) pairs. No text repeats a value of the request."""

    def __init__(self, status: int, kind: str, title: str, detail: str, errors: Iterable[tuple[str, str]] = ()) -> None:
        super().__init__(title)
        self.status, self.kind = status, kind
        self._title, self._detail, self._errors = title, detail, tuple(errors)

    def body(self) -> dict[str, Any]:
        """Return the problem's JSON form."""
        body = {
            "type": f"urn:fraudstack:problem:{self.kind}",
            "title": self._title,
            "status": self.status,
            "detail": self._detail,
        }
        if self._errors:
            body["errors"] = [{"field": field, "message": message} for field, message in self._errors]
        return body


def malformed(detail: str) -> Problem:
    """The body is no JSON object, or a parameter cannot be read."""
    return Problem(400, "malformed", "The request cannot be read", detail)


def invalid(errors: Iterable[tuple[str, str]]) -> Problem:
    """Fields have wrong values."""
    return Problem(422, "invalid", "The request has invalid fields", "See errors for each field.", errors)


def card_number(field: str) -> Problem:
    """A raw card number is in the request."""
    detail = "Card numbers are never accepted: send a token or a keyed hash instead. Nothing was stored."
    return Problem(422, "card-number", "The request holds a card number", detail, [(field, "looks like a card number")])


def unknown(what: str) -> Problem:
    """There is no such thing."""
    return Problem(404, "not-found", "Not found", f"There is no {what}.")


def conflict(detail: str) -> Problem:
    """The request contradicts an earlier one."""
    return Problem(409, "conflict", "The request contradicts an earlier one", detail)


def busy() -> Problem:
    """Too many others changed the same profiles at once, or their table is throttled."""
    detail = "The profiles of its entities are busy: send the same request again."
    return Problem(503, "busy", "Try again", detail)
