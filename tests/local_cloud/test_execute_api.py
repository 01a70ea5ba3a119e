"""REST APIs over HTTP: how they are addressed, who may call, and what callers see of failures."""

import http.client
import json
import time
from typing import Any

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.local_cloud import functions
from tests.local_cloud.conftest import ACCOUNT, REGION, Cloud, unique

ECHO = """
import json

def handler(event, context):
    return {"statusCode": 200, "body": json.dumps(event)}
"""


def request(
    cloud: Cloud, path: str, method: str = "GET", host: str | None = None, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], Any]:
    """Status, headers (lower-case names) and JSON body; the path goes out as it is given."""
    connection = http.client.HTTPConnection("127.0.0.1", cloud.port, timeout=60)
    connection.putrequest(method, path, skip_host=True)
    for name, value in {"Host": host or f"127.0.0.1:{cloud.port}", **(headers or {})}.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, json.loads(body or "null")


def signed(cloud: Cloud, path: str, key: str = "local", query: bool = False) -> tuple[str, dict[str, str]]:
    """Path and headers of a signed GET."""
    made = AWSRequest("GET", f"{cloud.endpoint_url}{path}")
    credentials = Credentials(key, "any secret")
    signer = SigV4QueryAuth if query else SigV4Auth
    signer(credentials, "execute-api", REGION).add_auth(made)
    prepared = made.prepare()
    return prepared.url.removeprefix(cloud.endpoint_url), {
        name: value for name, value in prepared.headers.items() if name != "Host"
    }


@pytest.fixture(scope="module")
def echo(cloud: Cloud) -> str:
    return functions.api(cloud, functions.create(cloud, ECHO), "/things/{id}", "/things")


def by_path(api: str, path: str) -> str:
    return f"/restapis/{api}/v1/_user_request_{path}"


@pytest.mark.parametrize("port", ["", ":443", ":4566"])
def test_an_api_answers_under_its_host_name(cloud: Cloud, echo: str, port: str) -> None:
    host = f"{echo}.execute-api.{REGION}.amazonaws.com"
    status, _, event = request(cloud, "/v1/things?a=1", host=host + port)
    assert (status, event["path"], event["resource"]) == (200, "/things", "/things")
    assert event["queryStringParameters"] == {"a": "1"}
    assert event["requestContext"]["stage"] == "v1"
    assert event["requestContext"]["domainName"] == host


def test_an_unknown_api_and_an_unknown_stage_are_refused(cloud: Cloud, echo: str) -> None:
    assert request(cloud, "/v1/things", host=f"0000000000.execute-api.{REGION}.amazonaws.com")[0] == 404
    assert request(cloud, "/v9/things", host=f"{echo}.execute-api.{REGION}.amazonaws.com")[0] == 403


@pytest.mark.parametrize("sent", ["abc%2Fd", "a%20b", "100%25", "%C3%A9", "plain"])
def test_a_path_parameter_is_one_segment_as_it_was_sent(cloud: Cloud, echo: str, sent: str) -> None:
    for path, host in [
        (by_path(echo, f"/things/{sent}"), None),
        (f"/v1/things/{sent}", f"{echo}.execute-api.{REGION}.amazonaws.com"),
    ]:
        status, _, event = request(cloud, path, host=host)
        assert status == 200
        assert event["pathParameters"] == {"id": sent}
        assert event["path"] == f"/things/{sent}"


def test_an_alias_in_the_integration_is_the_one_called(cloud: Cloud) -> None:
    source = """
import json
def handler(event, context): return {"statusCode": 200, "body": json.dumps(context.invoked_function_arn)}
"""
    name = functions.create(cloud, source)
    client = cloud.client("lambda")
    client.publish_version(FunctionName=name)
    client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    api = functions.api(cloud, f"{name}:live", "/x")
    assert request(cloud, by_path(api, "/x"))[2] == f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}:live"


# ---- signatures


@pytest.fixture(scope="module")
def guarded(cloud: Cloud) -> str:
    return functions.api(cloud, functions.create(cloud, ECHO), "/things", authorization="AWS_IAM")


def test_unsigned_calls_are_refused(cloud: Cloud, guarded: str) -> None:
    status, headers, body = request(cloud, by_path(guarded, "/things"))
    assert (status, body) == (403, {"message": "Missing Authentication Token"})
    assert headers["x-amzn-errortype"] == "MissingAuthenticationTokenException"
    status, _, body = request(cloud, by_path(guarded, "/things"), headers={"Authorization": "Bearer token"})
    assert status == 403
    assert "Missing" not in body["message"]


