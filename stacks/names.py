"""Names and ARNs that follow from the configuration alone.

Stacks refer to each other's resources by these, not by exports: an export that is in use cannot change, which
deadlocks updates. Only what AWS names itself (a key's id) travels as an export, declared by hand.
"""

from __future__ import annotations

from aws_cdk import Aws, Fn

from stacks.config import PlatformConfig

VARIANT = "primary"


class Names:
    """Names of one deployment; the account (and partition) is filled in by CloudFormation."""

    def __init__(self, config: PlatformConfig) -> None:
        self.prefix = config.prefix
        self.region = config.region
        # Begins logical ids whose resources have generated names. Lower case, since SageMaker writes names in
        # ARNs so, and policies have to match them either way.
        self.compact = config.prefix.replace("-", "")

    def stack(self, concern: str) -> str:
        """Name of the stack of `concern`."""
        return f"{self.prefix}-{concern}"

    def stack_arn(self, concern: str) -> str:
        """ARN of the stack of `concern`; its last part is an id that CloudFormation chooses."""
        return self._arn("cloudformation", f"stack/{self.stack(concern)}/*")

    def bucket(self, purpose: str) -> str:
        """Name of the bucket for `purpose`, unique in the world."""
        return f"{self.prefix}-{purpose}-{Aws.ACCOUNT_ID}-{self.region}"

    def bucket_arn(self, purpose: str) -> str:
        """ARN of the bucket for `purpose`."""
        return f"arn:{Aws.PARTITION}:s3:::{self.bucket(purpose)}"

    def role(self, job: str) -> str:
        """Name of the role for a kind of job; roles are global, so the region is part of it."""
        return f"{self.prefix}-{job}-{self.region}"

    def role_arn(self, job: str) -> str:
        """ARN of the role for a kind of job."""
        return f"arn:{Aws.PARTITION}:iam::{Aws.ACCOUNT_ID}:role/{self.role(job)}"

    def sagemaker_arn(self, resource: str) -> str:
        """ARN of a SageMaker resource such as `endpoint/<name>`."""
        return self._arn("sagemaker", resource)

    def logs_arn(self, resource: str) -> str:
        """ARN of a CloudWatch Logs resource such as `log-group:<name>`."""
        return self._arn("logs", resource)

    def alarm_arn(self, name: str) -> str:
        """ARN of an alarm."""
        return self._arn("cloudwatch", f"alarm:{name}")

    @property
    def endpoint(self) -> str:
        """The endpoint's name."""
        return self.prefix

    @property
    def rollback_alarms(self) -> tuple[str, str]:
        """Names of the alarms that undo a deployment: failing answers, slow answers."""
        return f"{self.endpoint}-errors-5xx", f"{self.endpoint}-latency"

    @property
    def model_package_group(self) -> str:
        """The model package group's name."""
        return self.prefix

    @property
    def monitoring_schedule(self) -> str:
        """The data-quality schedule's name."""
        return f"{self.prefix}-data-quality"

    @property
    def state_machine(self) -> str:
        """The retraining state machine's name."""
        return f"{self.prefix}-retraining"

    @property
    def state_machine_arn(self) -> str:
        """The retraining state machine's ARN."""
        return self._arn("states", f"stateMachine:{self.state_machine}")

    @property
    def topic(self) -> str:
        """The notifications topic's name."""
        return f"{self.prefix}-notifications"

    @property
    def topic_arn(self) -> str:
        """The notifications topic's ARN."""
        return self._arn("sns", self.topic)

    def key_export(self, purpose: str) -> str:
        """Name of the export that holds the ARN of the key for `purpose`."""
        return f"{self.prefix}-{purpose}-key-arn"

    def key_arn(self, purpose: str) -> str:
        """ARN of the key for `purpose`, imported from the storage stack."""
        return Fn.import_value(self.key_export(purpose))

    def _arn(self, service: str, resource: str) -> str:
        return f"arn:{Aws.PARTITION}:{service}:{self.region}:{Aws.ACCOUNT_ID}:{resource}"
