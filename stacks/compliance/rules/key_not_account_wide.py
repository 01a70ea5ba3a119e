"""Keys rotate, and their policies give the account nothing without a condition."""

from __future__ import annotations

from stacks.compliance.rule import Context, rule
from stacks.compliance.template import Resource, many, text


@rule("KeyNotAccountWide", "AWS::KMS::Key", remedy="rotate the key, and bind what the account may do to conditions")
def RULE(resource: Resource, context: Context) -> bool:
    statements = [
        statement
        for statement in resource.statements("KeyPolicy")
        if any(text(one).endswith(":root") for one in many(statement["Principal"].get("AWS", [])))
    ]
    return resource.is_true("EnableKeyRotation") and all(statement.get("Condition") for statement in statements)
