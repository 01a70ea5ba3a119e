"""All rules, each in a module of its own below rules/, where it is called `RULE`."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable
from functools import cache

from stacks.compliance import rules
from stacks.compliance.rule import Context, Finding, Rule
from stacks.compliance.template import Template

# Security Hub has these two as well; the platform does not meet them, and cannot where AWS's images serve the model.
EXCEPTIONS = {
    "SageMaker.16": "The control wants RepositoryAccessMode Vpc, which is for Docker registries of one's own inside "
    "the VPC. AWS's XGBoost image, and the model server that is built here, are in Amazon ECR: SageMaker pulls them "
    "itself, by the deployment's role, through no network of the model's.",
    "SageMaker.19": "As SageMaker.16, for models of several containers, of which the platform has none.",
}


@cache
def all_rules() -> tuple[Rule, ...]:
    """The rules, by their modules' names."""
    names = sorted(module.name for module in pkgutil.iter_modules(rules.__path__))
    return tuple(importlib.import_module(f"{rules.__name__}.{name}").RULE for name in names)


def check(templates: Iterable[Template], context: Context) -> list[Finding]:
    """Return what does not comply in `templates`."""
    return [
        Finding(rule.id, template.name, resource.logical_id, rule.remedy)
        for template in templates
        for rule in all_rules()
        for resource in template.resources(*rule.kinds)
        if not rule.check(resource, context)
    ]
