"""Decisions: rules over an event, its features and its score, and the outcome that follows.

`RuleSet` is what analysts write and what is stored, `compile_rules` checks it against an event type, and the `Rules`
it returns decide. Rules are CEL (Common Expression Language) expressions; see docs/rules.md.
"""

from fraud.decisions.compiling import compile_rules, variables_of
from fraud.decisions.deciding import Decision, FiredRule, Rules
from fraud.decisions.defaults import default_ruleset
from fraud.decisions.model import MODES, Rule, RuleSet
from fraud.decisions.parsing import RuleError, RuleFault, from_mapping, to_mapping

__all__ = [
    "MODES",
    "Decision",
    "FiredRule",
    "Rule",
    "RuleError",
    "RuleFault",
    "RuleSet",
    "Rules",
    "compile_rules",
    "default_ruleset",
    "from_mapping",
    "to_mapping",
    "variables_of",
]
