"""Keys: what everything else is encrypted with, and who may say so."""

from __future__ import annotations

from aws_cdk import CfnOutput, Stack
from constructs import Construct

from stacks.config import PlatformConfig
from stacks.constructs.customer_key import (
    CustomerKey,
    alarms_publish,
    budgets_publish,
    events_send,
    logs_encrypt,
    machines_encrypt,
)
from stacks.names import Names
from stacks.properties import removal_policy, stack_properties


class KeysStack(Stack):
    """The data key is for transactions and everything made of them; the operations key for logs, messages, histories.

    So whoever reads logs need not be able to read transactions. A stack of their own, because roles name them and
    buckets name roles: keys come first, then roles, then storage.
    """

    def __init__(self, scope: Construct, *, config: PlatformConfig, names: Names) -> None:
        super().__init__(scope, names.stack("keys"), **stack_properties(config, names, "keys"))
        operations = (
            logs_encrypt(names.logs_arn("log-group:*")),
            alarms_publish(),
            budgets_publish(),
            events_send(),
            *machines_encrypt(names.arn("states", f"stateMachine:{names.prefix}-*")),
        )
        purposes = {
            "data": ("Transactions, models, captures and reports", ()),
            "operations": ("Logs, notifications and histories of state machines", operations),
        }
        for purpose, (description, services) in purposes.items():
            key = CustomerKey(
                self,
                f"{purpose.capitalize()}Key",
                alias=f"{names.prefix}-{purpose}",
                description=f"{names.prefix}: {description}",
                removal_policy=removal_policy(config),
                pending_days=config.storage.key_deletion_days,
                region=names.region,
                administrators=config.identity.key_administrators,
                service_statements=services,
            )
            # Exported by hand, not by reference, so that an export outlives its readers and updates never deadlock.
            output = f"{purpose.capitalize()}KeyArn"
            CfnOutput(self, output, value=key.key_arn, export_name=names.key_export(purpose))
