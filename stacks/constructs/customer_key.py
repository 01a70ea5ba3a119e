"""A customer-managed key whose policy spells out every action, and grants nobody all of it."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Aws, Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

LOOK = (
    *("kms:DescribeKey", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListGrants", "kms:ListKeyPolicies"),
    *("kms:ListKeyRotations", "kms:ListResourceTags"),
)
ADMINISTRATION = (
    *("kms:CancelKeyDeletion", "kms:CreateAlias", "kms:DeleteAlias", "kms:DisableKey", "kms:DisableKeyRotation"),
    *("kms:EnableKey", "kms:EnableKeyRotation", "kms:PutKeyPolicy", "kms:RevokeGrant", "kms:RotateKeyOnDemand"),
    *("kms:ScheduleKeyDeletion", "kms:TagResource", "kms:UntagResource", "kms:UpdateAlias"),
    "kms:UpdateKeyDescription",
)
USE = (
    *("kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext"),
    *("kms:ReEncryptFrom", "kms:ReEncryptTo"),
)
# Through these the platform's identities use a key; nothing here calls KMS to encrypt by itself.
SERVICES = ("dynamodb", "ecr", "lambda", "s3", "sagemaker", "sns", "sqs", "states")


class CustomerKey(kms.Key):
    """A rotating key; identities of the account use it through services, as far as their own policies allow.

    The account itself has to be in the policy: a key without it is lost with its last administrator. What it is given
    is the right to delegate, split in three, so that no policy of an identity can hand out more than this:

    - looking at the key and administering it, the latter by `administrators` (role ARNs) alone where there are any;
    - using it through the services that keep data for the platform, never by a call of KMS's own API;
    - passing that use on to AWS (CreateGrant) for the resources that AWS encrypts.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        alias: str,
        description: str,
        removal_policy: RemovalPolicy,
        pending_days: int,
        region: str,
        administrators: Sequence[str] = (),
        service_statements: Sequence[iam.PolicyStatement] = (),
    ) -> None:
        statements = [
            _account("AccountLooks", LOOK),
            _administer(administrators),
            _account("AccountUsesItThroughServices", USE, StringEquals={"kms:ViaService": _services(region)}),
            _account("AccountLetsAwsUseIt", ["kms:CreateGrant"], Bool={"kms:GrantIsForAWSResource": "true"}),
            *service_statements,
        ]
        super().__init__(
            scope,
            construct_id,
            alias=alias,
            description=description,
            enable_key_rotation=True,
            removal_policy=removal_policy,
            pending_window=Duration.days(pending_days),
            policy=iam.PolicyDocument(statements=statements),
        )


def logs_encrypt(groups: str) -> iam.PolicyStatement:
    """CloudWatch Logs encrypts the log groups whose ARNs match `groups` (arn:…:logs:<region>:…)."""
    region = groups.split(":")[3]
    return iam.PolicyStatement(
        sid="LogsEncryptsItsGroups",
        principals=[iam.ServicePrincipal(f"logs.{region}.amazonaws.com")],
        actions=[*USE, "kms:DescribeKey"],
        resources=["*"],
        conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}},
    )


def machines_encrypt(machines: str) -> list[iam.PolicyStatement]:
    """State machines whose ARNs match `machines` encrypt definitions and histories under their own roles, and log.

    Step Functions calls KMS as the role itself, not through a service, so that the account's use does not cover it.
    """
    partition, region = machines.split(":")[1], machines.split(":")[3]
    context = "kms:EncryptionContext:SourceArn"
    logs = {context: f"arn:{partition}:logs:{region}:{Aws.ACCOUNT_ID}:*"}
    return [
        _account(
            "MachinesEncryptTheirHistories",
            ["kms:Decrypt", "kms:GenerateDataKey"],
            ArnLike={"kms:EncryptionContext:aws:states:stateMachineArn": machines},
        ),
        _account("MachinesEncryptWhatTheyLog", ["kms:GenerateDataKey"], StringEquals=logs),
        iam.PolicyStatement(
            sid="LogDeliveryReadsWhatMachinesLog",
            principals=[iam.ServicePrincipal("delivery.logs.amazonaws.com")],
            actions=["kms:Decrypt"],
            resources=["*"],
            conditions={"StringEquals": logs},
        ),
    ]


def alarms_publish() -> iam.PolicyStatement:
    """CloudWatch publishes the account's alarms to an encrypted topic."""
    return _publishes("AlarmsPublishToTheEncryptedTopic", "cloudwatch.amazonaws.com")


def budgets_publish() -> iam.PolicyStatement:
    """AWS Budgets publishes the account's notifications to an encrypted topic."""
    return _publishes("BudgetsPublishToTheEncryptedTopic", "budgets.amazonaws.com")


def events_send() -> iam.PolicyStatement:
    """EventBridge sends what the account's rules could not deliver to an encrypted queue."""
    return _publishes("RulesSendToTheEncryptedQueue", "events.amazonaws.com")


def _publishes(sid: str, service: str) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        sid=sid,
        principals=[iam.ServicePrincipal(service)],
        actions=["kms:Decrypt", "kms:GenerateDataKey"],
        resources=["*"],
        conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
    )


def _services(region: str) -> list[str]:
    return [f"{service}.{region}.amazonaws.com" for service in SERVICES]


def _administer(administrators: Sequence[str]) -> iam.PolicyStatement:
    if not administrators:
        return _account("AccountAdministers", ADMINISTRATION)
    return iam.PolicyStatement(
        sid="AdministratorsAdminister",
        principals=[iam.ArnPrincipal(arn) for arn in administrators],
        actions=list(ADMINISTRATION),
        resources=["*"],
    )


def _account(sid: str, actions: Sequence[str], **conditions: dict[str, object]) -> iam.PolicyStatement:
    own = {"kms:CallerAccount": Aws.ACCOUNT_ID, **conditions.pop("StringEquals", {})}
    return iam.PolicyStatement(
        sid=sid,
        principals=[iam.AccountRootPrincipal()],
        actions=list(actions),
        resources=["*"],
        conditions={"StringEquals": own, **conditions},
    )
