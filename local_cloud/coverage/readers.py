"""What the services answer about a deployed resource, written as its template would be.

A reader takes a function that makes boto3 clients, the resource's physical id and its properties (for identities that
the physical id does not carry), and returns live values under the names of template properties.
"""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from botocore.exceptions import ClientError

Properties = dict[str, Any]
Client = Callable[[str], Any]
Reader = Callable[[Client, str, Properties], Properties]


def _document(value: Any) -> Any:
    """A policy or definition that an API gives as text, plain or URL-encoded."""
    return json.loads(value if value.lstrip().startswith("{") else unquote(value)) if isinstance(value, str) else value


def _tags(tags: list[dict[str, str]]) -> list[dict[str, str]]:
    return [{"Key": tag.get("Key", tag.get("TagKey")), "Value": tag.get("Value", tag.get("TagValue"))} for tag in tags]


# ---- budgets


def budget(client: Client, name: str, properties: Properties) -> Properties:
    budgets = client("budgets")
    account = {"AccountId": client("sts").get_caller_identity()["Account"]}
    found = budgets.describe_budget(**account, BudgetName=name, ShowFilterExpression=True)["Budget"]
    limit = found["BudgetLimit"]
    told = [
        {
            "Notification": notification,
            "Subscribers": budgets.describe_subscribers_for_notification(
                **account,
                BudgetName=name,
                Notification={key: value for key, value in notification.items() if key != "NotificationState"},
            )["Subscribers"],
        }
        for notification in budgets.describe_notifications_for_budget(**account, BudgetName=name)["Notifications"]
    ]
    arn = f"arn:aws:budgets::{account['AccountId']}:budget/{name}"
    return {
        "Budget": {**found, "BudgetLimit": {**limit, "Amount": float(limit["Amount"])}},
        "NotificationsWithSubscribers": told,
        "ResourceTags": budgets.list_tags_for_resource(ResourceARN=arn)["ResourceTags"],
    }


# ---- S3


def bucket(client: Client, name: str, properties: Properties) -> Properties:
    s3 = client("s3")
    encryption = _or_none(s3.get_bucket_encryption, "ServerSideEncryptionConfiguration", Bucket=name) or {}
    lifecycle = _or_none(s3.get_bucket_lifecycle_configuration, "Rules", Bucket=name) or []
    logging = _or_none(s3.get_bucket_logging, "LoggingEnabled", Bucket=name) or {}
    versioning = s3.get_bucket_versioning(Bucket=name).get("Status")
    return {
        "BucketName": name if any(item["Name"] == name for item in s3.list_buckets()["Buckets"]) else None,
        "BucketEncryption": {
            "ServerSideEncryptionConfiguration": [
                {**rule, "ServerSideEncryptionByDefault": rule.get("ApplyServerSideEncryptionByDefault")}
                for rule in encryption.get("Rules", [])
            ]
        },
        "LifecycleConfiguration": {"Rules": [_lifecycle_rule(rule) for rule in lifecycle]},
        "LoggingConfiguration": {
            "DestinationBucketName": logging.get("TargetBucket"),
            "LogFilePrefix": logging.get("TargetPrefix"),
        },
        "OwnershipControls": _or_none(s3.get_bucket_ownership_controls, "OwnershipControls", Bucket=name),
        "PublicAccessBlockConfiguration": _or_none(
            s3.get_public_access_block, "PublicAccessBlockConfiguration", Bucket=name
        ),
        "VersioningConfiguration": {"Status": versioning},
        "Tags": _or_none(s3.get_bucket_tagging, "TagSet", Bucket=name),
    }


