"""Rule sets in YAML or JSON files: read with the places of their conditions, written so that people can edit them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from fraud.cards import holds_card_number
from fraud.decisions import RuleError, RuleFault, RuleSet, from_mapping, to_mapping
from scripts.retraining.errors import InputError

_YAML_NOTE = 'quote texts that YAML reads as something else ("on", "no", numbers)'


@dataclass(frozen=True)
class RuleFile:
    """A file's rule set, and where in the file (line, column, from 1) the text of each rule's condition begins.

    `indents` is None for a condition whose columns in the file cannot be told.
    """

    path: Path
    ruleset: RuleSet
    conditions: dict[str, Condition] = field(default_factory=dict)


@dataclass(frozen=True)
class Condition:
    """A condition's text, and for each of its lines the place in the file; columns are 0 where they are unknown."""

    text: str
    places: tuple[tuple[int, int], ...]


def read(path: Path) -> RuleFile:
    """Return the rule set of a file; raises InputError naming file, line and field."""
    text = _text(path)
    if path.suffix.lower() == ".json":
        body, conditions = _json(path, text), {}
    else:
        body, conditions = _yaml(path, text)
    try:
        ruleset = from_mapping(body)
    except RuleError as error:
        raise InputError(described(path, error, conditions)) from error
    return RuleFile(path, ruleset, conditions)


def described(path: Path | str, error: RuleError, conditions: dict[str, Condition] | None = None) -> str:
    """Return every fault on a line of its own, as file:line:column where that is known, with the text at fault."""
    lines = [f"{path}: {len(error.faults)} fault{'s' if len(error.faults) > 1 else ''}, nothing was saved"]
    for fault in error.faults:
        lines += _fault(path, fault, (conditions or {}).get(fault.rule))
    return "\n".join(lines)


def refuse_card_numbers(path: Path | str, ruleset: RuleSet) -> None:
    """Raise InputError where a condition or a list holds a raw card number; it is not repeated."""
    places = [f"rule {rule.name}" for rule in ruleset.rules if holds_card_number(f"{rule.when} {rule.description}")]
    places += [
        f"list {name}, text {number}"
        for name, texts in ruleset.lists.items()
        for number, text in enumerate(texts, 1)
        if holds_card_number(text)
    ]
    if places:
        shown = ", ".join(places[:5]) + (" …" if len(places) > 5 else "")
        raise InputError(f"{path}: {shown}: holds a card number; use the token that transactions are sent with")


def to_yaml(ruleset: RuleSet, heading: str = "") -> str:
    """Return a rule set as YAML; `heading` becomes comments at its top."""
    comments = "".join(f"# {line}\n" if line else "#\n" for line in heading.splitlines())
    body = to_mapping(ruleset)
    if not ruleset.version:
        del body["version"]
    if not ruleset.lists:
        del body["lists"]
    return comments + yaml.dump(body, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


def read_texts(path: Path) -> list[str]:
    """Return the texts of a list's file: one a line, empty lines and those that begin with # left out, or JSON."""
    text = _text(path)
    if path.suffix.lower() == ".json":
        texts = _json(path, text)
        if not isinstance(texts, list) or not all(isinstance(item, str) and item for item in texts):
            raise InputError(f"{path}: a JSON list of texts is needed (quote numbers)")
        return texts
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


class _Dumper(yaml.SafeDumper):
    pass


def _text_node(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text_node)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 (byte {error.start})") from error


def _json(path: Path, text: str) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        for position, (key, _) in enumerate(pairs):
            if key in (earlier for earlier, _ in pairs[:position]):
                raise InputError(f"{path}: the field {key!r} is given twice")
        return dict(pairs)

    try:
        return json.loads(text, object_pairs_hook=unique)
    except ValueError as error:
        raise InputError(f"{path}: is not JSON: {error}") from error
    except RecursionError as error:
        raise InputError(f"{path}: is nested too deeply") from error


def _yaml(path: Path, text: str) -> tuple[Any, dict[str, Condition]]:
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        for node in _nodes(root):
            if isinstance(node, yaml.MappingNode):
                _refuse_repeated(path, node)
        return yaml.safe_load(text), _conditions(root, text.splitlines())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise InputError(f"{path}{place}: is not YAML: {error.problem or error.context}; {_YAML_NOTE}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: is not YAML: {error}") from error


def _nodes(node: yaml.Node | None, seen: set[int] | None = None) -> Iterator[yaml.Node]:
    seen = set() if seen is None else seen
    if node is None or id(node) in seen:
        return
    seen.add(id(node))
    yield node
    if isinstance(node, yaml.SequenceNode):
        for inner in node.value:
            yield from _nodes(inner, seen)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _nodes(key, seen)
            yield from _nodes(value, seen)


def _refuse_repeated(path: Path, node: yaml.MappingNode) -> None:
    keys: set[str] = set()
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode):
            if key.value in keys:
                line = key.start_mark.line + 1
                raise InputError(f"{path}:{line}:{key.start_mark.column + 1}: the field {key.value!r} is given twice")
            keys.add(key.value)


def _conditions(root: yaml.Node | None, lines: list[str]) -> dict[str, Condition]:
    """The condition of each rule by the rule's name."""
    found = {}
    rules = _member(root, "rules")
    for rule in rules.value if isinstance(rules, yaml.SequenceNode) else ():
        name, when = _member(rule, "name"), _member(rule, "when")
        if isinstance(name, yaml.ScalarNode) and isinstance(when, yaml.ScalarNode):
            found[name.value] = Condition(when.value, _places(when, lines))
    return found


def _member(node: yaml.Node | None, wanted: str) -> yaml.Node | None:
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return next((value for key, value in pairs if key.value == wanted), None)


def _places(node: yaml.ScalarNode, lines: list[str]) -> tuple[tuple[int, int], ...]:
    """Where each line of a scalar's value begins in the file."""
    line, column = node.start_mark.line, node.start_mark.column
    texts = node.value.splitlines() or [""]
    places = []
    for number, text in enumerate(texts):
        if node.style == "|":
            raw = lines[line + 1 + number] if line + 1 + number < len(lines) else ""
            places.append((line + 2 + number, raw.find(text) + 1))
        else:
            # A text that YAML unfolds or unescapes stands nowhere as it is: only its first line is known then.
            raw = lines[line] if len(texts) == 1 else ""
            places.append((line + 1, raw.find(text, column) + 1))
    return tuple(places)


def _fault(path: Path | str, fault: RuleFault, condition: Condition | None) -> list[str]:
    if condition is None or not fault.line:
        return [f"  {path}: {fault}"]
    line, column = condition.places[min(fault.line, len(condition.places)) - 1]
    where = f"{path}:{line}:{column + fault.column - 1}" if column else f"{path}:{line}"
    text = (condition.text.splitlines() or [""])[min(fault.line, len(condition.places)) - 1]
    return [f"  {where}: {fault}", f"      {text}", f"      {' ' * (fault.column - 1)}^"]
