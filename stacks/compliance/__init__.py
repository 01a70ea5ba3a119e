"""A rule pack for synthesized templates: Security Hub's SageMaker controls, and what this platform promises beside."""

from stacks.compliance.pack import check
from stacks.compliance.rule import Context, Finding, Rule
from stacks.compliance.template import Resource, Template

__all__ = ["Context", "Finding", "Resource", "Rule", "Template", "check"]
