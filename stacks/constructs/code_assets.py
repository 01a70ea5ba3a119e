"""What jobs run, uploaded by `cdk deploy` to the bootstrap bucket under names made of their content."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from aws_cdk import Aws
from aws_cdk.aws_s3_assets import Asset
from constructs import Construct


@dataclass(frozen=True)
class StoredObject:
    """One object in S3."""

    bucket: str
    key: str

    @property
    def uri(self) -> str:
        """`s3://bucket/key`."""
        return f"s3://{self.bucket}/{self.key}"

    @property
    def arn(self) -> str:
        """The object's ARN."""
        return f"{self.bucket_arn}/{self.key}"

    @property
    def bucket_arn(self) -> str:
        """The bucket's ARN."""
        return f"arn:{Aws.PARTITION}:s3:::{self.bucket}"

    @property
    def file_name(self) -> str:
        """Last part of the key: the name of the file in a job's channel."""
        return self.key.rsplit("/", 1)[-1]


class CodeAssets(Construct):
    """The archive of packages and the archive of wheels."""

    def __init__(self, scope: Construct, construct_id: str, *, code: Path, wheelhouse: Path) -> None:
        super().__init__(scope, construct_id)
        self.code = self._store("Code", code)
        self.wheels = self._store("Wheelhouse", wheelhouse)

    def _store(self, construct_id: str, path: Path) -> StoredObject:
        asset = Asset(self, construct_id, path=str(path))
        return StoredObject(bucket=asset.s3_bucket_name, key=asset.s3_object_key)
