"""Second factors: who assumes a role with a device's code has `aws:MultiFactorAuthPresent`, as on AWS."""

import contextvars
import dataclasses
import re
from typing import Any
from urllib.parse import parse_qs

_present: contextvars.ContextVar[bool] = contextvars.ContextVar("second_factor", default=False)


def install() -> None:
    """Take any six digits for a device's code; a request without one has no second factor."""
    from ministack.core import iam_evaluator
    from ministack.services import sts

    handle, evaluate = sts.handle_request, iam_evaluator.evaluate_trust_policy

    async def handle_request(method: str, path: str, headers: Any, body: bytes, query_params: Any) -> Any:
        asked = parse_qs(body.decode(errors="replace")) if body else query_params
        code = asked.get("TokenCode", [""])[0] if asked.get("SerialNumber") else ""
        token = _present.set(re.fullmatch(r"\d{6}", code) is not None)
        try:
            return await handle(method, path, headers, body, query_params)
        finally:
            _present.reset(token)

    def evaluate_trust_policy(document: Any, caller_arn: str, context: Any = None) -> bool:
        if context is not None and _present.get():
            keys = {**context.service_context, "aws:multifactorauthpresent": "true"}
            context = dataclasses.replace(context, service_context=keys)
        return evaluate(document, caller_arn, context)

    sts.handle_request = handle_request
    iam_evaluator.evaluate_trust_policy = evaluate_trust_policy
