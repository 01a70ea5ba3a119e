"""What becomes of each property of the resource types that were audited, as a table that a test holds against Describe.

executed: it has the effect it has on AWS.
recorded: Describe shows it, and that is all it does here.
ignored: not even Describe shows it here (AWS may not show it either); the note says why that is bearable.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from local_cloud.coverage import network_readers, readers, serverless_readers
from local_cloud.coverage.readers import Reader

Status = Literal["executed", "recorded", "ignored"]


@dataclass(frozen=True)
class Property:
    status: Status
    note: str = ""


@dataclass(frozen=True)
class ResourceType:
    """A resource type: how it is read back, and what its properties do.

    Attributes:
        source: the calls that show the properties.
    """

    reader: Reader
    source: str
    properties: Mapping[str, Property] = field(default_factory=dict)


def _all(status: Status, names: str, note: str = "") -> dict[str, Property]:
    return {name: Property(status, note) for name in names.split()}


_STORED_CLEAR = "objects are stored in the clear"
_AUTH = "enforced only when the server is started with AUTH=true"
_NO_PACKETS = "jobs and functions are processes of this machine: no packet passes the network"
_TAGS = _all("recorded", "Tags", "stack tags and CloudFormation's own are added")


def _job_definition(what: str) -> ResourceType:
    return ResourceType(
        readers.sagemaker(f"{what}JobDefinition", "JobDefinitionName"),
        f"DescribeJobDefinition ({what}), ListTags",
        {
            **_all(
                "executed",
                f"JobDefinitionName {what}AppSpecification {what}BaselineConfig {what}JobInput {what}JobOutputConfig "
                "StoppingCondition",
            ),
            **_all("recorded", "JobResources", "jobs run on this machine; the container is told the instance type"),
            **_all("recorded", "NetworkConfig", "its processes keep the network"),
            **_all("recorded", "RoleArn", _AUTH),
            **_TAGS,
            **_all("ignored", "EndpointName", "without effect on AWS as well"),
        },
    )


TYPES: dict[str, ResourceType] = {
    "AWS::ApiGateway::Account": ResourceType(
        serverless_readers.account, "GetAccount", _all("recorded", "CloudWatchRoleArn", "no access log is written")
    ),
    "AWS::ApiGateway::Deployment": ResourceType(
        serverless_readers.deployment,
        "GetDeployment",
        {**_all("executed", "RestApiId"), **_all("recorded", "Description")},
    ),
    "AWS::ApiGateway::GatewayResponse": ResourceType(
        serverless_readers.gateway_response,
        "GetGatewayResponse",
        _all("executed", "RestApiId ResponseType StatusCode ResponseParameters ResponseTemplates"),
    ),
    "AWS::ApiGateway::Method": ResourceType(
        serverless_readers.method,
        "GetMethod",
        {
            **_all("executed", "RestApiId ResourceId HttpMethod Integration ApiKeyRequired"),
            **_all("executed", "RequestValidatorId RequestModels RequestParameters"),
            **_all("executed", "AuthorizationType", "unsigned requests are refused; " + _AUTH),
        },
    ),
    "AWS::ApiGateway::Model": ResourceType(
        serverless_readers.model,
        "GetModel",
        {**_all("executed", "RestApiId Name ContentType Schema"), **_all("recorded", "Description")},
    ),
    "AWS::ApiGateway::RequestValidator": ResourceType(
        serverless_readers.request_validator,
        "GetRequestValidator",
        _all("executed", "RestApiId Name ValidateRequestBody ValidateRequestParameters"),
    ),
    "AWS::ApiGateway::Resource": ResourceType(
        serverless_readers.resource, "GetResource", _all("executed", "RestApiId ParentId PathPart")
    ),
    "AWS::ApiGateway::RestApi": ResourceType(
        serverless_readers.rest_api,
        "GetRestApi",
        {
            **_all("executed", "Name"),
            **_all("recorded", "Description EndpointConfiguration"),
            **_all("recorded", "SecurityPolicy EndpointAccessMode", "callers speak plain HTTP on the loopback"),
            **_TAGS,
        },
    ),
    "AWS::ApiGateway::Stage": ResourceType(
        serverless_readers.stage,
        "GetStage",
        {
            **_all("executed", "RestApiId StageName DeploymentId"),
            **_all("executed", "MethodSettings", "the throttling in it; no execution log is written"),
            **_all("recorded", "AccessLogSetting", "no access log is written"),
            **_all("recorded", "TracingEnabled", "nothing is traced"),
            **_TAGS,
        },
    ),
    "AWS::ApiGateway::UsagePlan": ResourceType(
        serverless_readers.usage_plan,
        "GetUsagePlan",
        {**_all("executed", "ApiStages Throttle Quota"), **_all("recorded", "UsagePlanName Description"), **_TAGS},
    ),
    "AWS::ApplicationAutoScaling::ScalableTarget": ResourceType(
        readers.scalable_target,
        "DescribeScalableTargets, DescribeScheduledActions, ListTagsForResource",
        {
            **_all("recorded", "ServiceNamespace ResourceId ScalableDimension", "an endpoint's variant must exist"),
            **_all("recorded", "MinCapacity MaxCapacity", "capacity means nothing on one machine: nothing scales"),
            **_all("recorded", "RoleARN SuspendedState ScheduledActions"),
            **_TAGS,
        },
    ),
    "AWS::ApplicationAutoScaling::ScalingPolicy": ResourceType(
        readers.scaling_policy,
        "DescribeScalingPolicies",
        {
            **_all("recorded", "PolicyName PolicyType ScalingTargetId ServiceNamespace ResourceId ScalableDimension"),
            **_all(
                "recorded",
                "TargetTrackingScalingPolicyConfiguration StepScalingPolicyConfiguration "
                "PredictiveScalingPolicyConfiguration",
                "nothing scales, and no alarms are made for the policy",
            ),
        },
    ),
    "AWS::Budgets::Budget": ResourceType(
        readers.budget,
        "DescribeBudget, DescribeNotificationsForBudget, DescribeSubscribersForNotification, ListTagsForResource",
        {
            **_all("recorded", "Budget NotificationsWithSubscribers", "nothing costs anything: nobody is told"),
            **_all("recorded", "ResourceTags", "stack tags and CloudFormation's own are added"),
        },
    ),
    "AWS::CloudWatch::Alarm": ResourceType(
        readers.alarm,
        "DescribeAlarms",
        {
            **_all(
                "executed",
                "AlarmName AlarmActions OKActions InsufficientDataActions ActionsEnabled ComparisonOperator Dimensions "
                "EvaluationPeriods DatapointsToAlarm MetricName Namespace Period Statistic ExtendedStatistic Threshold "
                "TreatMissingData Metrics",
            ),
            **_all("recorded", "AlarmDescription Unit EvaluateLowSampleCountPercentile ThresholdMetricId"),
        },
    ),
    "AWS::CloudWatch::CompositeAlarm": ResourceType(
        readers.composite_alarm,
        "DescribeAlarms",
        {
            **_all("executed", "AlarmName AlarmRule AlarmActions OKActions InsufficientDataActions ActionsEnabled"),
            **_all("recorded", "AlarmDescription"),
        },
    ),
    "AWS::CloudWatch::Dashboard": ResourceType(
        readers.dashboard, "GetDashboard", _all("recorded", "DashboardName DashboardBody", "nothing draws it")
    ),
    "AWS::DynamoDB::Table": ResourceType(
        serverless_readers.table,
        "DescribeTable, DescribeContinuousBackups, DescribeTimeToLive, ListTagsOfResource",
        {
            **_all("executed", "TableName KeySchema AttributeDefinitions GlobalSecondaryIndexes"),
            **_all("executed", "TimeToLiveSpecification DeletionProtectionEnabled"),
            **_all("recorded", "BillingMode", "capacity means nothing on one machine"),
            **_all("recorded", "PointInTimeRecoverySpecification", "there is no earlier state to restore"),
            **_all("recorded", "SSESpecification", "items are stored in the clear"),
            **_TAGS,
        },
    ),
    "AWS::EC2::FlowLog": ResourceType(
        network_readers.flow_log,
        "DescribeFlowLogs",
        {
            **_all("recorded", "ResourceId ResourceType TrafficType LogDestinationType LogGroupName", _NO_PACKETS),
            **_all("recorded", "DeliverLogsPermissionArn MaxAggregationInterval", _NO_PACKETS),
            **_TAGS,
        },
    ),
    "AWS::EC2::RouteTable": ResourceType(
        network_readers.route_table, "DescribeRouteTables", {**_all("recorded", "VpcId"), **_TAGS}
    ),
    "AWS::EC2::SecurityGroup": ResourceType(
        network_readers.security_group,
        "DescribeSecurityGroups",
        {
            **_all("recorded", "GroupName GroupDescription VpcId"),
            **_all("recorded", "SecurityGroupIngress SecurityGroupEgress", _NO_PACKETS),
            **_TAGS,
        },
    ),
    "AWS::EC2::SecurityGroupEgress": ResourceType(
        network_readers.egress,
        "DescribeSecurityGroups",
        _all(
            "recorded",
            "GroupId IpProtocol FromPort ToPort Description DestinationPrefixListId DestinationSecurityGroupId",
            _NO_PACKETS,
        ),
    ),
    "AWS::EC2::SecurityGroupIngress": ResourceType(
        network_readers.ingress,
        "DescribeSecurityGroups",
        _all("recorded", "GroupId IpProtocol FromPort ToPort Description SourceSecurityGroupId", _NO_PACKETS),
    ),
    "AWS::EC2::Subnet": ResourceType(
        network_readers.subnet,
        "DescribeSubnets",
        {**_all("recorded", "VpcId CidrBlock AvailabilityZone MapPublicIpOnLaunch"), **_TAGS},
    ),
    "AWS::EC2::SubnetRouteTableAssociation": ResourceType(
        network_readers.route_table_association, "DescribeRouteTables", _all("recorded", "RouteTableId SubnetId")
    ),
    "AWS::EC2::VPC": ResourceType(
        network_readers.vpc,
        "DescribeVpcs, DescribeVpcAttribute",
        {**_all("recorded", "CidrBlock EnableDnsHostnames EnableDnsSupport InstanceTenancy", _NO_PACKETS), **_TAGS},
    ),
    "AWS::EC2::VPCEndpoint": ResourceType(
        network_readers.endpoint,
        "DescribeVpcEndpoints",
        {
            **_all("recorded", "VpcId VpcEndpointType ServiceName RouteTableIds SubnetIds SecurityGroupIds"),
            **_all("recorded", "PrivateDnsEnabled", _NO_PACKETS),
            **_all("recorded", "PolicyDocument", "no request passes an endpoint"),
            **_TAGS,
        },
    ),
    "AWS::Events::Rule": ResourceType(
        readers.rule,
        "DescribeRule, ListTargetsByRule",
        {
            **_all("executed", "Name EventPattern ScheduleExpression State EventBusName"),
            **_all(
                "executed",
                "Targets",
                "Step Functions, SNS, SQS and Lambda; log groups get nothing; what cannot start its state machine goes "
                "to the dead-letter queue at once",
            ),
            **_all("recorded", "Description RoleArn"),
        },
    ),
    "AWS::IAM::ManagedPolicy": ResourceType(
        readers.managed_policy,
        "GetPolicy, GetPolicyVersion, ListEntitiesForPolicy",
        {
            **_all("recorded", "ManagedPolicyName Path Description"),
            **_all("recorded", "PolicyDocument Roles", _AUTH),
        },
    ),
    "AWS::IAM::Role": ResourceType(
        readers.role,
        "GetRole, ListAttachedRolePolicies, GetRolePolicy",
        {
            **_all("recorded", "RoleName Path Description MaxSessionDuration"),
            **_all("recorded", "AssumeRolePolicyDocument ManagedPolicyArns Policies PermissionsBoundary", _AUTH),
            **_TAGS,
        },
    ),
    "AWS::KMS::Alias": ResourceType(
        readers.alias, "ListAliases, DescribeKey", _all("executed", "AliasName TargetKeyId")
    ),
    "AWS::KMS::Key": ResourceType(
        readers.key,
        "DescribeKey, GetKeyPolicy, GetKeyRotationStatus, ListResourceTags",
        {
            **_all("executed", "Enabled KeySpec KeyUsage", "Encrypt, Decrypt, Sign and their kin work"),
            **_all("recorded", "Description MultiRegion RotationPeriodInDays"),
            **_all("recorded", "EnableKeyRotation", "keys never rotate"),
            **_all("recorded", "KeyPolicy", _AUTH),
            **_all("ignored", "PendingWindowInDays", "read when the key is deleted; no call shows it, nor on AWS"),
            **_TAGS,
        },
    ),
    "AWS::Lambda::Alias": ResourceType(
        serverless_readers.alias, "GetAlias", _all("executed", "Name FunctionName FunctionVersion")
    ),
    "AWS::Lambda::Function": ResourceType(
        serverless_readers.function,
        "GetFunction, GetFunctionConfiguration, GetFunctionConcurrency",
        {
            **_all("executed", "FunctionName Code Handler Environment Timeout ReservedConcurrentExecutions"),
            **_all("executed", "LoggingConfig", "the log group in it"),
            **_all("recorded", "Runtime Architectures", "functions run under this machine's Python and processor"),
            **_all("recorded", "MemorySize", "functions are told it, and take what they need"),
            **_all("recorded", "KmsKeyArn", "variables are stored in the clear"),
            **_all("recorded", "TracingConfig", "nothing is traced"),
            **_all("recorded", "VpcConfig", _NO_PACKETS),
            **_all("recorded", "Description"),
            **_all("recorded", "Role", _AUTH),
            **_TAGS,
        },
    ),
    "AWS::Lambda::Permission": ResourceType(
        serverless_readers.permission, "GetPolicy", _all("recorded", "FunctionName Action Principal SourceArn", _AUTH)
    ),
    "AWS::Lambda::Version": ResourceType(
        serverless_readers.version, "GetFunctionConfiguration", _all("executed", "FunctionName")
    ),
    "AWS::Logs::LogGroup": ResourceType(
        readers.log_group,
        "DescribeLogGroups",
        {
            **_all("executed", "LogGroupName"),
            **_all("recorded", "RetentionInDays LogGroupClass"),
            **_all("recorded", "KmsKeyId", "events are stored in the clear"),
            **_all("ignored", "DataProtectionPolicy", "nothing is masked"),
        },
    ),
    "AWS::S3::Bucket": ResourceType(
        readers.bucket,
        "ListBuckets and GetBucket… of each configuration",
        {
            **_all("executed", "BucketName VersioningConfiguration"),
            **_all("recorded", "BucketEncryption", _STORED_CLEAR),
            **_all("recorded", "LifecycleConfiguration", "objects neither expire nor change their class"),
            **_all("recorded", "LoggingConfiguration", "no access log is written"),
            **_all("recorded", "OwnershipControls"),
            **_all("recorded", "PublicAccessBlockConfiguration", _AUTH),
            **_TAGS,
        },
    ),
    "AWS::S3::BucketPolicy": ResourceType(
        readers.bucket_policy,
        "GetBucketPolicy",
        {**_all("executed", "Bucket"), **_all("recorded", "PolicyDocument", _AUTH)},
    ),
    "AWS::SNS::Topic": ResourceType(
        readers.topic,
        "GetTopicAttributes, ListSubscriptionsByTopic, ListTagsForResource",
        {
            **_all("executed", "TopicName Subscription", "to SQS, Lambda and HTTP; e-mail goes nowhere"),
            **_all("recorded", "DisplayName SignatureVersion TracingConfig"),
            **_all("recorded", "KmsMasterKeyId", "messages are stored in the clear"),
            **_TAGS,
        },
    ),
    "AWS::SNS::TopicPolicy": ResourceType(
        readers.topic_policy,
        "GetTopicAttributes",
        {**_all("executed", "Topics"), **_all("recorded", "PolicyDocument", _AUTH)},
    ),
    "AWS::SNS::Subscription": ResourceType(
        readers.subscription,
        "GetSubscriptionAttributes",
        {
            **_all("executed", "TopicArn Protocol FilterPolicy RawMessageDelivery"),
            **_all("executed", "Endpoint", "SQS, Lambda and HTTP; e-mail goes nowhere"),
        },
    ),
    "AWS::SQS::Queue": ResourceType(
        readers.queue,
        "GetQueueAttributes, ListQueueTags",
        {
            **_all("executed", "QueueName MessageRetentionPeriod"),
            **_all("recorded", "KmsMasterKeyId", "messages are stored in the clear"),
            **_TAGS,
        },
    ),
    "AWS::SQS::QueuePolicy": ResourceType(
        readers.queue_policy,
        "GetQueueAttributes",
        {**_all("executed", "Queues"), **_all("recorded", "PolicyDocument", _AUTH)},
    ),
    "AWS::SSM::Parameter": ResourceType(
        readers.parameter,
        "GetParameter, DescribeParameters",
        {**_all("executed", "Name Type Value"), **_all("recorded", "Description Tier AllowedPattern")},
    ),
    "AWS::SageMaker::Model": ResourceType(
        readers.sagemaker("Model", "ModelName"),
        "DescribeModel, ListTags",
        {
            **_all("executed", "ModelName"),
            **_all("executed", "PrimaryContainer Containers", "one container"),
            **_all("recorded", "EnableNetworkIsolation VpcConfig", "its processes keep the network"),
            **_all("recorded", "ExecutionRoleArn", _AUTH),
            **_all("recorded", "InferenceExecutionConfig"),
            **_TAGS,
        },
    ),
    "AWS::SageMaker::EndpointConfig": ResourceType(
        readers.sagemaker("EndpointConfig", "EndpointConfigName"),
        "DescribeEndpointConfig, ListTags",
        {
            **_all("executed", "EndpointConfigName DataCaptureConfig"),
            **_all("executed", "ProductionVariants", "one process a variant, whatever the instance count"),
            **_all("recorded", "KmsKeyId", "captured data is stored in the clear"),
            **_all("executed", "ShadowProductionVariants", "copies of requests by the ratio of weights, captured"),
            **_all("recorded", "ExplainerConfig MetricsConfig VpcConfig"),
            **_all("recorded", "EnableNetworkIsolation", "its processes keep the network"),
            **_all("recorded", "ExecutionRoleArn", _AUTH),
            **_TAGS,
        },
    ),
    "AWS::SageMaker::Endpoint": ResourceType(
        readers.endpoint,
        "DescribeEndpoint, ListTags",
        {
            **_all("executed", "EndpointName EndpointConfigName"),
            **_all("executed", "DeploymentConfig", "waits are scaled by LOCAL_CLOUD_WAIT_SCALE"),
            **_all(
                "ignored",
                "RetainAllVariantProperties ExcludeRetainedVariantProperties RetainDeploymentConfig",
                "executed by each update; no call shows them, nor on AWS",
            ),
            **_TAGS,
        },
    ),
    "AWS::SageMaker::ModelPackageGroup": ResourceType(
        readers.sagemaker("ModelPackageGroup", "ModelPackageGroupName"),
        "DescribeModelPackageGroup, ListTags",
        {**_all("executed", "ModelPackageGroupName"), **_all("recorded", "ModelPackageGroupDescription"), **_TAGS},
    ),
    "AWS::SageMaker::ModelPackage": ResourceType(
        readers.sagemaker("ModelPackage", "ModelPackageName"),
        "DescribeModelPackage, ListTags",
        {
            **_all("executed", "ModelPackageGroupName InferenceSpecification AdditionalInferenceSpecifications"),
            **_all("executed", "ModelApprovalStatus", "changes are announced on the event bus"),
            **_all(
                "recorded",
                "ModelPackageDescription ApprovalDescription CustomerMetadataProperties DriftCheckBaselines "
                "MetadataProperties ModelMetrics Domain Task SamplePayloadUrl SourceUri",
            ),
            **_TAGS,
        },
    ),
    "AWS::SageMaker::MonitoringSchedule": ResourceType(
        readers.sagemaker("MonitoringSchedule", "MonitoringScheduleName"),
        "DescribeMonitoringSchedule, ListTags",
        {
            **_all("executed", "MonitoringScheduleName MonitoringScheduleConfig"),
            **_TAGS,
            **_all("ignored", "EndpointName", "without effect on AWS as well"),
        },
    ),
    **{
        f"AWS::SageMaker::{what}JobDefinition": _job_definition(what)
        for what in ("DataQuality", "ModelQuality", "ModelBias", "ModelExplainability")
    },
    "AWS::StepFunctions::StateMachine": ResourceType(
        readers.state_machine,
        "DescribeStateMachine",
        {
            **_all("executed", "StateMachineName DefinitionString StateMachineType"),
            **_all("recorded", "RoleArn", _AUTH),
            **_all("recorded", "LoggingConfiguration", "GetExecutionHistory has every event; no log is written"),
            **_all("recorded", "TracingConfiguration"),
            **_all(
                "recorded", "EncryptionConfiguration", "histories are stored in the clear; AUTH=true asks for the key"
            ),
        },
    ),
    "AWS::WAFv2::LoggingConfiguration": ResourceType(
        network_readers.web_acl_logging,
        "GetLoggingConfiguration",
        _all("recorded", "ResourceArn LogDestinationConfigs RedactedFields LoggingFilter", "no log is written"),
    ),
    "AWS::WAFv2::WebACL": ResourceType(
        network_readers.web_acl,
        "GetWebACL, ListTagsForResource",
        {
            **_all("executed", "Rules", "those that limit the rate of a client's address; all others are recorded"),
            **_all("executed", "CustomResponseBodies"),
            **_all("recorded", "Name Description Scope DefaultAction VisibilityConfig DataProtectionConfig"),
            **_TAGS,
        },
    ),
    "AWS::WAFv2::WebACLAssociation": ResourceType(
        network_readers.web_acl_association, "GetWebACLForResource", _all("executed", "ResourceArn WebACLArn")
    ),
    "Custom::ClosedDefaultSecurityGroup": ResourceType(
        network_readers.closed_default_group,
        "DescribeSecurityGroups",
        {**_all("executed", "GroupId"), **_all("ignored", "ServiceToken", "the function that does it")},
    ),
}
