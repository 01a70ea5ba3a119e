"""The network: no way out, only this account's part of AWS, and nothing that runs outside of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from stacks.config.network import ENDPOINTS
from tests.infra.conftest import CONCERNS, Assembly, text
from tests.infra.test_identity import many

ISOLATED = {"EnableNetworkIsolation": True, "EnableInterContainerTrafficEncryption": True}


def plain(value: Any) -> Any:
    """A value of a template with every reference as text."""
    if isinstance(value, dict):
        if len(value) == 1 and next(iter(value)) in ("Ref", "Fn::GetAtt", "Fn::ImportValue", "Fn::Join", "Fn::Sub"):
            return text(value)
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


def vpc_config(assembly: Assembly, *, groups: str = "containers") -> dict[str, list[str]]:
    prefix = f"fraudstack-{assembly.environment}"
    return {
        "Subnets": [f"${{import:{prefix}-subnet-us-east-1{zone}-id}}" for zone in "ab"],
        "SecurityGroupIds": [f"${{import:{prefix}-{groups}-group-id}}"],
    }


# ---- the VPC


def test_subnets_are_in_the_configured_zones_and_have_no_way_out(assembly: Assembly) -> None:
    template = assembly.template("network")
    (zones,) = template["Mappings"].values()
    assert list(zones["us-east-1"].values()) == ["us-east-1a", "us-east-1b"]
    subnets = assembly.resources("network", "AWS::EC2::Subnet").values()
    assert [s["Properties"]["AvailabilityZone"]["Fn::FindInMap"][2] for s in subnets] == ["zone1", "zone2"]
    assert [s["Properties"]["CidrBlock"] for s in subnets] == ["10.42.0.0/24", "10.42.1.0/24"]
    assert not any(s["Properties"]["MapPublicIpOnLaunch"] for s in subnets)
    for kind in ("InternetGateway", "NatGateway", "Route", "VPCGatewayAttachment", "EgressOnlyInternetGateway"):
        assert assembly.resources("network", f"AWS::EC2::{kind}") == {}


def test_all_traffic_is_logged_under_the_operations_key(assembly: Assembly) -> None:
    log = assembly.one("network", "AWS::EC2::FlowLog")
    (vpc,) = assembly.resources("network", "AWS::EC2::VPC")
    assert log["ResourceId"] == {"Fn::GetAtt": [vpc, "VpcId"]} and log["TrafficType"] == "ALL"
    group = assembly.resources("network", "AWS::Logs::LogGroup")[log["LogGroupName"]["Ref"]]["Properties"]
    assert text(group["KmsKeyId"]) == f"${{import:fraudstack-{assembly.environment}-operations-key-arn}}"
    assert group["RetentionInDays"] >= 14


def test_workloads_reach_endpoints_and_gateways_and_nothing_reaches_them(assembly: Assembly) -> None:
    groups = assembly.resources("network", "AWS::EC2::SecurityGroup")
    names = {key: group["Properties"]["GroupName"].rsplit("-", 1)[1] for key, group in groups.items()}
    assert sorted(names.values()) == ["containers", "endpoints", "functions"]
    for group in groups.values():
        assert "SecurityGroupIngress" not in group["Properties"]
        # What the CDK writes for "nothing": an address that nobody has.
        assert [rule["CidrIp"] for rule in group["Properties"].get("SecurityGroupEgress", [])] in (
            [],
            ["255.255.255.255/32"],
        )

    def rules(direction: str, side: str) -> set[tuple[str, str]]:
        found = set()
        for rule in assembly.resources("network", f"AWS::EC2::SecurityGroup{direction}").values():
            properties = rule["Properties"]
            assert (properties["IpProtocol"], properties["FromPort"], properties["ToPort"]) == ("tcp", 443, 443)
            peer = properties.get(f"{side}PrefixListId") or names[properties[f"{side}SecurityGroupId"]["Fn::GetAtt"][0]]
            found.add((names[properties["GroupId"]["Fn::GetAtt"][0]], peer))
        return found

    assert rules("Egress", "Destination") == {
        ("containers", "endpoints"),
        ("containers", "pl-63a5400a"),
        ("functions", "endpoints"),
        ("functions", "pl-63a5400a"),
        ("functions", "pl-02cd2c6b"),
    }
    assert rules("Ingress", "Source") == {("endpoints", "containers"), ("endpoints", "functions")}


def test_default_group_is_emptied_by_a_function_that_can_do_nothing_else(assembly: Assembly) -> None:
    resource = assembly.one("network", "Custom::ClosedDefaultSecurityGroup")
    (vpc,) = assembly.resources("network", "AWS::EC2::VPC")
    assert resource["GroupId"] == {"Fn::GetAtt": [vpc, "DefaultSecurityGroup"]}
    policies = assembly.resources("network", "AWS::IAM::ManagedPolicy")
    (policy,) = [p for name, p in policies.items() if name.startswith("CloseDefaultGroup")]
    (revoke,) = policy["Properties"]["PolicyDocument"]["Statement"]
    assert revoke["Action"] == ["ec2:RevokeSecurityGroupEgress", "ec2:RevokeSecurityGroupIngress"]
    assert text(revoke["Resource"]).endswith(f":security-group/${{{vpc}.DefaultSecurityGroup}}")
    (logs,) = [p["Properties"] for name, p in policies.items() if name.startswith("DefaultGroupLogsPolicy")]
    (log,) = logs["PolicyDocument"]["Statement"]
    assert log["Action"] == ["logs:CreateLogStream", "logs:PutLogEvents"]
    group, attribute = log["Resource"]["Fn::GetAtt"]
    assert group.startswith("DefaultGroupLogs") and attribute == "Arn"
    (role,) = logs["Roles"]
    assert role["Ref"].startswith("CloseDefaultGroupRole")


# ---- endpoints


def endpoints(assembly: Assembly) -> dict[str, dict[str, Any]]:
    found = [e["Properties"] for e in assembly.resources("network", "AWS::EC2::VPCEndpoint").values()]
    return {text(e["ServiceName"]).split("us-east-1.")[1]: e for e in found}


def test_every_service_that_is_used_has_an_endpoint(assembly: Assembly) -> None:
    found = endpoints(assembly)
    assert set(found) == {*ENDPOINTS, "s3", "dynamodb"}
    zones = 1 if assembly.environment == "dev" else 2
    for service in ENDPOINTS:
        assert found[service]["VpcEndpointType"] == "Interface" and found[service]["PrivateDnsEnabled"] is True
        assert len(found[service]["SubnetIds"]) == zones
        (group,) = found[service]["SecurityGroupIds"]
        assert group["Fn::GetAtt"][0].startswith("GroupsEndpoints")
    tables = set(assembly.resources("network", "AWS::EC2::RouteTable"))
    for service in ("s3", "dynamodb"):
        assert {table["Fn::GetAtt"][0] for table in found[service]["RouteTableIds"]} == tables


@pytest.mark.parametrize("service", [*ENDPOINTS, "s3", "dynamodb"])
def test_endpoint_lets_through_this_account_alone(assembly: Assembly, service: str) -> None:
    account = {"StringEquals": {"aws:PrincipalAccount": {"Ref": "AWS::AccountId"}}}
    unscoped = {
        *("sts:AssumeRole", "sts:GetCallerIdentity", "sts:TagSession", "ecr:GetAuthorizationToken"),
        *("cloudwatch:GetMetricData", "cloudwatch:GetMetricStatistics", "cloudwatch:PutMetricData"),
    }
    for statement in endpoints(assembly)[service]["PolicyDocument"]["Statement"]:
        assert statement["Effect"] == "Allow"
        resources = [text(resource) for resource in many(statement["Resource"])]
        if statement["Sid"] == "LayersOfImages":
            assert statement["Action"] == "s3:GetObject"
            assert resources == ["arn:${AWS::Partition}:s3:::prod-us-east-1-starport-layer-bucket/*"]
            continue
        assert statement["Condition"] == account
        if statement["Sid"] == "AwsImages":
            assert all(resource.split(":repository/")[1].startswith("sagemaker-") for resource in resources)
        elif resources == ["*"]:
            assert set(many(statement["Action"])) <= unscoped
        else:
            assert all("${AWS::AccountId}" in resource for resource in resources)


# ---- what runs in it


def definitions(assembly: Assembly) -> Iterator[dict[str, Any]]:
    """Every state machine's definition."""
    for concern in CONCERNS:
        for machine in assembly.resources(concern, "AWS::StepFunctions::StateMachine").values():
            yield json.loads(text(machine["Properties"]["DefinitionString"]))


