"""AWS::S3::Bucket: the properties ministack drops, put through S3's own API, and no deletion of what is not empty."""

from collections.abc import Callable
from typing import Any

from local_cloud.clients import client

Properties = dict[str, Any]


def apply(bucket: str, old: Properties, new: Properties) -> None:
    """Bring the bucket's configuration to the new properties; what the template dropped is removed."""
    s3 = client("s3")
    for name, put, delete in _CONFIGURATIONS:
        value = new.get(name)
        if value == old.get(name):
            continue
        if value:
            put(s3, bucket, value)
        else:
            delete(s3, bucket)


def refuse_unless_empty(bucket: str, properties: Properties) -> None:
    """As on AWS: CloudFormation deletes no bucket that holds objects or versions of them."""
    s3 = client("s3")
    try:
        versions = s3.list_object_versions(Bucket=bucket, MaxKeys=1)
    except s3.exceptions.NoSuchBucket:
        return
    if versions.get("Versions") or versions.get("DeleteMarkers"):
        raise ValueError(
            "The bucket you tried to delete is not empty. You must delete all versions in the bucket. "
            f"(Service: S3, Status Code: 409, Error Code: BucketNotEmpty, Bucket: {bucket})"
        )


# ---- templates' words -> S3's


def lifecycle(configuration: Properties) -> Properties:
    """LifecycleConfiguration as PutBucketLifecycleConfiguration takes it."""
    return {"Rules": [_rule(rule) for rule in configuration["Rules"]]}


def _rule(rule: Properties) -> Properties:
    result: Properties = {"Status": rule["Status"], "Filter": _filter(rule)}
    if "Id" in rule:
        result["ID"] = rule["Id"]
    names = {"ExpirationInDays": "Days", "ExpirationDate": "Date"}
    members = (*names, "ExpiredObjectDeleteMarker")
    if expiration := _renamed({key: rule[key] for key in members if key in rule}, **names):
        result["Expiration"] = expiration
    transitions = [*rule.get("Transitions", []), *([rule["Transition"]] if "Transition" in rule else [])]
    if transitions:
        result["Transitions"] = [_renamed(item, TransitionInDays="Days", TransitionDate="Date") for item in transitions]
    if "NoncurrentVersionExpiration" in rule:
        result["NoncurrentVersionExpiration"] = _renamed(rule["NoncurrentVersionExpiration"])
    elif "NoncurrentVersionExpirationInDays" in rule:
        result["NoncurrentVersionExpiration"] = {"NoncurrentDays": int(rule["NoncurrentVersionExpirationInDays"])}
    if "NoncurrentVersionTransitions" in rule:
        result["NoncurrentVersionTransitions"] = [
            _renamed(item, TransitionInDays="NoncurrentDays") for item in rule["NoncurrentVersionTransitions"]
        ]
    if "AbortIncompleteMultipartUpload" in rule:
        result["AbortIncompleteMultipartUpload"] = _renamed(rule["AbortIncompleteMultipartUpload"])
    return result


def _renamed(item: Properties, **names: str) -> Properties:
    integers = ("Days", "NoncurrentDays", "NewerNoncurrentVersions", "DaysAfterInitiation")
    renamed = {names.get(key, key): value for key, value in item.items()}
    return {key: int(value) if key in integers else value for key, value in renamed.items()}


def _filter(rule: Properties) -> Properties:
    parts: Properties = {}
    if "Prefix" in rule:
        parts["Prefix"] = rule["Prefix"]
    for name in ("ObjectSizeGreaterThan", "ObjectSizeLessThan"):
        if name in rule:
            parts[name] = int(rule[name])
    tags = [{"Key": tag["Key"], "Value": tag["Value"]} for tag in rule.get("TagFilters", [])]
    if len(parts) + len(tags) > 1:
        return {"And": {**parts, **({"Tags": tags} if tags else {})}}
    return {"Tag": tags[0]} if tags else parts or {"Prefix": ""}


def encryption(configuration: Properties) -> Properties:
    """BucketEncryption as PutBucketEncryption takes it."""
    rules = []
    for rule in configuration["ServerSideEncryptionConfiguration"]:
        default = rule.get("ServerSideEncryptionByDefault")
        result: Properties = {}
        if default:
            result["ApplyServerSideEncryptionByDefault"] = dict(default)
        if "BucketKeyEnabled" in rule:
            result["BucketKeyEnabled"] = str(rule["BucketKeyEnabled"]).lower() == "true"
        rules.append(result)
    return {"Rules": rules}


def logging(configuration: Properties, bucket: str) -> Properties:
    """LoggingConfiguration as PutBucketLogging takes it; without a destination the bucket logs into itself."""
    return {
        "LoggingEnabled": {
            "TargetBucket": configuration.get("DestinationBucketName", bucket),
            "TargetPrefix": configuration.get("LogFilePrefix", ""),
        }
    }


def _put_encryption(s3: Any, bucket: str, value: Properties) -> None:
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=encryption(value))


def _put_lifecycle(s3: Any, bucket: str, value: Properties) -> None:
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration=lifecycle(value))


def _put_logging(s3: Any, bucket: str, value: Properties) -> None:
    s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus=logging(value, bucket))


def _put_ownership(s3: Any, bucket: str, value: Properties) -> None:
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls={"Rules": value["Rules"]})


def _put_tags(s3: Any, bucket: str, value: list[Properties]) -> None:
    tags = [{"Key": tag["Key"], "Value": str(tag["Value"])} for tag in value]
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tags})


def _put_versioning(s3: Any, bucket: str, value: Properties) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": value["Status"]})


def _suspend_versioning(s3: Any, bucket: str) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})


_CONFIGURATIONS: list[tuple[str, Callable[[Any, str, Any], None], Callable[[Any, str], None]]] = [
    ("BucketEncryption", _put_encryption, lambda s3, bucket: s3.delete_bucket_encryption(Bucket=bucket)),
    ("LifecycleConfiguration", _put_lifecycle, lambda s3, bucket: s3.delete_bucket_lifecycle(Bucket=bucket)),
    (
        "LoggingConfiguration",
        _put_logging,
        lambda s3, bucket: s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={}),
    ),
    ("OwnershipControls", _put_ownership, lambda s3, bucket: s3.delete_bucket_ownership_controls(Bucket=bucket)),
    ("Tags", _put_tags, lambda s3, bucket: s3.delete_bucket_tagging(Bucket=bucket)),
    ("VersioningConfiguration", _put_versioning, _suspend_versioning),
]
