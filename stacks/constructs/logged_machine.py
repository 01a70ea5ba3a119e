"""A standard state machine whose definition, histories and log are under one customer key."""

from __future__ import annotations

from typing import Any

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from stacks.constructs.encrypted_log_group import EncryptedLogGroup


class LoggedMachine(sfn.StateMachine):
    """A state machine with tracing and a log group beside it, called `Logs`.

    Its role needs `keep_histories` (stacks/identity/common.py), unless it may use the key for whatever it does, and
    whoever reads its executions the key's use through Step Functions.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        definition: dict[str, Any],
        role: iam.IRole,
        key: kms.IKey,
        log_days: int,
        removal_policy: RemovalPolicy,
    ) -> None:
        # Step Functions can only write to any number of groups if their names begin like this.
        log_group = EncryptedLogGroup(
            scope,
            "Logs",
            name=f"/aws/vendedlogs/states/{name}",
            key=key,
            days=log_days,
            removal_policy=removal_policy,
        )
        super().__init__(
            scope,
            construct_id,
            state_machine_name=name,
            definition_body=sfn.DefinitionBody.from_string(Stack.of(scope).to_json_string(definition)),
            role=role,
            tracing_enabled=True,
            encryption_configuration=sfn.CustomerManagedEncryptionConfiguration(key),
            # Causes quote jobs' messages: the history keeps them for 90 days, the log only tells the steps.
            logs=sfn.LogOptions(destination=log_group, level=sfn.LogLevel.ALL, include_execution_data=False),
        )
