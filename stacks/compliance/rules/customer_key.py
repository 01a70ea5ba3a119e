"""Whatever can be encrypted under a customer key is."""

from __future__ import annotations

from stacks.compliance.rule import Context, rule
from stacks.compliance.template import Resource

_JOB = "JobResources.ClusterConfig.VolumeKmsKeyId"
# Each type with the properties that have to name a key.
KEYS = {
    "AWS::CloudTrail::Trail": ("KMSKeyId",),
    "AWS::DynamoDB::Table": ("SSESpecification.KMSMasterKeyId",),
    "AWS::ECR::Repository": ("EncryptionConfiguration.KmsKey",),
    "AWS::KinesisFirehose::DeliveryStream": ("DeliveryStreamEncryptionConfigurationInput.KeyARN",),
    "AWS::Lambda::Function": ("KmsKeyArn",),
    "AWS::Logs::LogGroup": ("KmsKeyId",),
    "AWS::SageMaker::DataQualityJobDefinition": ("DataQualityJobOutputConfig.KmsKeyId", _JOB),
    "AWS::SageMaker::Domain": ("KmsKeyId",),
    "AWS::SageMaker::EndpointConfig": ("KmsKeyId", "DataCaptureConfig.KmsKeyId"),
    "AWS::SageMaker::ModelBiasJobDefinition": ("ModelBiasJobOutputConfig.KmsKeyId", _JOB),
    "AWS::SageMaker::ModelExplainabilityJobDefinition": ("ModelExplainabilityJobOutputConfig.KmsKeyId", _JOB),
    "AWS::SageMaker::ModelQualityJobDefinition": ("ModelQualityJobOutputConfig.KmsKeyId", _JOB),
    "AWS::SNS::Topic": ("KmsMasterKeyId",),
    "AWS::SQS::Queue": ("KmsMasterKeyId",),
    "AWS::SecretsManager::Secret": ("KmsKeyId",),
    "AWS::StepFunctions::StateMachine": ("EncryptionConfiguration.KmsKeyId",),
}


@rule("CustomerKey", *KEYS, remedy="name a customer key (see stacks/compliance/rules/customer_key.py for the property)")
def RULE(resource: Resource, context: Context) -> bool:
    return all(_names_a_key(resource.get(path)) for path in KEYS[resource.kind] if _applies(resource, path))


def _applies(resource: Resource, path: str) -> bool:
    return not path.startswith("DataCaptureConfig.") or bool(resource.get("DataCaptureConfig"))


def _names_a_key(value: object) -> bool:
    # A text such as alias/aws/sns is a key of AWS's.
    return bool(value) and not (isinstance(value, str) and "alias/aws/" in value)
