"""What the scoring commands share: options, the deployed platform, and how errors end a command."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable

from rich.console import Console

from scripts.retraining.clients import Clients
from scripts.retraining.discovery import outputs_of
from scripts.retraining.errors import AWS_ERRORS, OperatorError, explain
from scripts.retraining.options import ENVIRONMENTS
from scripts.scoring.client import ScoringClient


def add_platform(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which platform is meant."""
    add = parser.add_argument
    add("--env", dest="environment", default="dev", choices=ENVIRONMENTS, help="the environment (default: dev)")
    add("--endpoint-url", help="another cloud than AWS (default: AWS_ENDPOINT_URL)")
    add("--region", help="the region (default: the profile's, else us-east-1)")
    add("--project", default="fraudstack", help=argparse.SUPPRESS)


def prefix_of(options: argparse.Namespace) -> str:
    """The prefix of all names of the chosen environment."""
    return f"{options.project}-{options.environment}"


def clients_of(options: argparse.Namespace) -> Clients:
    """AWS clients for the chosen cloud."""
    return Clients(options.endpoint_url, options.region)


def api_of(options: argparse.Namespace, connections: int = 1) -> ScoringClient:
    """A client of the deployed API; raises OperatorError where it is not deployed."""
    clients = clients_of(options)
    outputs = outputs_of(clients, f"{prefix_of(options)}-scoring")
    return ScoringClient(
        outputs["ApiUrl"],
        clients.region,
        endpoint_url=options.endpoint_url or os.environ.get("AWS_ENDPOINT_URL"),
        api_key=os.environ.get("FRAUDSTACK_API_KEY"),
        connections=connections,
    )


def run(name: str, work: Callable[[], int | None]) -> int:
    """Run a command and return its exit code; errors with a remedy are shown without a traceback."""
    errors = Console(stderr=True)
    try:
        return work() or 0
    except OperatorError as error:
        errors.print(f"{name}: {error}", markup=False, highlight=False, soft_wrap=True)
        return error.exit_code
    except AWS_ERRORS as error:
        errors.print(f"{name}: {explain(error)}", markup=False, highlight=False, soft_wrap=True)
        return 1
    except BrokenPipeError:
        # Whoever reads the output has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        errors.print(f"{name}: interrupted")
        return 130
