"""Resource types of other services that ministack has an API for, but no CloudFormation type."""

import hashlib
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from local_cloud.clients import client
from local_cloud.cloudformation.shapes import to_request
from local_cloud.cloudformation.tags import difference
from local_cloud.hooks import cloudformation as hook

Record = dict[str, Any]


def install() -> None:
    for direction in ("Ingress", "Egress"):
        hook.register(
            f"AWS::EC2::SecurityGroup{direction}",
            create=_rule_creator(direction),
            update=_rule_updater(direction),
            delete=_rule_deleter(direction),
            create_only=_RULE_IDENTITY,
        )
    hook.register(
        "AWS::EC2::FlowLog",
        create=_create_flow_log,
        update=_keep,
        delete=_delete_flow_log,
        create_only=_FLOW_LOG_CREATE_ONLY,
    )
    hook.register(
        "AWS::CloudWatch::CompositeAlarm",
        create=_create_composite,
        update=_update_composite,
        delete=_delete_composite,
        create_only=("AlarmName",),
        name_property="AlarmName",
        tagged=True,
    )
    hook.register(
        "AWS::WAFv2::WebACLAssociation",
        create=_create_association,
        update=_keep,
        delete=_delete_association,
        create_only=("ResourceArn", "WebACLArn"),
    )
    hook.register(
        "AWS::Budgets::Budget",
        create=_create_budget,
        update=_update_budget,
        delete=_delete_budget,
        create_only=("NotificationsWithSubscribers",),
        tagged=True,
        tag_property="ResourceTags",
    )
    hook.register(
        "AWS::WAFv2::LoggingConfiguration",
        create=_create_waf_logging,
        update=_update_waf_logging,
        delete=_delete_waf_logging,
        create_only=("ResourceArn",),
    )


def _shape(service: str, operation: str) -> Any:
    return client(service).meta.service_model.operation_model(operation).input_shape


def _keep(physical_id: str, old: Record, new: Record, stack_name: str, logical_id: str) -> tuple[str, Record]:
    # Every property is create-only: what arrives here is a change of nothing.
    return physical_id, {"Id": physical_id}


def _gone(call: Callable[..., Any], *codes: str, **request: Any) -> None:
    """Call a delete; its target being gone already is success."""
    try:
        call(**request)
    except ClientError as error:
        if error.response["Error"]["Code"] not in codes:
            raise


# ---- security group rules

_RULE_IDENTITY = (
    "GroupName", "GroupId", "IpProtocol", "FromPort", "ToPort", "CidrIp", "CidrIpv6", "SourcePrefixListId",
    "SourceSecurityGroupId", "SourceSecurityGroupName", "SourceSecurityGroupOwnerId", "DestinationPrefixListId",
    "DestinationSecurityGroupId",
)  # fmt: skip


def _permission(properties: Record) -> Record:
    unknown = set(properties) - {*_RULE_IDENTITY, "Description"}
    if unknown:
        raise ValueError(f"Properties validation failed: #: extraneous key [{sorted(unknown)[0]}] is not permitted")
    note = {"Description": properties["Description"]} if "Description" in properties else {}
    permission: Record = {"IpProtocol": str(properties["IpProtocol"])}
    for member in ("FromPort", "ToPort"):
        if member in properties:
            permission[member] = int(properties[member])
    if "CidrIp" in properties:
        permission["IpRanges"] = [{"CidrIp": properties["CidrIp"], **note}]
    if "CidrIpv6" in properties:
        permission["Ipv6Ranges"] = [{"CidrIpv6": properties["CidrIpv6"], **note}]
    if prefix := properties.get("SourcePrefixListId") or properties.get("DestinationPrefixListId"):
        permission["PrefixListIds"] = [{"PrefixListId": prefix, **note}]
    if group := properties.get("SourceSecurityGroupId") or properties.get("DestinationSecurityGroupId"):
        permission["UserIdGroupPairs"] = [{"GroupId": group, **note}]
    return permission


def _rule_creator(direction: str) -> hook.Create:
    def create(logical_id: str, properties: Record, stack_name: str) -> tuple[str, Record]:
        authorize = getattr(client("ec2"), f"authorize_security_group_{direction.lower()}")
        answer = authorize(GroupId=properties["GroupId"], IpPermissions=[_permission(properties)])
        rules = answer.get("SecurityGroupRules") or []
        # The rule's own id where the service gives one, else a stable one.
        seed = f"{stack_name}{logical_id}{sorted(properties.items())}"
        rule_id = rules[0]["SecurityGroupRuleId"] if rules else f"sgr-{hashlib.sha256(seed.encode()).hexdigest()[:17]}"
        return rule_id, {"Id": rule_id}

    return create


def _rule_updater(direction: str) -> hook.Update:
    def update(physical_id: str, old: Record, new: Record, stack_name: str, logical_id: str) -> tuple[str, Record]:
        # All but the description is create-only, and there is no call to change a description alone.
        _rule_deleter(direction)(physical_id, old)
        _rule_creator(direction)(logical_id, new, stack_name)
        return physical_id, {"Id": physical_id}

    return update


def _rule_deleter(direction: str) -> hook.Delete:
    def delete(physical_id: str, properties: Record) -> None:
        revoke = getattr(client("ec2"), f"revoke_security_group_{direction.lower()}")
        _gone(
            revoke,
            "InvalidPermission.NotFound",
            "InvalidGroup.NotFound",
            GroupId=properties["GroupId"],
            IpPermissions=[_permission(properties)],
        )

    return delete


