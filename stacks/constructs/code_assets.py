"""What jobs run, uploaded by `cdk deploy` to the bootstrap bucket under names made of their content."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from aws_cdk import Aws
from aws_cdk.aws_ecr_assets import DockerImageAsset, Platform
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


@dataclass(frozen=True)
class StoredImage:
    """One container image in the bootstrap's ECR repository."""

    uri: str
    repository_arn: str


class CodeAssets(Construct):
    """The archive of packages, the archive of wheels, and the script that Model Monitor reads captures with.

    `server_image` is the image of this project's own model server, where `server` is the folder it is built from.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        code: Path,
        wheelhouse: Path,
        preprocessor: Path,
        server: Path | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.code = self._store("Code", code)
        self.wheels = self._store("Wheelhouse", wheelhouse)
        self.preprocessor = self._store("CapturePreprocessor", preprocessor)
        self.server_image = self._build("Server", server) if server else None

    def _build(self, construct_id: str, folder: Path) -> StoredImage:
        asset = DockerImageAsset(self, construct_id, directory=str(folder), platform=Platform.LINUX_AMD64)
        return StoredImage(uri=asset.image_uri, repository_arn=asset.repository.repository_arn)

    def _store(self, construct_id: str, path: Path) -> StoredObject:
        asset = Asset(self, construct_id, path=str(path))
        return StoredObject(bucket=asset.s3_bucket_name, key=asset.s3_object_key)
