"""Names and ARNs that follow from the configuration alone.

Stacks refer to each other's resources by these, not by exports: an export that is in use cannot change, which
deadlocks updates. Only what AWS names itself (a key's id) travels as an export, declared by hand.
"""

from __future__ import annotations

from aws_cdk import Aws, Fn

from stacks.config import PlatformConfig

VARIANT = "primary"
CHALLENGER_VARIANT = "challenger"
# Asked for once: the CDK answers from another process, and a synthesis writes hundreds of ARNs.
ACCOUNT, PARTITION = Aws.ACCOUNT_ID, Aws.PARTITION


class Names:
    """Names of one deployment; the account (and partition) is filled in by CloudFormation."""

    def __init__(self, config: PlatformConfig) -> None:
        self.prefix = config.prefix
        self.region = config.region
        self.path = config.identity.path
        self._boundary = config.identity.permissions_boundary
        # Begins logical ids whose resources have generated names, and other names that a promotion makes. Lower case,
        # since SageMaker writes names in ARNs so, and policies have to match them either way.
        self.compact = config.prefix.replace("-", "")

    def stack(self, concern: str) -> str:
        """Name of the stack of `concern`."""
        return f"{self.prefix}-{concern}"

    def bucket(self, purpose: str) -> str:
        """Name of the bucket for `purpose`, unique in the world."""
        return f"{self.prefix}-{purpose}-{ACCOUNT}-{self.region}"

    def bucket_arn(self, purpose: str) -> str:
        """ARN of the bucket for `purpose`."""
        return f"arn:{PARTITION}:s3:::{self.bucket(purpose)}"

    def table(self, purpose: str) -> str:
        """Name of the table for `purpose`."""
        return f"{self.prefix}-{purpose}"

    def table_arn(self, purpose: str) -> str:
        """ARN of the table for `purpose`."""
        return self.arn("dynamodb", f"table/{self.table(purpose)}")

    def role(self, job: str) -> str:
        """Name of the role for a kind of job; roles are global, so the region is part of it."""
        return f"{self.prefix}-{job}-{self.region}"

    def role_arn(self, job: str) -> str:
        """ARN of the role for a kind of job."""
        return f"arn:{PARTITION}:iam::{ACCOUNT}:role{self.path}{self.role(job)}"

    @property
    def boundary_arn(self) -> str | None:
        """ARN of the managed policy that bounds every role, or None where there is none."""
        if self._boundary is None or self._boundary.startswith("arn:"):
            return self._boundary
        return f"arn:{PARTITION}:iam::{ACCOUNT}:policy/{self._boundary.removeprefix('/')}"

    def sagemaker_arn(self, resource: str) -> str:
        """ARN of a SageMaker resource such as `endpoint/<name>`."""
        return self.arn("sagemaker", resource)

    def logs_arn(self, resource: str) -> str:
        """ARN of a CloudWatch Logs resource such as `log-group:<name>`."""
        return self.arn("logs", resource)

    def alarm_arn(self, name: str) -> str:
        """ARN of an alarm."""
        return self.arn("cloudwatch", f"alarm:{name}")

    @property
    def endpoint(self) -> str:
        """The endpoint's name."""
        return self.prefix

    @property
    def challenger_target(self) -> str:
        """What Application Auto Scaling calls the challenger's variant."""
        return f"endpoint/{self.endpoint}/variant/{CHALLENGER_VARIANT}"

    @property
    def rollback_alarms(self) -> tuple[str, str]:
        """Names of the alarms that undo a deployment: failing answers, slow answers."""
        return f"{self.endpoint}-errors-5xx", f"{self.endpoint}-latency"

    @property
    def model_package_group(self) -> str:
        """The model package group's name."""
        return self.prefix

    def schedule(self, kind: str) -> str:
        """Name of the schedule of a kind of monitor: data-quality, model-quality …"""
        return f"{self.prefix}-{kind}"

    @property
    def monitoring_machine(self) -> str:
        """Name of the state machine that runs monitors, or counts their outcome."""
        return f"{self.prefix}-monitoring"

    @property
    def monitoring_machine_arn(self) -> str:
        """ARN of the state machine that runs monitors, or counts their outcome."""
        return self.arn("states", f"stateMachine:{self.monitoring_machine}")

    @property
    def explained(self) -> str:
        """Begins the names of the models, and of their endpoints, that SageMaker Clarify asks for attributions."""
        return f"{self.compact}-explained"

    def explained_model(self, version: str) -> str:
        """Name of the model that SageMaker Clarify asks for attributions of a package's version."""
        return f"{self.explained}-v{version}"

    @property
    def state_machine(self) -> str:
        """The retraining state machine's name."""
        return f"{self.prefix}-retraining"

    @property
    def state_machine_arn(self) -> str:
        """The retraining state machine's ARN."""
        return self.arn("states", f"stateMachine:{self.state_machine}")

    @property
    def guard(self) -> str:
        """The name of the state machine that decides whether a retraining run starts."""
        return f"{self.prefix}-retraining-guard"

    @property
    def guard_arn(self) -> str:
        """The guard's ARN."""
        return self.arn("states", f"stateMachine:{self.guard}")

    @property
    def scoring(self) -> str:
        """The name of the scoring function and of the API before it."""
        return f"{self.prefix}-scoring"

    @property
    def topic(self) -> str:
        """The notifications topic's name."""
        return f"{self.prefix}-notifications"

    @property
    def topic_arn(self) -> str:
        """The notifications topic's ARN."""
        return self.arn("sns", self.topic)

    @property
    def undelivered(self) -> str:
        """The name of the dead-letter queue of EventBridge rules, and of the alarm on it."""
        return f"{self.prefix}-undelivered"

    @property
    def undelivered_arn(self) -> str:
        """The dead-letter queue's ARN."""
        return self.arn("sqs", self.undelivered)

    def key_export(self, purpose: str) -> str:
        """Name of the export that holds the ARN of the key for `purpose`."""
        return f"{self.prefix}-{purpose}-key-arn"

    def key_arn(self, purpose: str) -> str:
        """ARN of the key for `purpose`, imported from the storage stack."""
        return Fn.import_value(self.key_export(purpose))

    def network_export(self, what: str) -> str:
        """Name of the export that holds the id of a part of the network, such as `containers-group`."""
        return f"{self.prefix}-{what}-id"

    def ec2_arn(self, resource: str) -> str:
        """ARN of an EC2 resource such as `subnet/<id>`."""
        return self.arn("ec2", resource)

    def function_arn(self, name: str) -> str:
        """ARN of a function."""
        return self.arn("lambda", f"function:{name}")

    def arn(self, service: str, resource: str) -> str:
        """ARN of a service's resource in this account and region."""
        return f"arn:{PARTITION}:{service}:{self.region}:{ACCOUNT}:{resource}"
