"""ExportTableToPointInTime: AWS's files in the bucket, and what is refused."""

import base64
import gzip
import hashlib
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_cloud import exports
from tests.local_cloud.conftest import Cloud, unique, wait_until


@pytest.fixture
def table(cloud: Cloud) -> str:
    client, name = cloud.client("dynamodb"), unique("exported")
    client.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "id", "AttributeType": "S"},
            {"AttributeName": "at", "AttributeType": "N"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    client.update_continuous_backups(
        TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    return name


@pytest.fixture
def bucket(cloud: Cloud) -> str:
    name = unique("exports")
    cloud.client("s3").create_bucket(Bucket=name)
    return name


def arn(cloud: Cloud, table: str) -> str:
    return cloud.client("dynamodb").describe_table(TableName=table)["Table"]["TableArn"]


def finished(cloud: Cloud, export: str) -> dict[str, Any]:
    client = cloud.client("dynamodb")

    def ended() -> dict[str, Any] | None:
        found = client.describe_export(ExportArn=export)["ExportDescription"]
        return None if found["ExportStatus"] == "IN_PROGRESS" else found

    return wait_until(ended)


def read(cloud: Cloud, bucket: str, key: str) -> bytes:
    return cloud.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()


def test_an_export_holds_the_items_in_awss_layout(cloud: Cloud, table: str, bucket: str) -> None:
    client = cloud.client("dynamodb")
    items = [
        {"id": {"S": "å"}, "at": {"N": str(n)}, "blob": {"B": b"\x00\x01"}, "flags": {"L": [{"BOOL": True}]}}
        for n in range(3)
    ]
    for item in items:
        client.put_item(TableName=table, Item=item)
    begun = client.export_table_to_point_in_time(
        TableArn=arn(cloud, table), S3Bucket=bucket, S3Prefix="some/where", S3SseAlgorithm="KMS", ClientToken="once"
    )["ExportDescription"]
    assert begun["ExportStatus"] == "IN_PROGRESS"
    client.put_item(TableName=table, Item={"id": {"S": "later"}, "at": {"N": "0"}})
    done = finished(cloud, begun["ExportArn"])
    assert (done["ExportStatus"], done["ItemCount"]) == ("COMPLETED", 3)
    folder = f"some/where/AWSDynamoDB/{begun['ExportArn'].rsplit('/', 1)[1]}"
    assert done["ExportManifest"] == f"{folder}/manifest-summary.json"

    summary = json.loads(read(cloud, bucket, done["ExportManifest"]))
    assert summary["itemCount"] == 3 and summary["outputFormat"] == "DYNAMODB_JSON"
    manifest = read(cloud, bucket, summary["manifestFilesS3Key"])
    checksum = read(cloud, bucket, f"{folder}/manifest-files.checksum").decode()
    assert checksum == base64.b64encode(hashlib.md5(manifest).digest()).decode()
    (entry,) = map(json.loads, manifest.splitlines())
    assert entry["dataFileS3Key"].startswith(f"{folder}/data/") and entry["dataFileS3Key"].endswith(".json.gz")
    lines = gzip.decompress(read(cloud, bucket, entry["dataFileS3Key"])).splitlines()
    found = sorted((json.loads(line)["Item"] for line in lines), key=lambda item: item["at"]["N"])
    assert [item["at"] for item in found] == [{"N": "0"}, {"N": "1"}, {"N": "2"}]
    assert found[0]["blob"] == {"B": "AAE="} and found[0]["flags"] == {"L": [{"BOOL": True}]}
    assert cloud.client("s3").head_object(Bucket=bucket, Key=f"{folder}/_started")["ContentLength"] == 0
    assert (
        cloud.client("s3").head_object(Bucket=bucket, Key=entry["dataFileS3Key"])["ServerSideEncryption"] == "aws:kms"
    )


def test_the_same_token_is_the_same_export(cloud: Cloud, table: str, bucket: str) -> None:
    client, token = cloud.client("dynamodb"), unique("token")
    request = {"TableArn": arn(cloud, table), "S3Bucket": bucket, "ClientToken": token}
    first, again = (client.export_table_to_point_in_time(**request)["ExportDescription"] for _ in range(2))
    assert first["ExportArn"] == again["ExportArn"]
    assert finished(cloud, first["ExportArn"])["ItemCount"] == 0
    objects = cloud.client("s3").list_objects_v2(Bucket=bucket)["Contents"]
    assert len([o for o in objects if o["Key"].endswith("manifest-summary.json")]) == 1


def test_an_export_into_a_bucket_that_is_not_there_fails_with_the_reason(cloud: Cloud, table: str) -> None:
    begun = cloud.client("dynamodb").export_table_to_point_in_time(TableArn=arn(cloud, table), S3Bucket=unique("none"))
    done = finished(cloud, begun["ExportDescription"]["ExportArn"])
    assert (done["ExportStatus"], done["FailureCode"]) == ("FAILED", "S3NoSuchBucket")


def test_a_table_without_point_in_time_recovery_is_not_exported(cloud: Cloud, table: str, bucket: str) -> None:
    client = cloud.client("dynamodb")
    client.update_continuous_backups(
        TableName=table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False}
    )
    with pytest.raises(ClientError, match="PointInTimeRecoveryUnavailableException"):
        client.export_table_to_point_in_time(TableArn=arn(cloud, table), S3Bucket=bucket)


def test_items_are_spread_over_files(monkeypatch: pytest.MonkeyPatch) -> None:
    put: dict[str, bytes] = {}

    class S3:
        def put_object(self, *, Key: str, Body: bytes, **_: Any) -> dict[str, str]:
            put[Key] = Body
            return {"ETag": '"e"'}

    monkeypatch.setattr(exports, "client", lambda _: S3())
    monkeypatch.setattr(exports, "_ITEMS_A_FILE", 2)
    description = {
        "ExportArn": "a/export/01-ab", "S3Bucket": "b", "TableArn": "a", "TableId": "t", "StartTime": 0.0,
        "ExportTime": 0.0,
    }  # fmt: skip
    exports._run(description, [{"n": {"N": str(n)}} for n in range(5)])
    assert description["ExportStatus"] == "COMPLETED"
    assert sum("/data/" in key for key in put) == 3
