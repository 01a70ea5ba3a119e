"""See what the retraining guard decided and why, and ask it to retrain.

    python -m scripts.guard status --env dev            limits, and the latest decisions
    python -m scripts.guard show EXECUTION              one decision, whole
    python -m scripts.guard start --override cooldown   ask it now, without one of its checks

Exit codes: 0 done (start: a run has started), 1 failed, 2 bad input, 3 refused.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict

from rich.console import Console

from fraud.cards import holds_card_number
from scripts.guarding.decisions import Decision, decision, decisions
from scripts.guarding.display import print_decisions, print_standing, summary
from scripts.guarding.standing import standing
from scripts.retraining.clients import Clients
from scripts.retraining.discovery import outputs_of
from scripts.retraining.errors import EXIT_FAILED, EXIT_REJECTED, InputError
from scripts.scoring.options import add_platform, clients_of, prefix_of, run

OVERRIDES = ("approval", "cooldown", "weekly-limit", "budget", "former-model", "data")
POLL_SECONDS = 1.0


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = argparse.ArgumentParser(
        prog="python -m scripts.guard", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = result.add_subparsers(dest="command", required=True)
    status = commands.add_parser("status", help="limits, and the latest decisions")
    status.add_argument("--limit", type=int, default=10, help="decisions that are shown (default: 10)")
    show = commands.add_parser("show", help="one decision, as JSON")
    show.add_argument("execution", help="the execution's name or ARN, from status or a message")
    start = commands.add_parser("start", help="ask the guard now")
    start.add_argument("--override", action="append", default=[], choices=OVERRIDES, help="leave out a check")
    start.add_argument("--reason", default="", help="why, for the record")
    start.add_argument("--no-follow", dest="follow", action="store_false", help="ask and return at once")
    for command in (status, show, start):
        add_platform(command)
    return result


def main(arguments: list[str] | None = None, console: Console | None = None) -> int:
    """Run the command and return its exit code."""
    options = parser().parse_args(arguments)
    commands = {"status": _status, "show": _show, "start": _start}
    return run("guard", lambda: commands[options.command](options, console or Console()))


def guard_of(clients: Clients, prefix: str) -> str:
    """The ARN of the environment's guard."""
    return outputs_of(clients, f"{prefix}-retraining-loop")["GuardArn"]


def ask(clients: Clients, guard: str, request: dict) -> str:
    """Start an execution of the guard and return its ARN."""
    return clients.stepfunctions.start_execution(stateMachineArn=guard, input=json.dumps(request))["executionArn"]


def wait(clients: Clients, execution: str) -> Decision:
    """Return the decision when it is made."""
    while (found := decision(clients, execution)).status == "Running":
        time.sleep(POLL_SECONDS)
    return found


def _status(options: argparse.Namespace, console: Console) -> None:
    if not 1 <= options.limit <= 100:
        raise InputError(f"--limit {options.limit}: must be between 1 and 100")
    clients, prefix = clients_of(options), prefix_of(options)
    guard = guard_of(clients, prefix)
    machine = outputs_of(clients, f"{prefix}-training")["StateMachineArn"]
    print_standing(standing(clients, prefix, guard, machine), console)
    console.print()
    print_decisions(decisions(clients, guard, options.limit), console)


def _show(options: argparse.Namespace, console: Console) -> None:
    clients = clients_of(options)
    arn = options.execution
    if not arn.startswith("arn:"):
        guard = guard_of(clients, prefix_of(options))
        arn = guard.replace(":stateMachine:", ":execution:", 1) + f":{arn}"
    console.print_json(json.dumps(asdict(decision(clients, arn)), default=str))


def _start(options: argparse.Namespace, console: Console) -> int:
    if holds_card_number(options.reason):
        raise InputError("--reason holds a card number: it would stay in the guard's history and in messages")
    clients = clients_of(options)
    request = {"trigger": "operator", "reason": options.reason, "override": options.override}
    execution = ask(clients, guard_of(clients, prefix_of(options)), request)
    console.print(f"Asked: {execution}", soft_wrap=True, highlight=False)
    if not options.follow:
        return 0
    with console.status("The guard looks at limits and data …"):
        found = wait(clients, execution)
    console.print(f"{found.status}{f' ({found.check})' if found.check else ''}: {summary(found)}", soft_wrap=True)
    return {"Started": 0, "Refused": EXIT_REJECTED}.get(found.status, EXIT_FAILED)


if __name__ == "__main__":
    sys.exit(main())
