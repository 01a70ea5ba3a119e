"""What this package has to know of a function."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Function:
    """One version of a function.

    Attributes:
        revision: changes with everything that a process is started with.
        code: reads the bytes of the zip archive.
        code_key: names the code's and the layers' content.
        layers: read the bytes of each layer's zip archive.
        timeout: seconds an invocation may take.
        memory: MB; functions are told it, and take what they need.
        log_format: Text or JSON.
        role: ARN of the role it runs under.
    """

    account: str
    region: str
    name: str
    version: str
    revision: str
    handler: str
    runtime: str
    timeout: float
    memory: int
    variables: Mapping[str, str]
    credentials: Callable[[], Mapping[str, str]]
    code: Callable[[], bytes]
    code_key: str
    layers: tuple[Callable[[], bytes | None], ...] = ()
    log_group: str = ""
    role: str = ""
    log_format: str = "Text"

    @property
    def key(self) -> tuple[str, str, str, str]:
        return self.account, self.region, self.name, self.version


@dataclass
class Invocation:
    """One call of a function.

    Attributes:
        request_id: of the log lines and of the context.
        arn: as the caller named the function, with version or alias.
        event: JSON.
        variables: environment variables of this call alone.
    """

    request_id: str
    arn: str
    event: bytes
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Result:
    """What came of a call.

    Attributes:
        value: what the handler returned, or AWS's error document (errorMessage, errorType, ...).
        failed: whether ``value`` is an error.
        output: lines that were printed meanwhile.
        log_stream: of the process that served it.
        started_in: seconds the process took to start where it had to, else None.
    """

    value: Any
    failed: bool
    output: list[str]
    log_stream: str = ""
    started_in: float | None = None


class InitError(Exception):
    """A function's process did not get ready; ``document`` is AWS's error document."""

    def __init__(self, kind: str, message: str, output: list[str] | None = None, document: dict | None = None):
        super().__init__(message)
        self.document = document or {"errorMessage": message, "errorType": kind}
        self.output = output or []
