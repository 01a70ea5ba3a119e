"""What differs between two rule sets, in words."""

from __future__ import annotations

from collections.abc import Iterator

from fraud.decisions.model import Rule, RuleSet


def changes(before: RuleSet, after: RuleSet) -> list[str]:
    """Return a line for each difference; versions are not compared."""
    return [*_settings(before, after), *_rules(before, after), *_lists(before, after)]


def _settings(before: RuleSet, after: RuleSet) -> Iterator[str]:
    for name in ("mode", "default"):
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            yield f"{name}: {old} became {new}"
    if before.outcomes != after.outcomes:
        yield f"outcomes: {', '.join(before.outcomes)} became {', '.join(after.outcomes)}"


def _rules(before: RuleSet, after: RuleSet) -> Iterator[str]:
    old, new = ({rule.name: rule for rule in side.rules} for side in (before, after))
    yield from (f"rule {name}: removed" for name in old if name not in new)
    yield from (f"rule {name}: added{_shadow(rule)}" for name, rule in new.items() if name not in old)
    for name, rule in new.items():
        if name in old and rule != old[name]:
            yield f"rule {name}: {', '.join(_fields(old[name], rule))}"
    kept = [name for name in old if name in new]
    if kept != [name for name in new if name in old]:
        matters = "" if before.mode == after.mode == "all-match" else ", and the first that fires decides"
        yield f"rules: their order changed{matters}"


def _fields(old: Rule, new: Rule) -> Iterator[str]:
    if old.when != new.when:
        yield "another condition"
    if old.outcome != new.outcome:
        yield f"outcome {old.outcome} became {new.outcome}"
    if old.shadow != new.shadow:
        yield "now in shadow" if new.shadow else "now acting"
    if old.description != new.description:
        yield "another description"


def _shadow(rule: Rule) -> str:
    return " in shadow" if rule.shadow else ""


def _lists(before: RuleSet, after: RuleSet) -> Iterator[str]:
    for name in dict.fromkeys([*before.lists, *after.lists]):
        old, new = before.lists.get(name), after.lists.get(name)
        if old is None or new is None:
            yield f"list {name}: {'removed' if new is None else 'added'}"
        elif old != new:
            yield f"list {name}: {compared(old, new)}"


def compared(before: tuple[str, ...], after: tuple[str, ...]) -> str:
    """Return how many texts came and went, for example "2 added, 1 removed"."""
    added, removed = len(set(after) - set(before)), len(set(before) - set(after))
    return f"{added} added, {removed} removed" if added or removed else "the same texts in another order"
