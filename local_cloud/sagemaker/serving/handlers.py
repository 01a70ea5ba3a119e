"""model_fn, input_fn, predict_fn, output_fn and transform_fn: the user's where given, defaults for the rest."""

import importlib.util
import inspect
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from . import defaults

CSV, JSON = "text/csv", "application/json"


class Reply(NamedTuple):
    status: int
    body: bytes
    content_type: str


class Refused(Exception):
    """A request the model cannot answer; the status goes to the caller."""

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status = status


class Model:
    """A loaded model and the functions that turn a request into a reply.

    Raises:
        FileNotFoundError, AttributeError, ...: what the user's module or model_fn raised while loading.
    """

    def __init__(self, model_dir: Path, environment: dict[str, str]):
        self.module = _user_module(model_dir, environment)
        # AWS's containers answer JSON where the caller does not care; the variable is theirs too.
        self.default_accept = environment.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", JSON)
        transform = self._user("transform_fn")
        if transform and any(self._user(name) for name in ("input_fn", "predict_fn", "output_fn")):
            raise ValueError("transform_fn cannot be given together with input_fn, predict_fn or output_fn.")
        self._transform = transform
        self._input = self._user("input_fn") or defaults.input_fn
        self._predict = self._user("predict_fn") or defaults.predict_fn
        self._output = self._user("output_fn") or defaults.output_fn
        self.model = _call(self._user("model_fn") or defaults.model_fn, str(model_dir), None)

    def _user(self, name: str) -> Callable[..., Any] | None:
        return getattr(self.module, name, None) if self.module else None

    def answer(self, body: bytes, content_type: str, accept: str) -> Reply:
        """The reply to one invocation. Bad input (ValueError, or anything with a status_code) becomes Refused."""
        accept = self.default_accept if accept in ("", "*/*") else accept
        kind = content_type.partition(";")[0].strip().lower() or JSON
        try:
            # The containers hand text over as str for these two types alone.
            data: Any = body.decode() if kind in (CSV, JSON) else body
            if self._transform:
                return _reply(_call(self._transform, self.model, data, kind, accept, None), accept)
            prediction = _call(self._predict, _call(self._input, data, kind, None), self.model, None)
            return _reply(_call(self._output, prediction, accept, None), accept)
        except (ValueError, UnicodeDecodeError) as error:
            raise Refused(400, str(error)) from error
        except defaults.UnsupportedType as error:
            raise Refused(error.status_code, str(error)) from error
        except Exception as error:
            status = getattr(error, "status_code", None)
            if isinstance(status, int) and 400 <= status < 600:
                raise Refused(status, str(error)) from error
            raise


def _call(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call with as many of the arguments as the function takes: each handler has shorter and longer forms."""
    parameters = inspect.signature(function).parameters.values()
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters):
        return function(*arguments)
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return function(*arguments[: len(positional)])


def _reply(result: Any, accept: str) -> Reply:
    """Reply of what output_fn may return: a body, (body, content type), or a response object of werkzeug's kind."""
    if hasattr(result, "get_data"):
        return Reply(result.status_code, result.get_data(), result.mimetype or accept)
    if hasattr(result, "response") and hasattr(result, "status"):
        return Reply(200, _bytes(result.response), getattr(result, "mimetype", None) or accept)
    body, content_type = result if isinstance(result, tuple) else (result, accept)
    return Reply(200, _bytes(body), content_type)


def _bytes(body: Any) -> bytes:
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, bytes | bytearray | memoryview):
        return bytes(body)
    raise TypeError(f"output_fn returned {type(body).__name__}; it must return text or bytes.")


def _user_module(model_dir: Path, environment: dict[str, str]) -> ModuleType | None:
    folder = Path(environment.get("SAGEMAKER_SUBMIT_DIRECTORY") or model_dir / "code")
    program = environment.get("SAGEMAKER_PROGRAM", "")
    path = folder / (program or "inference.py")
    if not path.is_file():
        if program:
            raise FileNotFoundError(
                f"SAGEMAKER_PROGRAM is {program}, but {path} does not exist; put it in the folder code/ of "
                "model.tar.gz, or set SAGEMAKER_SUBMIT_DIRECTORY to the folder that holds it."
            )
        return None
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    name = path.stem
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    # Registered under its own name, so that objects pickled by it can be loaded.
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
