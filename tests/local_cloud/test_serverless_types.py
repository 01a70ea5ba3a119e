"""Tables and REST APIs over CloudFormation: what their templates say is so, and stays so over updates."""

import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.local_cloud.conftest import Cloud
from tests.local_cloud.stacks import Stack

TABLE = "serverless-table"


def table(**properties: Any) -> dict[str, Any]:
    common = {
        "TableName": TABLE,
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
    return {"Resources": {"Table": {"Type": "AWS::DynamoDB::Table", "Properties": {**common, **properties}}}}


def state(cloud: Cloud) -> tuple[str, str, str | None]:
    """Status of point-in-time recovery, of encryption, and the attribute items expire by."""
    dynamodb = cloud.client("dynamodb")
    backups = dynamodb.describe_continuous_backups(TableName=TABLE)["ContinuousBackupsDescription"]
    expiry = dynamodb.describe_time_to_live(TableName=TABLE)["TimeToLiveDescription"]
    encryption = dynamodb.describe_table(TableName=TABLE)["Table"].get("SSEDescription", {})
    return (
        backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"],
        encryption.get("Status", "DISABLED"),
        expiry.get("AttributeName") if expiry["TimeToLiveStatus"] == "ENABLED" else None,
    )


def test_a_table_recovers_encrypts_and_expires_as_its_template_says(cloud: Cloud) -> None:
    stack = Stack(cloud, "serverless-table")
    full = table(
        # Booleans of templates may be strings.
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": "true"},
        SSESpecification={"SSEEnabled": True, "SSEType": "KMS"},
        TimeToLiveSpecification={"AttributeName": "expires", "Enabled": True},
    )
    assert stack.deploy(full) == "CREATE_COMPLETE", stack.failures()
    assert state(cloud) == ("ENABLED", "ENABLED", "expires")
    cloud.client("dynamodb").put_item(TableName=TABLE, Item={"id": {"S": "kept"}})
    assert stack.deploy(table(TimeToLiveSpecification={"AttributeName": "until", "Enabled": True})) == (
        "UPDATE_COMPLETE"
    ), stack.failures()
    recovery, _, attribute = state(cloud)
    assert (recovery, attribute) == ("DISABLED", "until")
    assert "Item" in cloud.client("dynamodb").get_item(TableName=TABLE, Key={"id": {"S": "kept"}})
    assert stack.delete() == "DELETE_COMPLETE"


def api(*, validate: bool) -> dict[str, Any]:
    """POST /things answers 200 by itself; its body needs a name where it is validated."""
    ref = {"Ref": "Api"}
    schema = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}
    answer = {"StatusCode": "200", "ResponseTemplates": {"application/json": "{}"}}
    resources = {
        "Api": ("RestApi", {"Name": "things", "EndpointConfiguration": {"Types": ["REGIONAL"]}}),
        "Model": ("Model", {"RestApiId": ref, "Name": "Thing", "ContentType": "application/json", "Schema": schema}),
        "Validator": ("RequestValidator", {"RestApiId": ref, "ValidateRequestBody": validate}),
        "Things": (
            "Resource",
            {"RestApiId": ref, "ParentId": {"Fn::GetAtt": ["Api", "RootResourceId"]}, "PathPart": "things"},
        ),
        "Post": (
            "Method",
            {
                "RestApiId": ref,
                "ResourceId": {"Ref": "Things"},
                "HttpMethod": "POST",
                "AuthorizationType": "NONE",
                "RequestModels": {"application/json": {"Ref": "Model"}},
                "RequestValidatorId": {"Ref": "Validator"},
                "Integration": {
                    "Type": "MOCK",
                    "RequestTemplates": {"application/json": '{"statusCode": 200}'},
                    "IntegrationResponses": [answer],
                },
                "MethodResponses": [{"StatusCode": "200"}],
            },
        ),
        "Deployment": ("Deployment", {"RestApiId": ref}),
        "Stage": ("Stage", {"RestApiId": ref, "StageName": "v1", "DeploymentId": {"Ref": "Deployment"}}),
    }
    template: dict[str, Any] = {
        "Resources": {
            name: {"Type": f"AWS::ApiGateway::{kind}", "Properties": properties}
            for name, (kind, properties) in resources.items()
        },
        "Outputs": {"Api": {"Value": ref}},
    }
    template["Resources"]["Deployment"]["DependsOn"] = ["Post"]
    return template


def post(cloud: Cloud, api_id: str, body: dict[str, Any]) -> int:
    request = urllib.request.Request(
        f"{cloud.endpoint_url}/restapis/{api_id}/v1/_user_request_/things",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status
    except urllib.error.HTTPError as error:
        return error.code


def test_a_validator_refuses_what_the_model_does_not_allow(cloud: Cloud) -> None:
    stack = Stack(cloud, "serverless-api")
    assert stack.deploy(api(validate=True)) == "CREATE_COMPLETE", stack.failures()
    api_id = stack.outputs()["Api"]
    assert post(cloud, api_id, {"name": "x"}) == 200
    assert post(cloud, api_id, {"nome": "x"}) == 400
    validator = stack.physical_ids()["Validator"]
    assert stack.deploy(api(validate=False)) == "UPDATE_COMPLETE", stack.failures()
    assert stack.physical_ids()["Validator"] == validator
    assert post(cloud, api_id, {"nome": "x"}) == 200
    assert stack.delete() == "DELETE_COMPLETE"


@pytest.mark.parametrize("kind", ["REGIONAL", "EDGE"])
def test_an_api_has_the_endpoint_of_its_template(cloud: Cloud, kind: str) -> None:
    stack = Stack(cloud, f"serverless-endpoint-{kind.lower()}")
    properties = {
        "Name": "endpoint",
        "EndpointConfiguration": {"Types": [kind]},
        "SecurityPolicy": "SecurityPolicy_TLS13_1_2_2021_06",
        "EndpointAccessMode": "STRICT",
    }
    template = {"Resources": {"Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": properties}}}
    assert stack.deploy(template) == "CREATE_COMPLETE", stack.failures()
    found = cloud.client("apigateway").get_rest_api(restApiId=stack.physical_ids()["Api"])
    assert found["endpointConfiguration"]["types"] == [kind]
    assert (found["securityPolicy"], found["endpointAccessMode"]) == ("SecurityPolicy_TLS13_1_2_2021_06", "STRICT")
    stack.delete()
