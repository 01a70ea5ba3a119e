"""REST APIs speak TLS 1.2 or later."""

from __future__ import annotations

from stacks.compliance.rule import Context, rule
from stacks.compliance.template import Resource

OLD = ("TLS_1_0", "None", "")


@rule("ApiTls", "AWS::ApiGateway::RestApi", remedy="set SecurityPolicy to one of TLS 1.2 or later")
def RULE(resource: Resource, context: Context) -> bool:
    return str(resource.get("SecurityPolicy") or "") not in OLD
