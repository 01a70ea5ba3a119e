"""What is looked at before a deployment: each check is a function in the registry, and says what it found."""

from scripts.checks.registry import CHECKS, Context, Finding, check, failure, run

__all__ = ["CHECKS", "Context", "Finding", "check", "failure", "run"]
