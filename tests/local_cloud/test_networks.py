"""Networks and firewalls: jobs need subnets that exist, and a rate-based rule counts each client."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_cloud.conftest import Cloud
from tests.local_cloud.stacks import ROLE, Stack
from tests.local_cloud.test_serverless_types import api, post


def network(cloud: Cloud, block: str) -> tuple[str, str]:
    """A VPC's subnet and security group."""
    ec2 = cloud.client("ec2")
    vpc = ec2.create_vpc(CidrBlock=f"{block}.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=f"{block}.1.0/24")["Subnet"]["SubnetId"]
    return subnet, ec2.create_security_group(GroupName="g", Description="g", VpcId=vpc)["GroupId"]


def create_model(cloud: Cloud, name: str, subnet: str, group: str) -> dict[str, Any]:
    return cloud.client("sagemaker").create_model(
        ModelName=name,
        ExecutionRoleArn=ROLE,
        PrimaryContainer={"Image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/x:1"},
        VpcConfig={"Subnets": [subnet], "SecurityGroupIds": [group]},
    )


def test_models_run_in_subnets_that_exist(cloud: Cloud) -> None:
    subnet, group = network(cloud, "10.70")
    _, elsewhere = network(cloud, "10.71")
    with pytest.raises(ClientError, match="does not exist: subnet-0123456789abcdef0"):
        create_model(cloud, "nowhere", "subnet-0123456789abcdef0", group)
    with pytest.raises(ClientError, match="belong to several VPCs"):
        create_model(cloud, "astray", subnet, elsewhere)
    create_model(cloud, "inside", subnet, group)
    found = cloud.client("sagemaker").describe_model(ModelName="inside")["VpcConfig"]
    assert found == {"Subnets": [subnet], "SecurityGroupIds": [group]}
    cloud.client("sagemaker").delete_model(ModelName="inside")


def test_rules_keep_prefix_lists_and_endpoints_their_policies(cloud: Cloud) -> None:
    ec2 = cloud.client("ec2")
    subnet, group = network(cloud, "10.72")
    rule = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "PrefixListIds": [{"PrefixListId": "pl-63a5400a"}]}
    ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[rule])
    (found,) = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    assert [one["PrefixListIds"] for one in found["IpPermissionsEgress"]][1:] == [[{"PrefixListId": "pl-63a5400a"}]]
    endpoint = ec2.create_vpc_endpoint(
        VpcId=found["VpcId"],
        VpcEndpointType="Interface",
        ServiceName="com.amazonaws.us-east-1.sts",
        SubnetIds=[subnet],
        SecurityGroupIds=[group],
        PolicyDocument='{"Statement": []}',
        PrivateDnsEnabled=True,
    )["VpcEndpoint"]["VpcEndpointId"]
    (described,) = ec2.describe_vpc_endpoints(VpcEndpointIds=[endpoint])["VpcEndpoints"]
    assert described["PolicyDocument"] == '{"Statement": []}' and described["PrivateDnsEnabled"] is True
    assert [one["GroupId"] for one in described["Groups"]] == [group]


def test_a_client_that_asks_too_often_is_refused_for_a_while(cloud: Cloud) -> None:
    visibility = {"CloudWatchMetricsEnabled": False, "SampledRequestsEnabled": False, "MetricName": "m"}
    rate = {"Limit": 10, "AggregateKeyType": "IP", "EvaluationWindowSec": 60}
    body = {"too-many": {"ContentType": "APPLICATION_JSON", "Content": '{"status": 429}'}}
    response = {"CustomResponse": {"ResponseCode": 429, "CustomResponseBodyKey": "too-many"}}
    template = api(validate=False)
    template["Resources"]["Acl"] = {
        "Type": "AWS::WAFv2::WebACL",
        "Properties": {
            "Name": "limits",
            "Scope": "REGIONAL",
            "DefaultAction": {"Allow": {}},
            "CustomResponseBodies": body,
            "VisibilityConfig": visibility,
            "Rules": [
                {
                    "Name": "rate",
                    "Priority": 0,
                    "Action": {"Block": response},
                    "Statement": {"RateBasedStatement": rate},
                    "VisibilityConfig": visibility,
                }
            ],
        },
    }
    stage = {"Fn::Sub": "arn:${AWS::Partition}:apigateway:${AWS::Region}::/restapis/${Api}/stages/${Stage}"}
    template["Resources"]["Association"] = {
        "Type": "AWS::WAFv2::WebACLAssociation",
        "Properties": {"ResourceArn": stage, "WebACLArn": {"Fn::GetAtt": ["Acl", "Arn"]}},
    }
    stack = Stack(cloud, "limited-api")
    assert stack.deploy(template) == "CREATE_COMPLETE", stack.failures()
    answers = [post(cloud, stack.outputs()["Api"], {"name": "x"}) for _ in range(12)]
    assert answers == [200] * 10 + [429] * 2
    assert stack.delete() == "DELETE_COMPLETE", stack.failures()


def test_logs_of_a_web_acl_go_to_groups_with_the_name_that_waf_demands(cloud: Cloud) -> None:
    waf = cloud.client("wafv2")
    visibility = {"CloudWatchMetricsEnabled": False, "SampledRequestsEnabled": False, "MetricName": "m"}
    acl = waf.create_web_acl(
        Name="logged", Scope="REGIONAL", DefaultAction={"Allow": {}}, VisibilityConfig=visibility, Rules=[]
    )["Summary"]
    group = "arn:aws:logs:us-east-1:123456789012:log-group"
    for name, taken in (("logged", False), ("aws-waf-logs-logged", True)):
        configuration = {"ResourceArn": acl["ARN"], "LogDestinationConfigs": [f"{group}:{name}"]}
        if taken:
            waf.put_logging_configuration(LoggingConfiguration=configuration)
        else:
            with pytest.raises(ClientError, match="must begin with aws-waf-logs-"):
                waf.put_logging_configuration(LoggingConfiguration=configuration)
    found = waf.get_logging_configuration(ResourceArn=acl["ARN"])["LoggingConfiguration"]
    assert found["LogDestinationConfigs"] == [f"{group}:aws-waf-logs-logged"]
    assert waf.list_logging_configurations(Scope="REGIONAL")["LoggingConfigurations"] == [found]
    waf.delete_logging_configuration(ResourceArn=acl["ARN"])
    with pytest.raises(ClientError, match="no logging configuration"):
        waf.get_logging_configuration(ResourceArn=acl["ARN"])
