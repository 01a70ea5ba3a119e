"""Every private name of ministack that this package touches, and nothing else.

ministack has no plug-in interface, so its exact version is pinned and ``tests/local_cloud/test_hooks.py`` fails when
an upgrade moves one of these names.
"""

import contextvars
from collections.abc import Callable
from types import ModuleType
from typing import Any

from ministack.core import responses


def account_id() -> str:
    return responses.get_account_id()


def region() -> str:
    return responses.get_region()


def bound(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with the caller's account and region kept when another thread runs it."""
    context = contextvars.copy_context()

    def run(*args: Any, **kwargs: Any) -> Any:
        # A Context can be entered once at a time; a copy of a copy can be entered by each thread.
        return context.copy().run(function, *args, **kwargs)

    return run


def scope(account: str, region_name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function bound to a given account and region (for work restored after a restart)."""

    def run(*args: Any, **kwargs: Any) -> Any:
        def inner() -> Any:
            responses._request_account_id.set(account)
            responses.set_request_region(region_name)
            return function(*args, **kwargs)

        return contextvars.copy_context().run(inner)

    return run


def add_service(name: str, module: ModuleType, *, credential_scope: str | None = None, **patterns: list[str]) -> None:
    """Route requests to a module with handle_request, get_state, load_persisted_state and reset."""
    from ministack import app
    from ministack.core import router

    app.SERVICE_REGISTRY[name] = {"module": name}
    app._loaded_modules[name] = module
    app.SERVICE_HANDLERS[name] = app._lazy_handler(name)
    app._state_map[name] = name
    router.SERVICE_PATTERNS[name] = patterns
