"""The rule set that decides before an analyst has written one."""

from __future__ import annotations

from fraud.decisions.model import Rule, RuleSet

DECLINE_SCORE = 560
"""Three to one that it is fraud: 500 is even odds, and each 125 points are ten times the odds."""
REVIEW_SCORE = 405
"""About one in seven is fraud."""


def default_ruleset() -> RuleSet:
    """Return rules that need nothing but the score, so that they fit any event type."""
    return RuleSet(
        rules=(
            Rule("very-likely-fraud", f"score >= {DECLINE_SCORE}", "decline", description="Fraud in three of four"),
            Rule("possible-fraud", f"score >= {REVIEW_SCORE}", "review", description="Fraud in one of seven or more"),
        )
    )
