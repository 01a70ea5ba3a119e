"""What a container demands of the role it runs under before it starts: its image, its encrypted volume, its log."""

import contextlib
import re
import threading

from local_cloud import hooks
from local_cloud.authorization.principal import Refused, acting_role, demand
from local_cloud.hooks import iam, logs

_IMAGE = re.compile(r"^(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/([^:@]+)")
_PULL = ("ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage")

_streams: dict[tuple[str, str, str], bool] = {}
_lock = threading.Lock()


def pull(image: str) -> None:
    """Ask for the image, in whatever account's registry it lies.

    Raises:
        Refused: the role may not pull it.
    """
    match = _IMAGE.match(image)
    if match:
        demand("ecr:GetAuthorizationToken")
        for action in _PULL:
            demand(action, f"arn:aws:ecr:{match[2]}:{match[1]}:repository/{match[3]}")


def attach(volume_key: str | None) -> None:
    """Ask for the key of an encrypted volume.

    Raises:
        Refused: the role may not let AWS use it.
    """
    if key := iam.key_arn(volume_key or ""):
        demand("kms:CreateGrant", key, kms__GrantIsForAWSResource="true")
        demand("kms:DescribeKey", key)


def measure(kind: str) -> None:
    """Ask for the metrics of the machine, which AWS publishes under the role; without them the job runs all the same.

    Args:
        kind: Endpoints, ProcessingJobs, TrainingJobs or TransformJobs.
    """
    with contextlib.suppress(Refused):
        demand("cloudwatch:PutMetricData", cloudwatch__namespace=f"/aws/sagemaker/{kind}")


def may_log(group: str, stream: str) -> bool:
    """Whether the role may write to a log stream; what it may not write is lost, as on AWS. Asked once a stream."""
    role = acting_role()
    if role is None:
        return True
    key = role, group, stream
    with _lock:
        known = _streams.get(key)
    if known is None:
        known = _ask(group, stream)
        with _lock:
            _streams[key] = known
    return known


def _ask(group: str, stream: str) -> bool:
    arn = f"arn:aws:logs:{hooks.region()}:{hooks.account_id()}:log-group:{group}"
    try:
        if not logs.exists(group):
            demand("logs:CreateLogGroup", arn)
        demand("logs:CreateLogStream", f"{arn}:log-stream:{stream}")
        demand("logs:PutLogEvents", f"{arn}:log-stream:{stream}")
    except Refused:
        return False
    return True
