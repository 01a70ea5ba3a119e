"""Find the deployed platform by the outputs of its stacks."""

from dataclasses import dataclass, field

from botocore.exceptions import ClientError

from scripts.retraining.clients import Clients
from scripts.retraining.errors import OperatorError

STACKS = ("storage", "training", "serving")


@dataclass(frozen=True)
class Platform:
    """Names and addresses of one environment."""

    prefix: str
    transactions_bucket: str
    artifacts_bucket: str
    state_machine_arn: str
    model_package_group: str
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)

    def execution_arn(self, run_id: str) -> str:
        """The ARN Step Functions gives to the execution named ``run_id``."""
        return self.state_machine_arn.replace(":stateMachine:", ":execution:", 1) + f":{run_id}"


def discover(clients: Clients, prefix: str) -> Platform:
    """Read the outputs of the environment's stacks; raise OperatorError naming what is not deployed."""
    outputs = {name: outputs_of(clients, f"{prefix}-{name}") for name in STACKS}
    return Platform(
        prefix=prefix,
        transactions_bucket=_need(outputs, prefix, "storage", "TransactionsBucket"),
        artifacts_bucket=_need(outputs, prefix, "storage", "ArtifactsBucket"),
        state_machine_arn=_need(outputs, prefix, "training", "StateMachineArn"),
        model_package_group=_need(outputs, prefix, "training", "ModelPackageGroupName"),
        outputs=outputs,
    )


def outputs_of(clients: Clients, stack: str) -> dict[str, str]:
    """Return the outputs of a stack; raise OperatorError where it is not deployed."""
    try:
        found = clients.cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in str(error):
            raise OperatorError(
                f"The stack {stack} is not deployed in {clients.region}: run `npx cdk deploy --all "
                f"-c env={_environment(stack)}` first."
            ) from error
        raise
    if found["StackStatus"] in ("CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_IN_PROGRESS"):
        raise OperatorError(
            f"The stack {stack} is in {found['StackStatus']}: look at its events, then deploy it again "
            f"(`npx cdk deploy {stack} -c env={_environment(stack)}`)."
        )
    return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}


def _need(outputs: dict[str, dict[str, str]], prefix: str, stack: str, key: str) -> str:
    value = outputs[stack].get(key)
    if not value:
        raise OperatorError(
            f"The stack {prefix}-{stack} has no output {key}: it was deployed from another version; run "
            f"`npx cdk deploy {prefix}-{stack} -c env={_environment(prefix)}`."
        )
    return value


def _environment(name: str) -> str:
    return next((part for part in name.split("-") if part in ("dev", "staging", "prod")), name)