def _lifecycle_rule(rule: Properties) -> Properties:
    where = rule.get("Filter", {})
    where = where.get("And", where)
    names = {"Days": "TransitionInDays", "Date": "TransitionDate", "NoncurrentDays": "TransitionInDays"}

    def transitions(key: str) -> list[Properties]:
        return [{names.get(name, name): value for name, value in item.items()} for item in rule.get(key, [])]

    expiration = rule.get("Expiration", {})
    return {
        "Id": rule.get("ID"),
        "Status": rule["Status"],
        "Prefix": where.get("Prefix"),
        "ObjectSizeGreaterThan": where.get("ObjectSizeGreaterThan"),
        "ObjectSizeLessThan": where.get("ObjectSizeLessThan"),
        "TagFilters": where.get("Tags") or ([where["Tag"]] if "Tag" in where else None),
        "ExpirationInDays": expiration.get("Days"),
        "ExpirationDate": expiration.get("Date"),
        "ExpiredObjectDeleteMarker": expiration.get("ExpiredObjectDeleteMarker"),
        "Transitions": transitions("Transitions"),
        "NoncurrentVersionTransitions": transitions("NoncurrentVersionTransitions"),
        "NoncurrentVersionExpiration": rule.get("NoncurrentVersionExpiration"),
        "AbortIncompleteMultipartUpload": rule.get("AbortIncompleteMultipartUpload"),
    }


def bucket_policy(client: Client, physical_id: str, properties: Properties) -> Properties:
    policy = client("s3").get_bucket_policy(Bucket=properties["Bucket"])["Policy"]
    return {"Bucket": properties["Bucket"], "PolicyDocument": _document(policy)}


# ---- keys, roles, messages, logs


def key(client: Client, key_id: str, properties: Properties) -> Properties:
    kms = client("kms")
    metadata = kms.describe_key(KeyId=key_id)["KeyMetadata"]
    rotation = kms.get_key_rotation_status(KeyId=key_id)
    policy = kms.get_key_policy(KeyId=key_id, PolicyName="default")["Policy"]
    return {
        "Description": metadata.get("Description"),
        "Enabled": metadata["Enabled"],
        "EnableKeyRotation": rotation["KeyRotationEnabled"],
        "RotationPeriodInDays": rotation.get("RotationPeriodInDays"),
        "KeyPolicy": _document(policy),
        "KeySpec": metadata.get("KeySpec"),
        "KeyUsage": metadata.get("KeyUsage"),
        "MultiRegion": metadata.get("MultiRegion"),
        "Tags": _tags(kms.list_resource_tags(KeyId=key_id)["Tags"]),
    }


def alias(client: Client, name: str, properties: Properties) -> Properties:
    kms = client("kms")
    pages = kms.get_paginator("list_aliases").paginate()
    found = next((item for page in pages for item in page["Aliases"] if item["AliasName"] == name), {})
    target = kms.describe_key(KeyId=found["TargetKeyId"])["KeyMetadata"] if found else {}
    # A template may name the key by its ARN or by its id.
    member = "Arn" if str(properties.get("TargetKeyId", "")).startswith("arn:") else "KeyId"
    return {"AliasName": found.get("AliasName"), "TargetKeyId": target.get(member)}


def role(client: Client, name: str, properties: Properties) -> Properties:
    iam = client("iam")
    found = iam.get_role(RoleName=name)["Role"]
    attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    inline = iam.list_role_policies(RoleName=name)["PolicyNames"]
    return {
        "RoleName": found["RoleName"],
        "Path": found["Path"],
        "Description": found.get("Description"),
        "MaxSessionDuration": found.get("MaxSessionDuration"),
        "AssumeRolePolicyDocument": _document(found["AssumeRolePolicyDocument"]),
        "ManagedPolicyArns": [item["PolicyArn"] for item in attached],
        "PermissionsBoundary": found.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
        "Policies": [
            {
                "PolicyName": policy,
                "PolicyDocument": _document(iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]),
            }
            for policy in inline
        ],
        "Tags": _tags(found.get("Tags", [])),
    }


