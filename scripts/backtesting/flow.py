"""A backtest from its options to its report."""

from __future__ import annotations

import argparse
import json

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from fraud.backtest.firing import fire
from fraud.backtest.results import SetResult, results
from fraud.decisions import RuleSet, compile_rules
from fraud.decisions.thresholds import Budget, Costs
from fraud.decisions.variables import SCORE_NAMES
from scripts.backtesting import sources
from scripts.backtesting.findings import Findings, find, to_json
from scripts.backtesting.page import build
from scripts.backtesting.replay import Replay
from scripts.backtesting.terminal import show
from scripts.report.build import write
from scripts.retraining.errors import InputError


def backtest(options: argparse.Namespace, console: Console) -> Findings:
    """Replay, print and write; raises InputError before anything is written."""
    costs, budget = _prices(options)
    if (options.data is None) == (options.decisions is None):
        raise InputError("give either --data or --decisions")
    if options.first and options.last and options.first >= options.last:
        raise InputError("--from must be before --to")
    if options.days is not None and (options.days <= 0 or options.first):
        raise InputError("--days: more than 0, and not beside --from")

    def say(text: str) -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    replayed = sources.replay(options, say)
    history = replayed.history
    ruleset, name = sources.ruleset(options.rules, options, replayed.event_type)
    result, notes = _result(ruleset, replayed, costs, options, console)
    other = None
    if options.against:
        other_set, other_name = sources.ruleset(options.against, options, replayed.event_type)
        other = other_name, _result(other_set, replayed, costs, options, console)[0]
    facts = {**replayed.facts, "rules": name, **({"compared with": other[0]} if other else {})}
    notes += _gaps(replayed, costs)
    findings = find(name, result, history, costs, budget, other, facts, (*replayed.notes, *notes))
    page = build(options.title, findings)
    show(findings, console)
    if options.json:
        write(json.dumps(to_json(findings), indent=1) + "\n", options.json)
    say(f"Report: {write(page, options.out)}")
    return findings


def _gaps(replayed: Replay, costs: Costs) -> list[str]:
    """What the event type cannot say, and what follows for the numbers."""
    notes = []
    if replayed.history.first_day is None:
        notes.append("the events have no times: numbers a day are those of all events")
    if replayed.event_type.amount is None and not costs.missed_fixed:
        notes.append("the events have no amounts: state what a fraud costs by --missed-fixed")
    return notes


def _prices(options: argparse.Namespace) -> tuple[Costs, Budget | None]:
    try:
        costs = Costs(**{name: getattr(options, name) for name in Costs.__dataclass_fields__})
        budget = Budget(options.reviews_a_day, options.review_share, options.on_average)
    except ValueError as error:
        raise InputError(str(error)) from error
    return costs, None if options.reviews_a_day is None and options.review_share is None else budget


def _result(
    ruleset: RuleSet, replayed: Replay, costs: Costs, options: argparse.Namespace, console: Console
) -> tuple[SetResult, list[str]]:
    unknown = [outcome for outcome, _ in options.action if outcome not in ruleset.outcomes]
    if unknown:
        raise InputError(f"--action: there is no outcome {unknown[0]!r}; outcomes are {', '.join(ruleset.outcomes)}")
    history = replayed.history
    rules = compile_rules(ruleset, replayed.event_type)
    notes = []
    if history.scores is None:
        blind = [compiled.rule.name for compiled in rules.compiled if compiled.needs & set(SCORE_NAMES)]
        if blind:
            notes.append(f"without a model (--model) these rules are skipped: {', '.join(blind)}")
    codes = _fired(rules, replayed, options, console)
    return results(ruleset, codes, history, costs, dict(options.action)), notes


def _fired(rules, replayed: Replay, options: argparse.Namespace, console: Console) -> np.ndarray:
    columns = (TextColumn("rules"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("rules", total=1)
        return fire(
            rules,
            replayed.event_type,
            replayed.history.variables,
            options.processes,
            lambda done, total: bar.update(task, completed=done, total=total),
        )
