"""A log group under a customer key, kept for a configured number of days."""

from __future__ import annotations

from aws_cdk import RemovalPolicy
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct


class EncryptedLogGroup(logs.LogGroup):
    """A log group.

    Args:
        masked: what could be a card number is shown to nobody without logs:Unmask, which no role of the platform has.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        key: kms.IKey,
        days: int,
        removal_policy: RemovalPolicy,
        masked: bool = False,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            log_group_name=name,
            encryption_key=key,
            removal_policy=removal_policy,
            data_protection_policy=_mask() if masked else None,
        )
        # The L2 takes an enumeration; the configuration has the number that the service takes.
        self.node.default_child.retention_in_days = days


def _mask() -> logs.DataProtectionPolicy:
    # AWS's own identifier of card numbers wants a word such as "card" nearby.
    return logs.DataProtectionPolicy(
        name="card-numbers", identifiers=[logs.CustomDataIdentifier("CardNumber", "[0-9]{13,19}")]
    )