def managed_policy(client: Client, arn: str, properties: Properties) -> Properties:
    iam = client("iam")
    found = iam.get_policy(PolicyArn=arn)["Policy"]
    version = iam.get_policy_version(PolicyArn=arn, VersionId=found["DefaultVersionId"])["PolicyVersion"]
    holders = iam.list_entities_for_policy(PolicyArn=arn, EntityFilter="Role")["PolicyRoles"]
    return {
        "ManagedPolicyName": found["PolicyName"],
        "Roles": [item["RoleName"] for item in holders],
        "Path": found["Path"],
        "Description": found.get("Description"),
        "PolicyDocument": _document(version["Document"]),
    }


def topic(client: Client, arn: str, properties: Properties) -> Properties:
    sns = client("sns")
    attributes = sns.get_topic_attributes(TopicArn=arn)["Attributes"]
    return {
        **{name: attributes.get(name) for name in ("KmsMasterKeyId", "DisplayName", "SignatureVersion")},
        "TopicName": attributes["TopicArn"].rpartition(":")[2],
        "TracingConfig": attributes.get("TracingConfig"),
        "Subscription": [
            {"Protocol": item["Protocol"], "Endpoint": item["Endpoint"]}
            for item in sns.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]
        ],
        "Tags": _tags(sns.list_tags_for_resource(ResourceArn=arn)["Tags"]),
    }


def topic_policy(client: Client, physical_id: str, properties: Properties) -> Properties:
    policies = [
        _document(client("sns").get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"])
        for arn in properties["Topics"]
    ]
    same = all(policy == policies[0] for policy in policies)
    return {"Topics": properties["Topics"] if same else [], "PolicyDocument": policies[0]}


def subscription(client: Client, arn: str, properties: Properties) -> Properties:
    attributes = client("sns").get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    return {name: attributes.get(name) for name in ("TopicArn", "Protocol", "Endpoint", "RawMessageDelivery")} | {
        "FilterPolicy": _document(attributes.get("FilterPolicy"))
    }


def queue(client: Client, url: str, properties: Properties) -> Properties:
    sqs = client("sqs")
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return {
        "QueueName": attributes["QueueArn"].rpartition(":")[2],
        "MessageRetentionPeriod": int(attributes["MessageRetentionPeriod"]),
        "KmsMasterKeyId": attributes.get("KmsMasterKeyId"),
        "Tags": [{"Key": key, "Value": value} for key, value in sqs.list_queue_tags(QueueUrl=url)["Tags"].items()],
    }


def queue_policy(client: Client, physical_id: str, properties: Properties) -> Properties:
    sqs = client("sqs")
    policies = [
        _document(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]["Policy"])
        for url in properties["Queues"]
    ]
    same = all(policy == policies[0] for policy in policies)
    return {"Queues": properties["Queues"] if same else [], "PolicyDocument": policies[0]}


def log_group(client: Client, name: str, properties: Properties) -> Properties:
    logs = client("logs")
    groups = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    found = next((group for group in groups if group["logGroupName"] == name), {})
    return {
        "LogGroupName": found.get("logGroupName"),
        "KmsKeyId": found.get("kmsKeyId"),
        "RetentionInDays": found.get("retentionInDays"),
        "LogGroupClass": found.get("logGroupClass"),
    }


# ---- CloudWatch, EventBridge, Step Functions


def alarm(client: Client, name: str, properties: Properties) -> Properties:
    (found,) = client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return found


def composite_alarm(client: Client, name: str, properties: Properties) -> Properties:
    answer = client("cloudwatch").describe_alarms(AlarmNames=[name], AlarmTypes=["CompositeAlarm"])
    (found,) = answer["CompositeAlarms"]
    return found


def dashboard(client: Client, name: str, properties: Properties) -> Properties:
    found = client("cloudwatch").get_dashboard(DashboardName=name)
    return {"DashboardName": found["DashboardName"], "DashboardBody": found["DashboardBody"]}


