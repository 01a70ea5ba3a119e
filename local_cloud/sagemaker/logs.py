"""Where the output of containers goes: CloudWatch Logs, in the groups and streams that SageMaker uses."""

from local_cloud import hooks
from local_cloud.authorization import containers
from local_cloud.hooks import logs

# A job that prints in a tight loop must not eat the server's memory.
KEPT_LINES = 20_000


def append(group: str, stream: str, lines: list[str]) -> None:
    """Append lines to a log stream of the caller's account and region; empty lines are kept as a space."""
    if not containers.may_log(group, stream):
        return
    logs.append(group, stream, [line or " " for line in lines], KEPT_LINES)


def console_hint(group: str, stream: str) -> str:
    """Where to read a container's output, for failure reasons."""
    return f"CloudWatch log group {group}, stream {stream} ({hooks.region()})"
