"""From conditions to compiled CEL, checked against the event type: unknown names, wrong types, no boolean.

CEL does not mix whole numbers and doubles, so `amount > 100` is an error in it. Analysts should not need to know:
where the type checker refuses a whole number beside a double, the literal is read as a double.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from cel_expr_python import cel

from fraud.decisions.deciding import CompiledRule, Rules
from fraud.decisions.explaining import explain
from fraud.decisions.membership import Membership, with_lookups
from fraud.decisions.model import Rule, RuleSet
from fraud.decisions.parsing import RuleError, RuleFault
from fraud.decisions.tokens import Token, tokens_of
from fraud.decisions.variables import LISTS, Variable, variables_of
from fraud.event_types.model import EventType

__all__ = ["compile_rules", "variables_of"]

LONGEST_CONDITION = 4_000
_TYPES = {"number": cel.Type.DOUBLE, "text": cel.Type.STRING, "boolean": cel.Type.BOOL}
_ERROR = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*)")
_OVERLOAD = "found no matching overload"


def compile_rules(ruleset: RuleSet, event_type: EventType) -> Rules:
    """Return the rules ready to decide events of a type.

    Raises RuleError naming each fault with its rule, line and column.
    """
    variables = variables_of(event_type)
    environment = _environment(variables)
    faults: list[RuleFault] = []
    compiled = []
    for rule in ruleset.rules:
        found = _check(rule, ruleset, variables)
        text = None
        if not found:
            text, found = _checked(rule, environment, variables)
        faults += found
        if text is not None:
            tokens = tokens_of(rule.when)
            needs = frozenset(token.text for token in tokens if token.is_name and token.text in variables)
            text, memberships = with_lookups(text, tokens_of(text), variables, ruleset.lists)
            compiled.append((rule, text, needs, memberships))
    if faults:
        raise RuleError(faults)
    tested = frozenset().union(*(memberships for *_, memberships in compiled))
    environment = _environment(variables, tested)
    rules = [CompiledRule(rule, environment.compile(text), needs, found, text) for rule, text, needs, found in compiled]
    return Rules(ruleset, tuple(rules), environment, variables)


def _environment(variables: Mapping[str, Variable], tested: frozenset[Membership] = frozenset()) -> cel.Env:
    return cel.NewEnv(
        variables={name: _TYPES[variable.type] for name, variable in variables.items()}
        | {LISTS: cel.Type.Map(cel.Type.STRING, cel.Type.List(cel.Type.STRING))}
        | {membership.name: cel.Type.BOOL for membership in tested}
    )


def _check(rule: Rule, ruleset: RuleSet, variables: Mapping[str, Variable]) -> list[RuleFault]:
    """Faults that CEL's type checker does not see: the length, and lists that do not exist."""
    if len(rule.when) > LONGEST_CONDITION:
        return [RuleFault(rule.name, f"the condition is longer than {LONGEST_CONDITION} characters")]
    faults = []
    tokens = tokens_of(rule.when)
    for place, token in enumerate(tokens):
        following = [*(after.text for after in tokens[place + 1 : place + 4]), "", "", ""]
        before = tokens[place - 1].text if place else ""
        if token.text != LISTS or before == "." or following[0] not in (".", "["):
            continue
        at = tokens[min(place + 2, len(tokens) - 1)]
        quoted = following[1][:1] in ("'", '"')
        if following[0] == "[" and not (quoted and following[2] == "]"):
            faults.append(RuleFault(rule.name, f'name the list: {LISTS}.name or {LISTS}["name"]', at.line, at.column))
            continue
        name = following[1].strip("\"'")
        if name not in ruleset.lists:
            there = ", ".join(sorted(ruleset.lists)) or "none"
            faults.append(RuleFault(rule.name, f"there is no list {name!r}; lists are: {there}", at.line, at.column))
    return faults


def _checked(rule: Rule, environment: cel.Env, variables: Mapping[str, Variable]) -> tuple[str | None, list[RuleFault]]:
    """The condition as CEL takes it, with doubles where they are needed, or its faults."""
    tokens = tokens_of(rule.when)
    doubles: set[int] = set()
    while True:
        text, shifts = _with_doubles(rule.when, tokens, doubles)
        try:
            expression = environment.compile(text)
        except RuntimeError as error:
            problems = [_original(found, shifts) for found in _ERROR.findall(str(error))]
            more = {place for line, column, message in problems for place in _literals(tokens, line, column, message)}
            if more - doubles:
                doubles |= more
                continue
            faults = [_fault(rule, tokens, problem, variables) for problem in problems]
            return None, faults or [RuleFault(rule.name, str(error).splitlines()[0])]
        if expression.return_type() != cel.Type.BOOL:
            kind = expression.return_type().name().lower()
            return None, [RuleFault(rule.name, f"the condition is of type {kind}: it must be true or false", 1, 1)]
        return text, []


def _fault(
    rule: Rule, tokens: list[Token], problem: tuple[int, int, str], variables: Mapping[str, Variable]
) -> RuleFault:
    line, column, message = problem
    at = next((token for token in tokens if (token.line, token.column) == (line, column)), None)
    # CEL places an unknown function at the bracket of its call.
    is_call = at is not None and at.text == "("
    if is_call and "undeclared" in message:
        called = tokens[tokens.index(at) - 1]
        line, column = called.line, called.column
    return RuleFault(rule.name, explain(message, [*variables, LISTS], is_call), line, column)


def _with_doubles(text: str, tokens: list[Token], places: set[int]) -> tuple[str, list[tuple[int, int]]]:
    """The condition with some literals as doubles, and (line, column) of what was inserted."""
    parts, last, shifts = [], 0, []
    for place in sorted(places):
        end = tokens[place].end
        parts += [text[last:end], ".0"]
        last = end
        shifts.append((tokens[place].line, tokens[place].column + len(tokens[place].text)))
    return "".join(parts) + text[last:], shifts


def _original(found: tuple[str, str, str], shifts: list[tuple[int, int]]) -> tuple[int, int, str]:
    """A fault's place in the condition as it was written."""
    line, column = int(found[0]), int(found[1])
    for inserted_line, inserted_column in shifts:
        if inserted_line == line and column > inserted_column:
            column -= 2
    return line, column, found[2]


def _literals(tokens: list[Token], line: int, column: int, message: str) -> list[int]:
    """Whole numbers beside the operator that the type checker refuses because the other side is a double."""
    if not message.startswith(_OVERLOAD) or "double" not in message or "int" not in message:
        return []
    at = next((place for place, token in enumerate(tokens) if (token.line, token.column) == (line, column)), None)
    if at is None:
        return []
    if tokens[at].text == "?":
        return [place for place in (at + 1, _branch(tokens, at)) if place < len(tokens) and tokens[place].is_whole]
    step = at + 1
    while step < len(tokens) and tokens[step].text in ("-", "("):
        step += 1
    if step < len(tokens) and tokens[step].text == "[":
        inside = range(step, next((i for i in range(step, len(tokens)) if tokens[i].text == "]"), len(tokens)))
        return [place for place in inside if tokens[place].is_whole]
    before = at - 1
    while before >= 0 and tokens[before].text == ")":
        before -= 1
    sides = [place for place in (before, step) if 0 <= place < len(tokens)]
    return [place for place in sides if tokens[place].is_whole]


def _branch(tokens: list[Token], at: int) -> int:
    """The token after the colon that belongs to a question mark; past the end if there is none."""
    depth = 0
    for place in range(at, len(tokens)):
        depth += {"?": 1, ":": -1}.get(tokens[place].text, 0)
        if depth == 0:
            return place + 1
    return len(tokens)
