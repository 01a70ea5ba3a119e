"""What the use of something under a customer's key demands beyond the call itself."""

from local_cloud import hooks
from local_cloud.authorization.principal import demand
from local_cloud.hooks import iam


def publish(topic_arn: str) -> None:
    """Whoever publishes to an encrypted topic needs its key.

    Raises:
        Refused: the publisher may not use it.
    """
    if used := iam.key_of_topic(topic_arn):
        via = {"kms__ViaService": f"sns.{hooks.region()}.amazonaws.com"}
        demand("kms:GenerateDataKey", used, **via)
        demand("kms:Decrypt", used, **via)


def execute(machine_arn: str) -> None:
    """A machine's executions are encrypted as its role, which calls KMS itself and not through Step Functions.

    Raises:
        Refused: the role may not use the key.
    """
    if used := iam.key_of_state_machine(machine_arn):
        for action in ("GenerateDataKey", "Decrypt"):
            demand(f"kms:{action}", used, **_context(machine_arn))


def read_machine(machine_arn: str) -> None:
    """Whoever reads a definition or an execution needs the machine's key, through Step Functions.

    Raises:
        Refused: the reader may not use it.
    """
    if used := iam.key_of_state_machine(machine_arn):
        via = {"kms__ViaService": f"states.{hooks.region()}.amazonaws.com"}
        demand("kms:Decrypt", used, **via, **_context(machine_arn))


def _context(machine_arn: str) -> dict[str, str]:
    return {"kms__EncryptionContext:aws:states:stateMachineArn": machine_arn}
