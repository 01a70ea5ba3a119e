"""A table as all tables here are: paid by request, under the customer key, restorable to any second."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from constructs import Construct

from stacks.constructs.acknowledgement import acknowledge

TEXT, NUMBER = dynamodb.AttributeType.STRING, dynamodb.AttributeType.NUMBER
# Unix time in seconds at which DynamoDB removes an item.
EXPIRY = "expires"


class ProtectedTable(dynamodb.Table):
    """A table; `indexes` are (name, partition key, sort key) of texts, each with whole items."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        table_name: str,
        partition_key: str,
        sort_key: str | None = None,
        indexes: Sequence[tuple[str, str, str]] = (),
        expires: bool,
        key: kms.IKey,
        removal_policy: RemovalPolicy,
    ) -> None:
        kept = removal_policy != RemovalPolicy.DESTROY
        super().__init__(
            scope,
            construct_id,
            table_name=table_name,
            partition_key=dynamodb.Attribute(name=partition_key, type=TEXT),
            sort_key=dynamodb.Attribute(name=sort_key, type=NUMBER) if sort_key else None,
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=key,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            deletion_protection=kept,
            # Protection outlasts a failed creation as well, and its rollback would fail where it deletes.
            removal_policy=RemovalPolicy.RETAIN if kept else removal_policy,
            time_to_live_attribute=EXPIRY if expires else None,
        )
        reason = "Point-in-time recovery restores the table to any second of the last 35 days."
        acknowledge(self, "DynamoDBInBackupPlan", reason, packs="nist hipaa")
        for name, partition, sort in indexes:
            self.add_global_secondary_index(
                index_name=name,
                partition_key=dynamodb.Attribute(name=partition, type=TEXT),
                sort_key=dynamodb.Attribute(name=sort, type=TEXT),
                projection_type=dynamodb.ProjectionType.ALL,
            )
