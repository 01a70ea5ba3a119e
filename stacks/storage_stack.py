"""Storage: what outlives everything else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aws_cdk import CfnOutput, Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.assets import AssetFiles
from stacks.config import PlatformConfig
from stacks.constructs.code_assets import CodeAssets
from stacks.constructs.private_bucket import AccessLogBucket, PrivateBucket
from stacks.constructs.protected_table import ProtectedTable
from stacks.constructs.scoped_role import ObjectGrant
from stacks.constructs.stack_access import StackLook
from stacks.names import Names
from stacks.properties import removal_policy, stack_properties


class StorageStack(Stack):
    """Four buckets with their access logs, three tables, and the code that jobs run.

    Who may read and write objects stands in the buckets' own policies, so that each bucket shows all of its readers
    and writers, and a role has nothing in a bucket that does not name it.
    """

    def __init__(self, scope: Construct, *, config: PlatformConfig, names: Names, files: AssetFiles) -> None:
        super().__init__(scope, names.stack("storage"), **stack_properties(config, names, "storage"))
        self._settings = config.storage
        self._names = names
        self._removal = removal_policy(config)
        self._buckets: dict[str, PrivateBucket] = {}
        data_key = kms.Key.from_key_arn(self, "DataKey", names.key_arn("data"))
        self._access_logs = AccessLogBucket(
            self,
            "AccessLogs",
            bucket_name=names.bucket("access-logs"),
            removal_policy=self._removal,
            days=config.storage.access_log_days,
        )
        exports = self._expire(config.retraining.export_days, rule="exports", prefix="collections/")
        self._bucket("transactions", data_key, self._cheaper_after("datasets/"), exports)
        # Runs never expire: a model package refers to its model and statistics there for as long as it exists.
        self._bucket("artifacts", data_key, self._cheaper_after("runs/"))
        self._bucket("captures", data_key, self._expire(config.storage.capture_days))
        self._bucket("reports", data_key, self._expire(config.storage.report_days))
        if config.scoring.enabled:
            self._tables(config, data_key)
            if config.identity.personas.enabled:
                StackLook(self, "AnalystsLook", names=names, lookers=["analyst"])
        self.assets = CodeAssets(
            self,
            "Assets",
            code=files.code,
            wheelhouse=files.wheelhouse,
            preprocessor=files.preprocessor,
            server=files.server,
        )
        # Named in outputs so that new code changes the template, and the CLI uploads it with this stack.
        CfnOutput(self, "CodeUri", value=self.assets.code.uri)
        CfnOutput(self, "WheelhouseUri", value=self.assets.wheels.uri)
        CfnOutput(self, "CapturePreprocessorUri", value=self.assets.preprocessor.uri)
        if self.assets.server_image:
            CfnOutput(self, "ServerImageUri", value=self.assets.server_image.uri)

    def admit(self, roles: Mapping[str, Sequence[ObjectGrant]]) -> None:
        """Let roles (given by the ARN) at objects; the roles have to exist before this stack is deployed."""
        for role, grants in roles.items():
            for grant in grants:
                bucket = self._buckets[grant.bucket]
                bucket.add_to_resource_policy(
                    iam.PolicyStatement(
                        principals=[iam.ArnPrincipal(role)],
                        actions=list(grant.actions),
                        resources=[bucket.arn_for_objects(f"{prefix}*") for prefix in grant.prefixes],
                    )
                )

    def _bucket(self, purpose: str, key: kms.IKey, *rules: s3.LifecycleRule) -> None:
        bucket = PrivateBucket(
            self,
            purpose.capitalize(),
            bucket_name=self._names.bucket(purpose),
            purpose=purpose,
            key=key,
            access_logs=self._access_logs,
            removal_policy=self._removal,
            noncurrent_days=self._settings.noncurrent_days,
            lifecycle_rules=list(rules),
        )
        self._buckets[purpose] = bucket
        CfnOutput(self, f"{purpose.capitalize()}Bucket", value=bucket.bucket_name)

    def _tables(self, config: PlatformConfig, key: kms.IKey) -> None:
        """Profiles of entities, decisions (found by each entity, latest first) and versions of rules and lists."""
        indexes = [
            (f"by-{entity.name}", f"entity_{entity.name}", "timestamp") for entity in config.load_event_type().entities
        ]
        common = {"key": key, "removal_policy": self._removal}
        tables = {
            "profiles": {"partition_key": "key", "expires": True},
            "decisions": {"partition_key": "id", "indexes": indexes, "expires": True},
            "rules": {"partition_key": "name", "sort_key": "version", "expires": False},
        }
        for purpose, properties in tables.items():
            table = ProtectedTable(
                self,
                f"{purpose.capitalize()}Table",
                table_name=self._names.table(purpose),
                **properties,
                **common,
            )
            CfnOutput(self, f"{purpose.capitalize()}TableName", value=table.table_name)

    def _cheaper_after(self, prefix: str) -> s3.LifecycleRule:
        transition = s3.Transition(
            storage_class=s3.StorageClass.INTELLIGENT_TIERING,
            transition_after=Duration.days(self._settings.archive_days),
        )
        return s3.LifecycleRule(id="cheaper", prefix=prefix, transitions=[transition])

    def _expire(self, days: int, rule: str = "expire", prefix: str | None = None) -> s3.LifecycleRule:
        return s3.LifecycleRule(id=rule, prefix=prefix, expiration=Duration.days(days))
