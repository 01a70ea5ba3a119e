"""From an event with its features and score to a decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cel_expr_python import cel

from fraud.decisions.membership import Membership
from fraud.decisions.model import Rule, RuleSet
from fraud.decisions.variables import LISTS, SCORE_NAMES, Variable
from fraud.event_types.event import Event


@dataclass(frozen=True)
class CompiledRule:
    """A rule with its expression, the variables it refers to, and the lists they are looked up in.

    `text` is the condition as CEL has it: with doubles, and a variable in place of each membership.
    """

    rule: Rule
    expression: cel.Expression
    needs: frozenset[str]
    memberships: frozenset[Membership]
    text: str


@dataclass(frozen=True)
class FiredRule:
    """A rule that fired."""

    name: str
    outcome: str
    shadow: bool


@dataclass(frozen=True)
class Decision:
    """The outcome of an event, every rule that fired, and the rules that could not be evaluated.

    A rule is skipped where a variable it refers to has no value (the score too, when the model did not answer) or its
    evaluation fails.
    """

    outcome: str
    fired: tuple[FiredRule, ...]
    skipped: tuple[str, ...]
    rules_version: int


class Rules:
    """A checked rule set that decides events; made by `compile_rules`."""

    def __init__(
        self,
        ruleset: RuleSet,
        compiled: tuple[CompiledRule, ...],
        environment: cel.Env,
        variables: Mapping[str, Variable],
    ) -> None:
        self.ruleset = ruleset
        self.compiled = compiled
        self.variables = variables
        self._environment = environment
        # Only what some rule refers to is handed to CEL: converting values costs more than evaluating rules.
        used = frozenset().union(*(rule.needs for rule in compiled))
        self.used = tuple(variable for name, variable in variables.items() if name in used)
        self._lists = {name: list(texts) for name, texts in ruleset.lists.items()}
        self._sets = {name: frozenset(texts) for name, texts in ruleset.lists.items()}
        self._tests = [
            (test.name, test.variable, self._sets[test.list])
            for test in sorted(frozenset().union(*(rule.memberships for rule in compiled)))
        ]
        self._severity = {outcome: place for place, outcome in enumerate(ruleset.outcomes)}

    def decide(self, event: Event, features: Sequence[float], score: int | None, probability: float | None) -> Decision:
        """Return the decision; `features` are in the catalogue's order, score and probability None if unknown."""
        results = self.evaluate(self._values(event, features, score, probability))
        pairs = [(compiled.rule, result) for compiled, result in zip(self.compiled, results, strict=True)]
        fired = tuple(FiredRule(rule.name, rule.outcome, rule.shadow) for rule, result in pairs if result)
        skipped = tuple(rule.name for rule, result in pairs if result is None)
        return Decision(self._outcome(fired), fired, skipped, self.ruleset.version)

    def evaluate(self, values: Mapping[str, Any], which: Sequence[int] | None = None) -> list[bool | None]:
        """Return whether each rule fires, None where it is skipped; `which` are positions, by default all.

        `values` has the variables that have a value: float, str or bool.
        """
        known = dict(values)
        for name, variable, texts in self._tests:
            if variable in known:
                known[name] = known[variable] in texts
        known[LISTS] = self._lists
        activation = self._environment.Activation(known)
        chosen = self.compiled if which is None else [self.compiled[place] for place in which]
        return [_result(compiled, activation) if compiled.needs <= values.keys() else None for compiled in chosen]

    def _values(self, event: Event, features: Sequence[float], score: Any, probability: Any) -> dict[str, Any]:
        """The variables that have a value."""
        scores = dict(zip(SCORE_NAMES, (score, probability), strict=True))
        values: dict[str, Any] = {}
        for variable in self.used:
            if variable.source == "column":
                value = event.values.get(variable.key)
            elif variable.source == "feature":
                value = features[variable.key]
            else:
                value = scores[variable.key]
            # A value that is not equal to itself is NaN: a feature that is missing.
            if value is not None and value == value:
                values[variable.name] = float(value) if variable.type == "number" else value
        return values

    def _outcome(self, fired: Sequence[FiredRule]) -> str:
        acting = [rule.outcome for rule in fired if not rule.shadow]
        if not acting:
            return self.ruleset.default
        return acting[0] if self.ruleset.mode == "first-match" else max(acting, key=self._severity.__getitem__)


def _result(compiled: CompiledRule, activation: cel.Activation) -> bool | None:
    try:
        value = compiled.expression.eval(activation=activation).value()
    except RuntimeError:
        # Some failures are raised, such as a loop over more than 10,000 texts: no payment waits for a rule.
        return None
    return value if isinstance(value, bool) else None
