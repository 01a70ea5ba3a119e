"""Nothing is dropped in silence: each property of the project's templates is compared with what the services answer."""

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_cloud.coverage.properties import TYPES
from tests.infra.conftest import CONCERNS, ENVIRONMENTS
from tests.local_cloud import project
from tests.local_cloud.conftest import ACCOUNT, REGION, Cloud
from tests.local_cloud.stacks import Stack, container, upload_model


@pytest.fixture(scope="module")
def bootstrapped(cloud: Cloud) -> Cloud:
    """The one thing of the CDK's bootstrap stack that templates refer to."""
    cloud.client("ssm").put_parameter(
        Name="/cdk-bootstrap/hnb659fds/version", Value="29", Type="String", Overwrite=True
    )
    return cloud


@pytest.fixture(scope="module", params=ENVIRONMENTS)
def deployed(request: pytest.FixtureRequest, bootstrapped: Cloud) -> Iterator[list[Stack]]:
    """All stacks of an environment, with a model, so that no condition leaves a resource out."""
    environment, cloud = request.param, bootstrapped
    stacks = [project.deploy(cloud, environment, concern) for concern in CONCERNS[:5]]
    name = project.prefix(environment)
    package, challenger = (_package(cloud, name) for _ in range(2))
    versions = {"ModelPackageArn": package, "ChallengerModelPackageArn": challenger}
    stacks.append(project.deploy(cloud, environment, "serving", **versions))
    stacks.append(project.deploy(cloud, environment, "scoring"))
    stacks.append(project.deploy(cloud, environment, "monitoring", ModelPackageArn=package))
    stacks.append(project.deploy(cloud, environment, "retraining-loop"))
    yield stacks
    for stack in stacks[:4:-1]:
        stack.delete()


def _package(cloud: Cloud, name: str) -> str:
    return cloud.client("sagemaker").create_model_package(
        ModelPackageGroupName=name,
        ModelApprovalStatus="PendingManualApproval",
        InferenceSpecification={
            "Containers": [container(upload_model(cloud, f"{name}-artifacts-{ACCOUNT}-{REGION}", "one"))],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
    )["ModelPackageArn"]


def test_every_property_is_live_or_declared(cloud: Cloud, deployed: list[Stack]) -> None:
    problems = []
    for name, resources in project.resolved(cloud, deployed).items():
        for resource in resources:
            problems += [f"{name} {problem}" for problem in differences(cloud, resource)]
    assert not problems, "\n".join(problems)


def test_no_resource_was_left_out(cloud: Cloud, deployed: list[Stack]) -> None:
    environment = deployed[0].name.split("-")[1]
    for stack, concern in zip(deployed, CONCERNS, strict=True):
        expected = set(project.template(environment, concern)["Resources"])
        assert set(stack.physical_ids()) == expected


def differences(cloud: Cloud, resource: dict[str, Any]) -> list[str]:
    """What a resource's live state does not show of its properties, and properties nobody declared."""
    kind, logical_id = resource["ResourceType"], resource["LogicalResourceId"]
    if kind not in TYPES:
        return [f"{logical_id}: {kind} is not in local_cloud/coverage/properties.py"]
    spec, properties = TYPES[kind], resource["Properties"]
    try:
        live = spec.reader(cloud.client, resource["PhysicalResourceId"], properties)
    except ClientError as error:
        return [f"{logical_id}: {kind} cannot be read: {error}"]
    problems = []
    for name, wanted in properties.items():
        if name not in spec.properties:
            problems.append(f"{logical_id}: {kind}.{name} is not declared")
        elif spec.properties[name].status != "ignored":
            problems += [f"{logical_id}: {kind}.{text}" for text in missing(wanted, live.get(name), name)]
    return problems


def missing(wanted: Any, live: Any, path: str) -> list[str]:
    """Paths at which the live value lacks what is wanted; it may have more (defaults, CloudFormation's tags)."""
    wanted, live = parsed(wanted), parsed(live)
    if isinstance(wanted, dict) and isinstance(live, dict):
        return [text for key, item in wanted.items() for text in missing(item, live.get(key), f"{path}.{key}")]
    if isinstance(wanted, list) and isinstance(live, list):
        return [
            f"{path}: {json.dumps(item, default=str)} is not among {json.dumps(live, default=str)}"
            for item in wanted
            if not any(not missing(item, other, path) for other in live)
        ]
    return [] if plain(wanted) == plain(live) else [f"{path} is {live!r} instead of {wanted!r}"]


def parsed(value: Any) -> Any:
    """Documents are given as text here and as objects there."""
    if isinstance(value, str) and value.startswith("{"):
        with contextlib.suppress(ValueError):
            return json.loads(value)
    return value


def plain(value: Any) -> Any:
    """Templates may write numbers and booleans as text."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return f"{value:g}"
    try:
        return f"{float(value):g}" if isinstance(value, str) else value
    except ValueError:
        return value.lower() if value.lower() in ("true", "false") else value


@pytest.mark.parametrize(
    ("wanted", "live"),
    [
        ({"a": 1}, {}),
        ({"a": 1}, {"a": 2}),
        ({"a": {"b": "x"}}, {"a": None}),
        ([1, 2], [1]),
        ("true", False),
        ({"Rules": [{"Id": "x", "Days": 7}]}, {"Rules": [{"Id": "x"}]}),
    ],
)
def test_the_comparison_notices_what_is_missing(wanted: Any, live: Any) -> None:
    assert missing(wanted, live, "p")
    assert not missing(wanted, wanted, "p")


def test_the_comparison_allows_defaults_and_other_spellings() -> None:
    assert not missing({"a": "1", "b": True}, {"a": 1.0, "b": "true", "c": "default"}, "p")
    assert not missing({"Statement": []}, '{"Statement": [], "Version": "2012-10-17"}', "p")
