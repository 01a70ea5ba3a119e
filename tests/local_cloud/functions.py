"""Lambda functions for the tests of this tier."""

import io
import json
import zipfile
from typing import Any

from tests.local_cloud.conftest import ACCOUNT, REGION, Cloud, unique

ROLE = f"arn:aws:iam::{ACCOUNT}:role/function"


def package(files: dict[str, str | bytes]) -> bytes:
    """A zip archive of the files, given by name and content."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def create(cloud: Cloud, code: str | dict[str, str | bytes], **options: Any) -> str:
    """A function whose handler is index.handler; returns its name."""
    name = unique("function")
    files = {"index.py": code} if isinstance(code, str) else code
    cloud.client("lambda").create_function(
        **{
            "FunctionName": name,
            "Runtime": "python3.12",
            "Handler": "index.handler",
            "Role": ROLE,
            "Timeout": 30,
            "MemorySize": 256,
            "Code": {"ZipFile": package(files)},
            **options,
        }
    )
    return name


def invoke(cloud: Cloud, name: str, event: Any = None, **options: Any) -> Any:
    """What the handler returned; AssertionError with AWS's error document where it failed."""
    answer = cloud.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event), **options)
    document = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, document
    return document


def failure(cloud: Cloud, name: str, event: Any = None, **options: Any) -> dict[str, Any]:
    """The error document of a call that fails."""
    answer = cloud.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event), **options)
    document = json.loads(answer["Payload"].read())
    assert answer.get("FunctionError") == "Unhandled", document
    return document


def api(cloud: Cloud, reference: str, *paths: str, authorization: str = "NONE", key: bool = False) -> str:
    """A REST API with stage v1 that hands POST and GET of each path to a function; returns its id."""
    gateway = cloud.client("apigateway")
    api_id = gateway.create_rest_api(name=unique("api"))["id"]
    resources = {"": gateway.get_resources(restApiId=api_id)["items"][0]["id"]}
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{reference}"
    for path in paths:
        parent = ""
        for part in path.strip("/").split("/"):
            name = f"{parent}/{part}"
            if name not in resources:
                made = gateway.create_resource(restApiId=api_id, parentId=resources[parent], pathPart=part)
                resources[name] = made["id"]
            parent = name
        for method in ("GET", "POST"):
            common = {"restApiId": api_id, "resourceId": resources[parent], "httpMethod": method}
            gateway.put_method(**common, authorizationType=authorization, apiKeyRequired=key)
            gateway.put_integration(
                **common,
                type="AWS_PROXY",
                integrationHttpMethod="POST",
                uri=f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{arn}/invocations",
            )
    gateway.create_deployment(restApiId=api_id, stageName="v1")
    return api_id