@pytest.mark.parametrize("query", [False, True])
def test_signed_calls_say_who_calls(cloud: Cloud, guarded: str, query: bool) -> None:
    path, headers = signed(cloud, by_path(guarded, "/things"), query=query)
    status, _, event = request(cloud, path, headers=headers)
    assert status == 200
    identity = event["requestContext"]["identity"]
    assert identity["userArn"] == f"arn:aws:iam::{ACCOUNT}:root"
    assert (identity["accountId"], identity["caller"], identity["accessKey"]) == (ACCOUNT, ACCOUNT, "local")


def test_a_user_and_a_role_are_named(cloud: Cloud, guarded: str) -> None:
    iam, sts = cloud.client("iam"), cloud.client("sts")
    user = unique("user")
    arn = iam.create_user(UserName=user)["User"]["Arn"]
    key = iam.create_access_key(UserName=user)["AccessKey"]["AccessKeyId"]
    role = iam.create_role(RoleName=unique("role"), AssumeRolePolicyDocument="{}")["Role"]
    session = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="payments")
    for used, expected in [
        (key, arn),
        (session["Credentials"]["AccessKeyId"], f":assumed-role/{role['RoleName']}/payments"),
    ]:
        path, headers = signed(cloud, by_path(guarded, "/things"), key=used)
        event = request(cloud, path, headers=headers)[2]
        assert event["requestContext"]["identity"]["userArn"].endswith(expected)


# ---- limits


def test_a_usage_plan_limits_the_calls_of_a_key(cloud: Cloud) -> None:
    api = functions.api(cloud, functions.create(cloud, ECHO), "/things", key=True)
    gateway = cloud.client("apigateway")
    key = gateway.create_api_key(name=unique("key"), enabled=True)
    plan = gateway.create_usage_plan(
        name=unique("plan"), apiStages=[{"apiId": api, "stage": "v1"}], throttle={"rateLimit": 0.5, "burstLimit": 2}
    )
    gateway.create_usage_plan_key(usagePlanId=plan["id"], keyId=key["id"], keyType="API_KEY")
    path = by_path(api, "/things")
    assert request(cloud, path)[0] == 403
    headers = {"x-api-key": gateway.get_api_key(apiKey=key["id"], includeValue=True)["value"]}
    statuses = [request(cloud, path, headers=headers)[0] for _ in range(3)]
    assert statuses == [200, 200, 429]
    time.sleep(2.5)
    assert request(cloud, path, headers=headers)[0] == 200


# ---- failures


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("raise ValueError('secret')", 502),
        ("return 'text'", 502),
        ("return {'ok': True}", 502),
        ("return {'statusCode': 200, 'body': {'not': 'text'}}", 502),
        ("return {'statusCode': 204}", 204),
    ],
)
def test_a_functions_failure_is_not_told_to_the_caller(cloud: Cloud, body: str, status: int) -> None:
    name = functions.create(cloud, f"def handler(event, context): {body}")
    found, headers, answer = request(cloud, by_path(functions.api(cloud, name, "/x"), "/x"))
    assert found == status
    if status == 502:
        assert answer == {"message": "Internal server error"}
        assert headers["x-amzn-errortype"] == "InternalServerErrorException"


def test_a_failure_is_answered_as_the_api_says(cloud: Cloud) -> None:
    api = functions.api(cloud, functions.create(cloud, "def handler(event, context): raise ValueError"), "/x")
    gateway = cloud.client("apigateway")
    template = '{"title": $context.error.messageString}'
    gateway.put_gateway_response(
        restApiId=api,
        responseType="DEFAULT_5XX",
        responseParameters={"gatewayresponse.header.Content-Type": "'application/problem+json'"},
        responseTemplates={"application/json": template},
    )
    gateway.create_deployment(restApiId=api, stageName="v1")
    status, headers, body = request(cloud, by_path(api, "/x"))
    assert (status, body) == (502, {"title": "Internal server error"})
    assert headers["content-type"] == "application/problem+json"


def test_a_refused_invocation_is_an_internal_error(cloud: Cloud) -> None:
    name = functions.create(cloud, ECHO)
    cloud.client("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    api = functions.api(cloud, name, "/x")
    status, _, body = request(cloud, by_path(api, "/x"))
    assert (status, body) == (500, {"message": "Internal server error"})
