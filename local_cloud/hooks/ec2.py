"""EC2's networks: what ministack takes and does not show, and whether subnets and security groups exist."""

import json
from html import escape
from typing import Any

Parameters = dict[str, Any]

# Members of a flow log that its request has and its description shows, in their two spellings.
_FLOW_LOG_MEMBERS = {
    "DeliverLogsPermissionArn": "deliverLogsPermissionArn",
    "LogGroupName": "logGroupName",
    "LogFormat": "logFormat",
    "MaxAggregationInterval": "maxAggregationInterval",
}


def install() -> None:
    from ministack.services import ec2

    _prefix_lists(ec2)
    _endpoints(ec2)
    _flow_logs(ec2)


def missing(subnets: list[str], groups: list[str]) -> list[str]:
    """Those of the subnets and security groups that do not exist in the caller's account and region."""
    from ministack.services import ec2

    ec2._ensure_defaults_initialized()
    return [name for name in subnets if name not in ec2._subnets] + [
        name for name in groups if name not in ec2._security_groups
    ]


def vpcs(subnets: list[str], groups: list[str]) -> set[str]:
    """The VPCs that existing subnets and security groups belong to."""
    from ministack.services import ec2

    return {ec2._subnets[name]["VpcId"] for name in subnets} | {ec2._security_groups[name]["VpcId"] for name in groups}


def _prefix_lists(ec2: Any) -> None:
    """Rules that name prefix lists keep them."""
    parse = ec2._parse_ip_permissions

    def parse_ip_permissions(parameters: Parameters, prefix: str) -> list[dict[str, Any]]:
        rules = parse(parameters, prefix)
        for index, rule in enumerate(rules, 1):
            position = 1
            while name := ec2._p(parameters, f"{prefix}.{index}.PrefixListIds.{position}.PrefixListId"):
                note = ec2._p(parameters, f"{prefix}.{index}.PrefixListIds.{position}.Description")
                rule["PrefixListIds"].append({"PrefixListId": name, **({"Description": note} if note else {})})
                position += 1
        return rules

    ec2._parse_ip_permissions = parse_ip_permissions


def _endpoints(ec2: Any) -> None:
    """Endpoints show their policy, their security groups and whether they have the service's name."""
    create, show = ec2._create_vpc_endpoint, ec2._vpce_fields_xml

    def create_vpc_endpoint(parameters: Parameters) -> Any:
        before = set(ec2._vpc_endpoints.keys())
        answer = create(parameters)
        for name in set(ec2._vpc_endpoints.keys()) - before:
            ec2._vpc_endpoints[name].update(
                SecurityGroupIds=ec2._parse_member_list(parameters, "SecurityGroupId"),
                PolicyDocument=ec2._p(parameters, "PolicyDocument") or None,
                PrivateDnsEnabled=ec2._p(parameters, "PrivateDnsEnabled") == "true",
            )
        return answer

    def fields_xml(endpoint: dict[str, Any], tag: str = "item") -> str:
        groups = "".join(f"<item><groupId>{name}</groupId></item>" for name in endpoint.get("SecurityGroupIds") or [])
        policy = endpoint.get("PolicyDocument")
        more = [
            f"<groupSet>{groups}</groupSet>",
            f"<privateDnsEnabled>{_boolean(endpoint.get('PrivateDnsEnabled'))}</privateDnsEnabled>",
            f"<policyDocument>{escape(_text(policy))}</policyDocument>" if policy else "",
        ]
        return show(endpoint, tag).removesuffix(f"</{tag}>") + "".join(more) + f"</{tag}>"

    ec2._create_vpc_endpoint, ec2._vpce_fields_xml = create_vpc_endpoint, fields_xml
    ec2._ACTION_MAP["CreateVpcEndpoint"] = create_vpc_endpoint


def _flow_logs(ec2: Any) -> None:
    """Flow logs show under which role and in what form they are written, and keep the tags they are made with."""
    create, describe = ec2._create_flow_logs, ec2._describe_flow_logs

    def create_flow_logs(parameters: Parameters) -> Any:
        before = set(ec2._flow_logs.keys())
        answer = create(parameters)
        for name in set(ec2._flow_logs.keys()) - before:
            given = {member: ec2._p(parameters, member) for member in _FLOW_LOG_MEMBERS}
            ec2._flow_logs[name].update({member: value for member, value in given.items() if value})
            ec2._parse_tag_specs(parameters, "vpc-flow-log", name)
        return answer

    def describe_flow_logs(parameters: Parameters) -> Any:
        status, headers, body = describe(parameters)
        text = body.decode()
        for name, record in ec2._flow_logs.items():
            more = "".join(
                f"<{tag}>{escape(str(record[member]))}</{tag}>"
                for member, tag in _FLOW_LOG_MEMBERS.items()
                if member in record
            )
            text = text.replace(f"<flowLogId>{name}</flowLogId>", f"<flowLogId>{name}</flowLogId>{more}")
        return status, headers, text.encode()

    ec2._create_flow_logs, ec2._describe_flow_logs = create_flow_logs, describe_flow_logs
    ec2._ACTION_MAP.update(CreateFlowLogs=create_flow_logs, DescribeFlowLogs=describe_flow_logs)


def _text(policy: Any) -> str:
    return policy if isinstance(policy, str) else json.dumps(policy)


def _boolean(value: Any) -> str:
    return str(str(value).lower() == "true").lower()
