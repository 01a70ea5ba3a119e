"""Names as the AWS SDK for Java 2 writes them: Step Functions calls services through it, so its users see them."""

import re
from typing import Any

_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")

# Service names of the SDK for Java that are not botocore's without hyphens.
_BOTOCORE = {
    "sfn": "stepfunctions",
    "eventbridge": "events",
    "cloudwatchlogs": "logs",
    "elasticloadbalancing": "elb",
    "elasticloadbalancingv2": "elbv2",
    "configservice": "config",
    "costexplorer": "ce",
    "databasemigration": "dms",
}


def member(name: str) -> str:
    """A request or response member: ``ETag`` stays, ``DBName`` is DbName, ``RoleARN`` stays."""
    head = 1
    while head < len(name) and name[head].isupper() and not (head + 1 < len(name) and name[head + 1].islower()):
        head += 1
    return name[0].upper() + name[1:head].lower() + name[head:]


def members(shape: Any) -> dict[str, str]:
    """Step Functions' name of each member of a structure -> botocore's."""
    return {member(name): name for name in shape.members}


def service(service_id: str) -> str:
    """The prefix of error names: ``SFN`` is Sfn, ``CloudWatch Logs`` is CloudWatchLogs, ``DynamoDB`` is DynamoDb."""
    return "".join(word.capitalize() for word in _WORDS.findall(service_id))


def exception(shape_name: str) -> str:
    """The class of a modelled error: ``NoSuchKey`` is NoSuchKeyException, ``XFault`` is XException."""
    stem = shape_name.removesuffix("Exception").removesuffix("Fault")
    return "".join(word[0].upper() + word[1:].lower() for word in _WORDS.findall(stem)) + "Exception"


def botocore_service(name: str, available: list[str]) -> str | None:
    """botocore's name of the service in ``arn:aws:states:::aws-sdk:<name>:<action>``."""
    if name in _BOTOCORE:
        return _BOTOCORE[name]
    return next((candidate for candidate in available if candidate.replace("-", "") == name), None)