def rule(client: Client, name: str, properties: Properties) -> Properties:
    events = client("events")
    bus = {"EventBusName": properties["EventBusName"]} if "EventBusName" in properties else {}
    found = events.describe_rule(Name=name, **bus)
    targets = events.list_targets_by_rule(Rule=name, **bus)["Targets"]
    return {**found, "EventPattern": _document(found.get("EventPattern") or "{}"), "Targets": targets}


def state_machine(client: Client, arn: str, properties: Properties) -> Properties:
    found = client("stepfunctions").describe_state_machine(stateMachineArn=arn)
    return {
        "StateMachineName": found["name"],
        "StateMachineType": found["type"],
        "RoleArn": found["roleArn"],
        "DefinitionString": found["definition"],
        "LoggingConfiguration": _pascal(found.get("loggingConfiguration")),
        "TracingConfiguration": _pascal(found.get("tracingConfiguration")),
        "EncryptionConfiguration": _pascal(found.get("encryptionConfiguration")),
    }


def _pascal(value: Any) -> Any:
    if isinstance(value, dict):
        return {key[0].upper() + key[1:]: _pascal(item) for key, item in value.items()}
    return [_pascal(item) for item in value] if isinstance(value, list) else value


def parameter(client: Client, name: str, properties: Properties) -> Properties:
    found = client("ssm").get_parameter(Name=name)["Parameter"]
    (described,) = client("ssm").describe_parameters(ParameterFilters=[{"Key": "Name", "Values": [name]}])["Parameters"]
    return {**described, **found}


# ---- Application Auto Scaling and SageMaker


def scalable_target(client: Client, physical_id: str, properties: Properties) -> Properties:
    autoscaling = client("application-autoscaling")
    resource, dimension, namespace = physical_id.split("|")
    (found,) = autoscaling.describe_scalable_targets(
        ServiceNamespace=namespace, ResourceIds=[resource], ScalableDimension=dimension
    )["ScalableTargets"]
    tags = autoscaling.list_tags_for_resource(ResourceARN=found["ScalableTargetARN"])["Tags"]
    actions = autoscaling.describe_scheduled_actions(ServiceNamespace=namespace, ResourceId=resource)
    return {
        **found,
        "ScheduledActions": actions["ScheduledActions"],
        "Tags": [{"Key": name, "Value": value} for name, value in tags.items()],
    }


def scaling_policy(client: Client, arn: str, properties: Properties) -> Properties:
    resource, dimension, namespace = properties["ScalingTargetId"].split("|")
    policies = client("application-autoscaling").describe_scaling_policies(
        ServiceNamespace=namespace, ResourceId=resource, ScalableDimension=dimension
    )["ScalingPolicies"]
    (found,) = [policy for policy in policies if policy["PolicyARN"] == arn]
    identity = (found["ResourceId"], found["ScalableDimension"], found["ServiceNamespace"])
    return {**found, "ScalingTargetId": "|".join(identity)}


def sagemaker(kind: str, name_member: str) -> Reader:
    """A reader of Describe<kind>, whose members have the names of the properties."""

    def read(client: Client, arn: str, properties: Properties) -> Properties:
        api = client("sagemaker")
        name = arn if kind == "ModelPackage" else arn.rpartition("/")[2]
        return {**_describe(api, kind)(**{name_member: name}), "Tags": api.list_tags(ResourceArn=arn)["Tags"]}

    return read


def endpoint(client: Client, arn: str, properties: Properties) -> Properties:
    found = sagemaker("Endpoint", "EndpointName")(client, arn, properties)
    return {**found, "DeploymentConfig": found.get("LastDeploymentConfig")}


def _describe(api: Any, kind: str) -> Callable[..., Properties]:
    operation = f"Describe{kind}"
    return getattr(api, next(name for name, wire in api.meta.method_to_api_mapping.items() if wire == operation))


def _or_none(call: Callable[..., Properties], member: str, **request: Any) -> Any:
    """A member of an answer; S3 answers an error for a configuration that was never made."""
    try:
        return call(**request).get(member)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return None
        raise
