"""Every example of docs/rules.md does what the page says."""

import re
import shlex
from pathlib import Path

import pytest
import yaml

from fraud import event_types
from fraud.decisions import MODES, Rule, RuleSet, compile_rules, from_mapping
from fraud.decisions.afd import to_cel
from fraud.decisions.compiling import LONGEST_CONDITION
from fraud.decisions.defaults import DECLINE_SCORE, REVIEW_SCORE
from fraud.decisions.model import DEFAULT_OUTCOMES
from fraud.decisions.parsing import MOST_RULES, MOST_TEXTS
from fraud.decisions.thresholds import Costs
from inference_code.scoring.active_rules import KEPT_SECONDS
from scripts import backtest, rules

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "rules.md").read_text(encoding="utf-8")
CARDS = event_types.load("card-transactions")
_BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)
_ROW = re.compile(r"^\| (.*) \|$", re.MULTILINE)


def _blocks(kind):
    return [text for found, text in _BLOCKS if found == kind]


def _lines(kind):
    return [line for text in _blocks(kind) for line in text.splitlines() if line.strip()]


def _cells():
    """Rows of tables; a bar inside a cell is escaped."""
    return [[cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", row)] for row in _ROW.findall(PAGE)]


@pytest.mark.parametrize("text", _blocks("yaml"))
def test_rule_sets_are_valid(text):
    assert len(compile_rules(from_mapping(yaml.safe_load(text)), CARDS).compiled) > 0


@pytest.mark.parametrize("condition", _lines("cel"))
def test_conditions_compile(condition):
    lists = {name: ("1",) for name in ("trusted", "watched")}
    compile_rules(RuleSet((Rule("r", condition, "review"),), lists=lists), CARDS)


@pytest.mark.parametrize("line", [line for line in _lines("bash") if line.startswith("python")])
def test_commands_are_understood(line):
    words = shlex.split(line.partition(" >")[0])
    parser = {"scripts.rules": rules.parser, "scripts.backtest": backtest.parser}[words[2]]()
    parser.parse_args(words[3:])


def test_rules_of_amazon_fraud_detector_become_what_the_table_says():
    rows = [cells for cells in _cells() if len(cells) == 2 and ("$" in cells[0])]
    assert len(rows) > 6
    for theirs, ours in rows:
        assert to_cel(theirs.strip("`")) == ours.strip("`")


def test_limits_and_defaults_are_those_of_the_code():
    for text in (
        f"within {KEPT_SECONDS} seconds",
        f"at most {MOST_RULES}, in order",
        f"at most {LONGEST_CONDITION:,} characters",
        f"{MOST_TEXTS:,} texts",
        f"({DECLINE_SCORE} is three to one, {REVIEW_SCORE} one in",
        f"`[{', '.join(DEFAULT_OUTCOMES)}]`",
        *(f"`{mode}`" for mode in MODES),
    ):
        assert " ".join(text.split()) in " ".join(PAGE.split()), text
    defaults = backtest.parser().parse_args(["--data", "x"])
    costs = Costs(**{name: getattr(defaults, name) for name in Costs.__dataclass_fields__})
    assert costs == Costs()
    stated = {cells[0]: cells[1] for cells in _cells() if cells[0].startswith("`--")}
    assert stated["`--review-cost`"] == defaults.review
    assert stated["`--missed-share`, `--missed-fixed`"] == f"{defaults.missed_share}, {defaults.missed_fixed}"
    assert stated["`--declined-share`, `--declined-fixed`"] == f"{defaults.declined_share}, {defaults.declined_fixed}"


def test_the_division_that_the_page_promises():
    rules_ = compile_rules(RuleSet((Rule("r", "probability == 1 / 2", "review"),)), CARDS)
    assert rules_.evaluate({"probability": 0.5}) == [True]
