"""The firewall (AWS WAF) in front of the API."""

from __future__ import annotations

from pydantic import Field

from stacks.config.base import Frozen


class FirewallConfig(Frozen):
    """What is refused before API Gateway looks at a request."""

    enabled: bool = Field(True, description="Put a web ACL before the API: AWS's rules, and a limit for each client.")
    client_rate_limit: int = Field(
        500,
        ge=1,
        le=10000,
        description="Requests a second, over a minute, that one client address may make; more are answered 429.",
    )