# ---- flow logs

_FLOW_LOG_CREATE_ONLY = (
    "DeliverCrossAccountRole", "DeliverLogsPermissionArn", "LogGroupName", "LogDestination", "ResourceId",
    "TrafficType", "LogDestinationType", "ResourceType", "LogFormat", "MaxAggregationInterval", "DestinationOptions",
    "TagFieldSpecifications",
)  # fmt: skip


def _create_flow_log(logical_id: str, properties: Record, stack_name: str) -> tuple[str, Record]:
    members = {key: value for key, value in properties.items() if key not in ("ResourceId", "Tags")}
    members["ResourceIds"] = [properties["ResourceId"]]
    if properties.get("Tags"):
        members["TagSpecifications"] = [{"ResourceType": "vpc-flow-log", "Tags": properties["Tags"]}]
    answer = client("ec2").create_flow_logs(**to_request(members, _shape("ec2", "CreateFlowLogs")))
    if answer.get("Unsuccessful"):
        raise ValueError(answer["Unsuccessful"][0]["Error"]["Message"])
    flow_log = answer["FlowLogIds"][0]
    return flow_log, {"Id": flow_log}


def _delete_flow_log(physical_id: str, properties: Record) -> None:
    _gone(client("ec2").delete_flow_logs, "InvalidFlowLogId.NotFound", FlowLogIds=[physical_id])


# ---- composite alarms


def _put_composite(name: str, properties: Record) -> tuple[str, Record]:
    # CloudFormation's own tags are not for callers of the API to set.
    own = [tag for tag in properties.get("Tags", []) if not tag["Key"].startswith("aws:")]
    request = to_request({**properties, "AlarmName": name, "Tags": own}, _shape("cloudwatch", "PutCompositeAlarm"))
    client("cloudwatch").put_composite_alarm(**request)
    alarms = client("cloudwatch").describe_alarms(AlarmNames=[name], AlarmTypes=["CompositeAlarm"])
    return name, {"Arn": alarms["CompositeAlarms"][0]["AlarmArn"]}


def _create_composite(logical_id: str, properties: Record, stack_name: str) -> tuple[str, Record]:
    name = properties.get("AlarmName") or hook.physical_name(stack_name, logical_id, 255)
    return _put_composite(name, properties)


def _update_composite(
    physical_id: str, old: Record, new: Record, stack_name: str, logical_id: str
) -> tuple[str, Record]:
    return _put_composite(physical_id, new)


def _delete_composite(physical_id: str, properties: Record) -> None:
    _gone(client("cloudwatch").delete_alarms, "ResourceNotFound", AlarmNames=[physical_id])


# ---- web ACL associations


def _create_association(logical_id: str, properties: Record, stack_name: str) -> tuple[str, Record]:
    client("wafv2").associate_web_acl(**to_request(properties, _shape("wafv2", "AssociateWebACL")))
    return f"{properties['WebACLArn']}|{properties['ResourceArn']}", {}


def _delete_association(physical_id: str, properties: Record) -> None:
    _gone(client("wafv2").disassociate_web_acl, "WAFNonexistentItemException", ResourceArn=properties["ResourceArn"])


# ---- logging of web ACLs


def _put_waf_logging(properties: Record) -> None:
    shape = _shape("wafv2", "PutLoggingConfiguration").members["LoggingConfiguration"]
    client("wafv2").put_logging_configuration(LoggingConfiguration=to_request(properties, shape))


def _create_waf_logging(logical_id: str, properties: Record, stack_name: str) -> tuple[str, Record]:
    _put_waf_logging(properties)
    return properties["ResourceArn"], {}


def _update_waf_logging(
    physical_id: str, old: Record, new: Record, stack_name: str, logical_id: str
) -> tuple[str, Record]:
    _put_waf_logging(new)
    return physical_id, {}


def _delete_waf_logging(physical_id: str, properties: Record) -> None:
    _gone(client("wafv2").delete_logging_configuration, "WAFNonexistentItemException", ResourceArn=physical_id)


# ---- budgets: recorded by ministack, where nothing is ever spent


def _account() -> str:
    return client("sts").get_caller_identity()["Account"]


def _create_budget(logical_id: str, properties: Record, stack_name: str) -> tuple[str, Record]:
    budget = properties["Budget"]
    name = budget.get("BudgetName") or hook.physical_name(stack_name, logical_id, 100)
    members = {**properties, "AccountId": _account(), "Budget": {**budget, "BudgetName": name}}
    client("budgets").create_budget(**to_request(members, _shape("budgets", "CreateBudget")))
    return name, {"Id": name}


def _update_budget(physical_id: str, old: Record, new: Record, stack_name: str, logical_id: str) -> tuple[str, Record]:
    account = _account()
    members = {"AccountId": account, "NewBudget": {**new["Budget"], "BudgetName": physical_id}}
    client("budgets").update_budget(**to_request(members, _shape("budgets", "UpdateBudget")))
    removed, changed = difference(old.get("ResourceTags"), new.get("ResourceTags"))
    arn = f"arn:aws:budgets::{account}:budget/{physical_id}"
    if removed:
        client("budgets").untag_resource(ResourceARN=arn, ResourceTagKeys=removed)
    if changed:
        client("budgets").tag_resource(ResourceARN=arn, ResourceTags=changed)
    return physical_id, {"Id": physical_id}


def _delete_budget(physical_id: str, properties: Record) -> None:
    _gone(client("budgets").delete_budget, "NotFoundException", AccountId=_account(), BudgetName=physical_id)
