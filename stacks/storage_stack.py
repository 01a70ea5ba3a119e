"""Keys and storage: what outlives everything else."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import Aws, CfnOutput, Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.config import PlatformConfig
from stacks.constructs.code_assets import CodeAssets
from stacks.constructs.customer_key import USE, CustomerKey
from stacks.constructs.private_bucket import AccessLogBucket, PrivateBucket
from stacks.names import Names
from stacks.properties import stack_properties


class StorageStack(Stack):
    """Two keys, four buckets with their access logs, and the code that jobs run.

    The data key is for transactions and everything made of them; the operations key for logs and messages,
    so that whoever reads logs need not be able to read transactions.
    """

    def __init__(self, scope: Construct, *, config: PlatformConfig, names: Names, code: Path, wheelhouse: Path) -> None:
        super().__init__(scope, names.stack("storage"), **stack_properties(config, names, "storage"))
        self._settings = config.storage
        self._names = names
        self._removal = RemovalPolicy.DESTROY if config.storage.removal == "destroy" else RemovalPolicy.RETAIN
        data_key = self._key("data", "Transactions, models, captures and reports")
        operations_key = self._key("operations", "Logs and notifications", self._service_statements())
        self._access_logs = AccessLogBucket(
            self,
            "AccessLogs",
            bucket_name=names.bucket("access-logs"),
            removal_policy=self._removal,
            days=config.storage.access_log_days,
        )
        self._bucket("transactions", data_key, self._cheaper_after("datasets/"))
        # Runs never expire: a model package refers to its model and statistics there for as long as it exists.
        self._bucket("artifacts", data_key, self._cheaper_after("runs/"))
        self._bucket("captures", data_key, self._expire(config.storage.capture_days))
        self._bucket("reports", data_key, self._expire(config.storage.report_days))
        self.assets = CodeAssets(self, "Assets", code=code, wheelhouse=wheelhouse)
        # Named in outputs so that new code changes the template, and the CLI uploads it with this stack.
        CfnOutput(self, "CodeUri", value=self.assets.code.uri)
        CfnOutput(self, "WheelhouseUri", value=self.assets.wheels.uri)
        # Exported by hand, not by reference, so that an export outlives its readers and updates never deadlock.
        for key, purpose in ((data_key, "data"), (operations_key, "operations")):
            output = f"{purpose.capitalize()}KeyArn"
            CfnOutput(self, output, value=key.key_arn, export_name=names.key_export(purpose))

    def _key(self, purpose: str, description: str, services: tuple[iam.PolicyStatement, ...] = ()) -> CustomerKey:
        return CustomerKey(
            self,
            f"{purpose.capitalize()}Key",
            alias=f"{self._names.prefix}-{purpose}",
            description=f"{self._names.prefix}: {description}",
            removal_policy=self._removal,
            pending_days=self._settings.key_deletion_days,
            service_statements=services,
        )

    def _bucket(self, purpose: str, key: CustomerKey, rule: s3.LifecycleRule) -> None:
        bucket = PrivateBucket(
            self,
            purpose.capitalize(),
            bucket_name=self._names.bucket(purpose),
            purpose=purpose,
            key=key,
            access_logs=self._access_logs,
            removal_policy=self._removal,
            noncurrent_days=self._settings.noncurrent_days,
            lifecycle_rules=[rule],
        )
        CfnOutput(self, f"{purpose.capitalize()}Bucket", value=bucket.bucket_name)

    def _cheaper_after(self, prefix: str) -> s3.LifecycleRule:
        transition = s3.Transition(
            storage_class=s3.StorageClass.INTELLIGENT_TIERING,
            transition_after=Duration.days(self._settings.archive_days),
        )
        return s3.LifecycleRule(id="cheaper", prefix=prefix, transitions=[transition])

    def _expire(self, days: int) -> s3.LifecycleRule:
        return s3.LifecycleRule(id="expire", expiration=Duration.days(days))

    def _service_statements(self) -> tuple[iam.PolicyStatement, ...]:
        logs = iam.PolicyStatement(
            sid="LogsEncryptsItsGroups",
            principals=[iam.ServicePrincipal(f"logs.{self._names.region}.amazonaws.com")],
            actions=[*(action for action in USE if action != "kms:CreateGrant"), "kms:DescribeKey"],
            resources=["*"],
            conditions={
                "ArnLike": {"kms:EncryptionContext:aws:logs:arn": self._names.logs_arn("log-group:*")},
            },
        )
        alarms = iam.PolicyStatement(
            sid="AlarmsPublishToTheEncryptedTopic",
            principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
            actions=["kms:Decrypt", "kms:GenerateDataKey"],
            resources=["*"],
            conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
        )
        return logs, alarms
