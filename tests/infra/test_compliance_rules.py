"""Each rule of the platform's own pack: a resource that complies, and the same with what the rule is about undone."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from stacks.compliance import Context, Template
from stacks.compliance.pack import EXCEPTIONS, all_rules, check

Case = tuple[str, dict[str, Any], dict[str, Any]]
KEY = {"Fn::ImportValue": "key"}
NETWORK = {"NetworkConfig": {"EnableNetworkIsolation": True, "EnableInterContainerTrafficEncryption": True}}
OPEN = {"NetworkConfig": {"EnableNetworkIsolation": False, "EnableInterContainerTrafficEncryption": False}}
BLOCKED = dict.fromkeys(("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True)
ALLOW = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", "Principal": {"AWS": "arn:aws:iam::1:role/r"}}
ACCOUNT = {**ALLOW, "Action": "kms:Decrypt", "Principal": {"AWS": "arn:aws:iam::1:root"}}
JOB = {
    "ProcessingResources": {"ClusterConfig": {"VolumeKmsKeyId": "key"}},
    "AppSpecification": {"ImageUri": "image"},
    **NETWORK,
}


def sagemaker(kind: str, good: dict[str, Any], bad: dict[str, Any]) -> Case:
    return f"AWS::SageMaker::{kind}", good, bad


def policy(*statements: dict[str, Any], name: str = "PolicyDocument") -> dict[str, Any]:
    return {name: {"Statement": list(statements)}}


def machine(job: dict[str, Any]) -> dict[str, Any]:
    return {"DefinitionString": json.dumps({"States": {"Run": {"Arguments": job}}})}


# By rule: the type, properties that comply, properties that do not.
CASES: dict[str, Case] = {
    "SageMaker.1": sagemaker("NotebookInstance", {"DirectInternetAccess": "Disabled"}, {}),
    "SageMaker.2": sagemaker("NotebookInstance", {"SubnetId": "subnet"}, {}),
    "SageMaker.3": sagemaker("NotebookInstance", {"RootAccess": "Disabled"}, {"RootAccess": "Enabled"}),
    "SageMaker.4": sagemaker(
        "EndpointConfig",
        {"ProductionVariants": [{"InitialInstanceCount": 2}, {"ServerlessConfig": {"MaxConcurrency": 1}}]},
        {"ProductionVariants": [{"InitialInstanceCount": 2}, {"InitialInstanceCount": 1}]},
    ),
    "SageMaker.5": sagemaker("Model", {"EnableNetworkIsolation": True}, {}),
    "SageMaker.6": sagemaker("AppImageConfig", {"Tags": [{"Key": "a", "Value": "b"}]}, {"Tags": []}),
    "SageMaker.7": sagemaker("Image", {"Tags": [{"Key": "a", "Value": "b"}]}, {}),
    "SageMaker.8": sagemaker(
        "NotebookInstance", {"PlatformIdentifier": "notebook-al2023-v1"}, {"PlatformIdentifier": "notebook-al2-v2"}
    ),
    "SageMaker.9": sagemaker("DataQualityJobDefinition", NETWORK, OPEN),
    "SageMaker.10": sagemaker("ModelExplainabilityJobDefinition", NETWORK, {}),
    "SageMaker.11": sagemaker("DataQualityJobDefinition", NETWORK, {}),
    "SageMaker.12": sagemaker("ModelBiasJobDefinition", NETWORK, OPEN),
    "SageMaker.13": sagemaker("ModelQualityJobDefinition", NETWORK, OPEN),
    "SageMaker.14": sagemaker(
        "MonitoringSchedule",
        {"MonitoringScheduleConfig": {"MonitoringJobDefinition": NETWORK}},
        {"MonitoringScheduleConfig": {"MonitoringJobDefinition": OPEN}},
    ),
    "SageMaker.15": sagemaker("ModelBiasJobDefinition", NETWORK, {}),
    "SageMaker.17": sagemaker(
        "FeatureGroup",
        {"OfflineStoreConfig": {"S3StorageConfig": {"KmsKeyId": KEY}}},
        {"OfflineStoreConfig": {"S3StorageConfig": {"S3Uri": "s3://bucket"}}},
    ),
    "SageMaker.18": sagemaker(
        "FeatureGroup",
        {"OnlineStoreConfig": {"SecurityConfig": {"KmsKeyId": KEY}}},
        {"OnlineStoreConfig": {"EnableOnlineStore": True}},
    ),
    "SageMaker.20": sagemaker("ModelExplainabilityJobDefinition", NETWORK, OPEN),
    "SageMaker.21": sagemaker("NotebookInstance", {"KmsKeyId": KEY}, {}),
    "SageMaker.22": sagemaker(
        "MonitoringSchedule",
        {"MonitoringScheduleConfig": {"MonitoringJobDefinition": NETWORK}},
        {"MonitoringScheduleConfig": {"MonitoringJobDefinitionName": "of another template"}},
    ),
    "SageMaker.23": sagemaker("InferenceExperiment", {"KmsKey": KEY}, {}),
    "SageMaker.24": sagemaker(
        "InferenceExperiment", {"DataStorageConfig": {"KmsKey": KEY}}, {"DataStorageConfig": {"Destination": "s3://b"}}
    ),
    "SageMaker.25": sagemaker("ModelQualityJobDefinition", NETWORK, {}),
    "ApiTls": (
        "AWS::ApiGateway::RestApi",
        {"SecurityPolicy": "SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09"},
        {"SecurityPolicy": "TLS_1_0"},
    ),
    "BucketKey": (
        "AWS::S3::Bucket",
        {
            "BucketEncryption": {
                "ServerSideEncryptionConfiguration": [
                    {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY}}
                ]
            }
        },
        {
            "BucketEncryption": {
                "ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
            }
        },
    ),
    "BucketPrivate": (
        "AWS::S3::Bucket",
        {
            "PublicAccessBlockConfiguration": BLOCKED,
            "VersioningConfiguration": {"Status": "Enabled"},
            "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
        },
        {
            "PublicAccessBlockConfiguration": {**BLOCKED, "BlockPublicPolicy": False},
            "VersioningConfiguration": {"Status": "Enabled"},
            "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
        },
    ),
    "CustomerKey": ("AWS::SNS::Topic", {"KmsMasterKeyId": KEY}, {"KmsMasterKeyId": "alias/aws/sns"}),
    "JobsIsolated": ("AWS::StepFunctions::StateMachine", machine(JOB), machine({**JOB, **OPEN})),
    "KeyNotAccountWide": (
        "AWS::KMS::Key",
        {"EnableKeyRotation": True, **policy({**ACCOUNT, "Condition": {"StringEquals": {}}}, name="KeyPolicy")},
        {"EnableKeyRotation": True, **policy(ACCOUNT, name="KeyPolicy")},
    ),
    "PolicyActions": ("AWS::IAM::ManagedPolicy", policy(ALLOW), policy({**ALLOW, "Action": ["s3:Get*"]})),
    "PolicyPrincipals": ("AWS::S3::BucketPolicy", policy(ALLOW), policy({**ALLOW, "Principal": {"AWS": "*"}})),
    "Retention": ("AWS::Logs::LogGroup", {"RetentionInDays": 30}, {}),
}


def findings(rule: str, kind: str, properties: dict[str, Any], **body: Any) -> list[str]:
    template = Template("stack", {"Resources": {"It": {"Type": kind, "Properties": properties, **body}}})
    return [found.logical_id for found in check([template], Context()) if found.rule == rule]


@pytest.mark.parametrize("rule", CASES)
def test_a_compliant_template_passes_and_another_does_not(rule: str) -> None:
    kind, good, bad = CASES[rule]
    assert findings(rule, kind, good) == []
    assert findings(rule, kind, bad) == ["It"]


def test_every_rule_has_a_case_and_every_control_a_rule() -> None:
    ids = {rule.id for rule in all_rules()}
    assert len(ids) == len(all_rules())
    assert ids == set(CASES) | {"TlsOnly", "Removal"}
    controls = {f"SageMaker.{number}" for number in range(1, 26)}
    assert controls - ids == set(EXCEPTIONS) == {"SageMaker.16", "SageMaker.19"}


def test_a_bucket_needs_a_policy_that_refuses_plain_http() -> None:
    refuses = {
        **ALLOW,
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    body: dict[str, Any] = {
        "Bucket": {"Type": "AWS::S3::Bucket"},
        "Policy": {"Type": "AWS::S3::BucketPolicy", "Properties": {"Bucket": {"Ref": "Bucket"}, **policy(refuses)}},
    }
    other = copy.deepcopy(body)
    other["Policy"]["Properties"]["Bucket"] = {"Ref": "Another"}

    def found(resources: dict[str, Any]) -> list[str]:
        template = Template("stack", {"Resources": resources})
        return [one.logical_id for one in check([template], Context()) if one.rule == "TlsOnly"]

    assert found(body) == []
    assert found(other) == ["Bucket"]
    assert found({"Bucket": body["Bucket"]}) == ["Bucket"]


def test_what_holds_data_is_kept_where_the_environment_retains_and_goes_where_it_destroys() -> None:
    def found(context: Context, policy: str) -> int:
        body = {"Type": "AWS::DynamoDB::Table", "DeletionPolicy": policy, "UpdateReplacePolicy": policy}
        template = Template("stack", {"Resources": {"Table": body}})
        return sum(one.rule == "Removal" for one in check([template], context))

    assert found(Context("retain"), "Retain") == found(Context("destroy"), "Delete") == 0
    assert found(Context("retain"), "Delete") == found(Context("destroy"), "Retain") == 1


def test_a_schedule_may_name_a_definition_of_its_template() -> None:
    resources = {
        "Definition": {"Type": "AWS::SageMaker::DataQualityJobDefinition", "Properties": NETWORK},
        "Schedule": {
            "Type": "AWS::SageMaker::MonitoringSchedule",
            "Properties": {
                "MonitoringScheduleConfig": {
                    "MonitoringJobDefinitionName": {"Fn::GetAtt": ["Definition", "JobDefinitionName"]}
                }
            },
        },
    }
    found = check([Template("stack", {"Resources": resources})], Context())
    assert not [one for one in found if one.rule in ("SageMaker.14", "SageMaker.22")]