def tasks(value: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """(service's operation, arguments) of every task, however deep."""
    if isinstance(value, dict):
        if value.get("Type") == "Task":
            yield value["Resource"].removeprefix("arn:aws:states:::"), value.get("Arguments", {})
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from tasks(item)


def placements(assembly: Assembly) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """(what, its VpcConfig, its isolation) of every job, model and monitoring definition."""
    for definition in definitions(assembly):
        for operation, arguments in tasks(definition):
            name = operation.split(":", 1)[1].removeprefix("sagemaker:").removesuffix(".sync")
            if name in ("createProcessingJob", "createTrainingJob", "createHyperParameterTuningJob", "createModel"):
                trials = [arguments["TrainingJobDefinition"]] if "TrainingJobDefinition" in arguments else []
                found = trials or arguments.get("TrainingJobDefinitions") or [arguments.get("NetworkConfig", arguments)]
                for place in found:
                    yield name, place.get("VpcConfig", {}), place
    for concern in CONCERNS:
        for name, resource in assembly.template(concern)["Resources"].items():
            properties = plain(resource.get("Properties", {}))
            if resource["Type"] == "AWS::SageMaker::Model":
                # Models have no encryption between containers: one instance answers a request.
                yield name, properties.get("VpcConfig", {}), {**ISOLATED, **properties}
            elif resource["Type"].startswith("AWS::SageMaker::") and resource["Type"].endswith("JobDefinition"):
                network = properties.get("NetworkConfig", {})
                yield name, network.get("VpcConfig", {}), network
            elif resource["Type"] == "AWS::SageMaker::MonitoringSchedule":
                inline = properties["MonitoringScheduleConfig"].get("MonitoringJobDefinition")
                if inline:
                    network = inline.get("NetworkConfig", {})
                    yield name, network.get("VpcConfig", {}), network


def test_every_job_model_and_monitoring_definition_is_inside_and_isolated(assembly: Assembly) -> None:
    wanted, seen = vpc_config(assembly), set()
    for name, place, isolation in placements(assembly):
        assert place == wanted, name
        assert {key: isolation.get(key) for key in ISOLATED} == ISOLATED, name
        seen.add(name)
    assert {"createProcessingJob", "createHyperParameterTuningJob"} <= seen and len(seen) >= 4


def test_every_function_is_inside(assembly: Assembly) -> None:
    wanted = vpc_config(assembly, groups="functions")
    wanted["SubnetIds"] = wanted.pop("Subnets")
    outside = set()
    for concern in CONCERNS:
        for name, function in assembly.resources(concern, "AWS::Lambda::Function").items():
            config = plain(function["Properties"].get("VpcConfig", {}))
            if config != wanted:
                outside.add((concern, name.rstrip("0123456789ABCDEF")))
    # It makes the network, and an endpoint for EC2 would cost more than everything that it does.
    assert outside == {("network", "DefaultGroupFunction")}


def test_roles_may_put_interfaces_into_these_subnets_alone(assembly: Assembly) -> None:
    policies = assembly.resources("identity", "AWS::IAM::ManagedPolicy")
    prefix = f"fraudstack-{assembly.environment}"
    ((name, policy),) = [p for p in policies.items() if p[0].startswith("InterfacesPolicy")]
    (create,) = policy["Properties"]["PolicyDocument"]["Statement"]
    assert create["Action"] == "ec2:CreateNetworkInterface"
    kinds = sorted(text(resource).split("${AWS::AccountId}:")[1] for resource in create["Resource"])
    assert kinds == sorted(
        [
            "network-interface/*",
            *(f"subnet/${{import:{prefix}-subnet-us-east-1{zone}-id}}" for zone in "ab"),
            *(f"security-group/${{import:{prefix}-{group}-group-id}}" for group in ("containers", "functions")),
        ]
    )
    roles = [role["Properties"] for role in assembly.resources("identity", "AWS::IAM::Role").values()]
    holders = {role["RoleName"] for role in roles if {"Ref": name} in role["ManagedPolicyArns"]}
    inside = {"sagemaker.amazonaws.com", "lambda.amazonaws.com"}
    assert holders == {
        role["RoleName"]
        for role in roles
        if role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"].get("Service") in inside
    }


def test_functions_own_code_may_not_use_what_lambda_may(assembly: Assembly) -> None:
    policies = assembly.resources("identity", "AWS::IAM::ManagedPolicy")
    role = ("ScoringRole", "InterfacesPolicy")
    own = [p["Properties"]["PolicyDocument"] for name, p in policies.items() if name.startswith(role)]
    statements = [statement for document in own for statement in document["Statement"]]
    allowed = {action for s in statements if s["Effect"] == "Allow" for action in many(s["Action"])}
    (denied,) = [s for s in statements if s["Effect"] == "Deny"]
    assert set(denied["Action"]) == {action for action in allowed if action.startswith("ec2:")}
    assert denied["Resource"] == "*"
    (source,) = map(text, many(denied["Condition"]["ArnLike"]["lambda:SourceFunctionArn"]))
    assert source.endswith(f":function:fraudstack-{assembly.environment}-*")
