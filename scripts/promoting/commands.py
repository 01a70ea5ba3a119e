"""The commands, one function each: `options` are those of the command line."""

from __future__ import annotations

import argparse
import json
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from rich.console import Console

from fraud.evaluation.comparison import ComparisonError, Settings
from fraud.evaluation.comparison_page import page
from fraud.models.scoring import probability_of
from fraud.monitoring.challenge import Sources, compare_captures
from scripts.promoting import captures, changes, packages
from scripts.promoting.display import PLAIN, show_comparison, show_duel
from scripts.promoting.duel import Duel, look, refuse_if_busy, version_of
from scripts.retraining.clients import Clients
from scripts.retraining.errors import InputError
from scripts.scoring.options import clients_of, prefix_of


def status(options: argparse.Namespace, console: Console) -> None:
    """Say which models are deployed."""
    show_duel(_open(options)[1], console)


def start(options: argparse.Namespace, console: Console) -> None:
    """Deploy a package as challenger, after every check."""
    clients, duel = _open(options)
    if duel.mode == "none":
        raise InputError(
            "serving.challenger.mode is none: set it to shadow or ab in cdk.json and deploy the serving stack."
        )
    if not duel.champion:
        raise InputError(f"{duel.prefix} serves no model yet: there is nothing to challenge. Retrain first.")
    package = packages.resolve(clients, duel, options.package)
    if package == duel.champion:
        raise InputError(f"{version_of(package)} is the champion itself.")
    if duel.challenger == package:
        console.print(f"{version_of(package)} is the challenger already.", **PLAIN)
        return
    if duel.challenger:
        raise InputError(f"{version_of(duel.challenger)} is the challenger: withdraw or promote it first.")
    found = packages.describe(clients, package)
    packages.check_approval(found, for_payments=duel.mode == "ab", allow_unapproved=options.allow_unapproved)
    packages.check_features(clients, packages.describe(clients, duel.champion), found)
    _say_retraining(refuse_if_busy(clients, duel), console)
    how = "as a shadow: its answers are captured, never returned" if duel.mode == "shadow" else "in an A/B test"
    if options.dry_run:
        console.print(f"{version_of(package)} can be started {how}. Nothing was changed.", **PLAIN)
        return
    console.print(f"Starting {version_of(package)} {how} …", **PLAIN)
    show_duel(changes.set_challenger(clients, duel, package, console), console)


def withdraw(options: argparse.Namespace, console: Console) -> None:
    """Take the challenger away."""
    clients, duel = _open(options)
    if not duel.challenger:
        console.print("There is no challenger.", **PLAIN)
        return
    refuse_if_busy(clients, duel)
    if options.dry_run:
        console.print(f"{version_of(duel.challenger)} would be withdrawn. Nothing was changed.", **PLAIN)
        return
    console.print(f"Withdrawing {version_of(duel.challenger)} …", **PLAIN)
    show_duel(changes.set_challenger(clients, duel, "", console), console)


def promote(options: argparse.Namespace, console: Console) -> None:
    """Make the challenger, or another approved version, the champion, through the state machine."""
    clients, duel = _open(options)
    if not options.package and not duel.challenger:
        raise InputError("There is no challenger to promote; name a version to promote that one.")
    package = packages.resolve(clients, duel, options.package) if options.package else duel.challenger
    if package == duel.champion and not duel.half_promoted:
        console.print(f"{version_of(package)} is the champion already.", **PLAIN)
        return
    found = packages.describe(clients, package)
    packages.check_approval(found, for_payments=True, allow_unapproved=options.approve)
    if duel.champion:
        packages.check_features(clients, packages.describe(clients, duel.champion), found)
    _say_retraining(refuse_if_busy(clients, duel), console)
    pending = found.get("ModelApprovalStatus") != packages.APPROVED
    what = f"{version_of(package)} in place of {version_of(duel.champion)}"
    if options.dry_run:
        console.print(f"{'Approve and promote' if pending else 'Promote'} {what}. Nothing was changed.", **PLAIN)
        return
    console.print(f"Promoting {what} …", **PLAIN)
    execution = _begin(clients, duel, package, pending)
    console.print(f"  {execution}", **PLAIN)
    if not options.follow:
        return
    changes.follow_promotion(clients, execution, console)
    show_duel(look(clients, duel.prefix), console)


def _begin(clients: Clients, duel: Duel, package: str, pending: bool) -> str:
    """Start the promotion, approving the package first where it waits for that."""
    known = changes.executions(clients, duel)
    if pending:
        changes.approve(clients, package, "Approved by scripts.promote after it challenged the champion")
        if changes.needs_approval(clients, duel):
            # There an approval is what starts a promotion.
            return changes.promotion_by_approval(clients, duel, package, known)
    return changes.start_promotion(clients, duel, package)


def compare(options: argparse.Namespace, console: Console) -> None:
    """Compare what both models answered, and write the report."""
    clients, duel = _open(options)
    if not duel.champion or (not duel.challenger and not options.since):
        raise InputError("There is no challenger; give --since to compare what an earlier one answered.")
    if options.out.suffix != ".html":
        raise InputError(f"--out {options.out}: must end in .html")
    end = options.until or datetime.now(timezone.utc)
    beginning = options.since or captures.pair_since(clients, duel)
    amount = packages.schema_of(clients, packages.describe(clients, duel.champion))
    names = amount.feature_names
    days = options.genuine_after
    with tempfile.TemporaryDirectory(prefix="comparison-") as scratch:
        folders = captures.download(clients, duel, Path(scratch), beginning, end, console)
        sources = Sources(
            champion=folders["champion"],
            challenger=folders["challenger"],
            ground_truth=folders["labels"],
            start=options.since,
            end=options.until,
            amount_at=names.index(amount.amount) if amount.amount in names else None,
            genuine_before=None if days is None else datetime.now(timezone.utc) - timedelta(days=days),
        )
        try:
            settings = Settings(
                threshold=probability_of(options.score), review_cost=options.review_cost, samples=options.samples
            )
            result = compare_captures(sources, settings, mode="auto" if duel.mode == "none" else duel.mode)
        except ComparisonError as error:
            raise InputError(str(error)) from error
    result = _named(result, duel)
    show_comparison(result, console)
    _write(options.out, page(result, _title(duel)))
    _write(options.out.with_suffix(".json"), json.dumps(result, indent=1, allow_nan=False) + "\n")
    console.print(f"Report: {options.out}", **PLAIN)


def _named(result: dict[str, Any], duel: Duel) -> dict[str, Any]:
    return {**result, "champion_package": duel.champion, "challenger_package": duel.challenger}


def _title(duel: Duel) -> str:
    challenger = version_of(duel.challenger) if duel.challenger else "an earlier one"
    return f"{duel.prefix}: champion {version_of(duel.champion)}, challenger {challenger}"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def _say_retraining(runs: list[str], console: Console) -> None:
    if runs:
        console.print(f"Note: retraining {', '.join(runs)} is running, and may promote a model of its own.", **PLAIN)


def _open(options: argparse.Namespace) -> tuple[Clients, Duel]:
    clients = clients_of(options)
    return clients, look(clients, prefix_of(options))
