"""What ministack's decisions on requests leave out: SageMaker's resources, keys behind data, and roles handed on."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from local_cloud import hooks
from local_cloud.authorization import keys, record, sagemaker
from local_cloud.authorization.principal import Refused, demand
from local_cloud.hooks import cloudformation_stacks, iam

_PASSED_TO = {
    "cloudformation": "cloudformation.amazonaws.com",
    "states": "states.amazonaws.com",
    "events": "events.amazonaws.com",
    "scheduler": "scheduler.amazonaws.com",
    "lambda": "lambda.amazonaws.com",
}
_READS = ("s3:GetObject", "s3:GetObjectVersion")
# What Step Functions answers these with is encrypted, except where only metadata is asked for.
_MACHINE_READS = (
    *("states:DescribeStateMachine", "states:DescribeStateMachineForExecution"),
    *("states:DescribeExecution", "states:GetExecutionHistory"),
)


def install() -> None:
    iam.decide(_resource, _context, _further, record.note)


def _resource(service: str, headers: Mapping[str, str], body: bytes, params: Mapping[str, Any]) -> str | None:
    if service == "sagemaker":
        parts = headers["path"].split("/")
        if parts[1:2] == ["endpoints"]:
            return sagemaker.arn("endpoint", unquote(parts[2]))
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        return sagemaker.resources_of(operation, _json(body))[0]
    if service == "application-autoscaling":
        if "Describe" in headers.get("x-amz-target", ""):
            return "*"
        return f"arn:aws:application-autoscaling:{hooks.region()}:{hooks.account_id()}:scalable-target/local"
    if service == "cloudformation":
        # A stack that exists is asked for by its id, however the request names it.
        stack = cloudformation_stacks.stacks_by_name().get(_first(params, "StackName"))
        return stack and stack["StackId"]
    if service == "logs" and headers.get("x-amz-target", "").endswith(".GetLogEvents"):
        asked = _json(body)
        stream = f"log-group:{asked.get('logGroupName')}:log-stream:{asked.get('logStreamName')}"
        return f"arn:aws:logs:{hooks.region()}:{hooks.account_id()}:{stream}"
    if service == "monitoring" and (alarms := _alarms(body, params)):
        return alarms[0]
    if service == "monitoring" and (name := _first(params, "DashboardName") or _json(body).get("DashboardName")):
        return f"arn:aws:cloudwatch::{hooks.account_id()}:dashboard/{name}"
    return None


def _context(service: str, action: str, body: bytes, params: Mapping[str, Any]) -> Mapping[str, Any]:
    if service == "sagemaker":
        # Where there are several, the operation itself asks for each.
        return {key.replace("__", ":"): value for key, value in sagemaker.contexts(_json(body))[0].items()}
    if service == "application-autoscaling":
        return {"application-autoscaling:service-namespace": _json(body).get("ServiceNamespace")}
    if service == "monitoring":
        return {"cloudwatch:namespace": _first(params, "Namespace") or _json(body).get("Namespace")}
    if service == "cloudformation":
        stack = cloudformation_stacks.stacks_by_name().get(_first(params, "StackName")) or {}
        tags = {f"aws:ResourceTag/{tag['Key']}": tag["Value"] for tag in stack.get("Tags") or []}
        role = _first(params, "RoleARN")
        return {**tags, **({"cloudformation:RoleArn": role} if role else {})}
    return {}


def _further(action: str, resource: str, context: Mapping[str, Any], body: bytes, params: Mapping[str, Any]) -> bool:
    """Ask the caller for what the request does beyond its own action."""
    service = action.partition(":")[0]
    try:
        if service == "s3":
            _keys_of_objects(action, resource, context)
        if (
            service == "dynamodb"
            and not action.startswith("dynamodb:Describe")
            and (used := iam.key_of_table(resource))
        ):
            demand("kms:Decrypt", used, kms__ViaService=f"dynamodb.{hooks.region()}.amazonaws.com")
        if service == "sns" and action == "sns:Publish":
            keys.publish(resource)
        for alarm in _alarms(body, params)[1:] if action == "cloudwatch:DescribeAlarms" else ():
            demand(action, alarm)
        if action in _MACHINE_READS and _json(body).get("includedData") != "METADATA_ONLY":
            keys.read_machine(_machine_of(_json(body)))
        role = _first(params, "RoleARN") or _json(body).get("roleArn") or _json(body).get("RoleArn")
        if role and service in _PASSED_TO:
            demand("iam:PassRole", role, iam__PassedToService=_PASSED_TO[service])
    except Refused:
        return False
    return True


def _alarms(body: bytes, params: Mapping[str, Any]) -> list[str]:
    """ARNs of the alarms that a request names; whoever names none asks for all."""
    members = sorted(key for key in params if key.startswith("AlarmNames.member."))
    names = _json(body).get("AlarmNames") or [_first(params, key) for key in members]
    return [f"arn:aws:cloudwatch:{hooks.region()}:{hooks.account_id()}:alarm:{name}" for name in names]


def _keys_of_objects(action: str, resource: str, context: Mapping[str, Any]) -> None:
    bucket, _, key = resource.removeprefix("arn:aws:s3:::").partition("/")
    via = {"kms__ViaService": f"s3.{hooks.region()}.amazonaws.com", "kms__EncryptionContext:aws:s3:arn": resource}
    if action in _READS and (used := iam.key_of_object(bucket, key)):
        demand("kms:Decrypt", used, **via)
    if action == "s3:PutObject":
        given = context.get("s3:x-amz-server-side-encryption-aws-kms-key-id")
        given = given[0] if isinstance(given, list) and given else given
        if used := iam.key_arn(given) if given else iam.key_of_object(bucket, ""):
            demand("kms:GenerateDataKey", used, **via)


def _machine_of(request: Mapping[str, Any]) -> str:
    """ARN of the state machine that a request names, by itself or by one of its executions."""
    if execution := request.get("executionArn"):
        return execution.rpartition(":")[0].replace(":execution:", ":stateMachine:", 1)
    return request.get("stateMachineArn", "")


def _first(params: Mapping[str, Any], name: str) -> Any:
    value = params.get(name)
    return value[0] if isinstance(value, list) and value else value


def _json(body: bytes) -> dict[str, Any]:
    if body[:1] != b"{":
        return {}
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
