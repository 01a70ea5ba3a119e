"""A persona's role, taken on and used."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import asdict
from io import StringIO
from typing import Any

import boto3
from botocore.exceptions import ClientError

from scripts.cdk import ACCOUNT, REGION
from scripts.scoring.client import ScoringClient
from tests.e2e.conftest import Demo
from tests.e2e.people.calls import Call
from tests.e2e.people.place import Place, role_arn


class Persona:
    """Credentials of a persona's role, taken with a second factor."""

    def __init__(self, demo: Demo, name: str, session: str):
        self._demo, self.name = demo, name
        given = demo.client("sts").assume_role(
            RoleArn=role_arn(name),
            RoleSessionName=session,
            SerialNumber=f"arn:aws:iam::{ACCOUNT}:mfa/somebody",
            TokenCode="123456",
        )["Credentials"]
        self._keys = given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"]
        self._session, self._clients = boto3.Session(*self._keys, region_name=REGION), {}

    def client(self, service: str) -> Any:
        """A client with the persona's credentials."""
        if service not in self._clients:
            self._clients[service] = self._session.client(service, endpoint_url=self._demo.endpoint_url)
        return self._clients[service]

    def answer(self, call: Call, at: Place) -> str:
        """The error code that a call ends in, or nothing."""
        client = self.client(call.service)
        arguments = _fill(call.arguments, {**asdict(at), "persona": self.name})
        try:
            getattr(client, call.operation)(**arguments)
        except ClientError as error:
            return error.response["Error"]["Code"]
        return ""

    @property
    def api(self) -> ScoringClient:
        """The API, called by the persona."""
        with self.environment():
            url = self._demo.outputs("scoring")["ApiUrl"]
            return ScoringClient(url, REGION, endpoint_url=self._demo.endpoint_url)

    @contextmanager
    def environment(self) -> Iterator[None]:
        """Variables under which the operators' commands act as the persona."""
        names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
        before = dict(os.environ)
        os.environ.update(self._demo.environment, **dict(zip(names, self._keys, strict=True)))
        os.environ.pop("AWS_PROFILE", None)
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)

    def command(self, main: Callable[[list[str]], int], *arguments: object) -> str:
        """What a command says that does not end in success; nothing otherwise."""
        said = StringIO()
        with self.environment(), redirect_stdout(said), redirect_stderr(said):
            code = main([str(argument) for argument in arguments])
        return said.getvalue() if code else ""


def _fill(value: Any, texts: dict[str, Any]) -> Any:
    if isinstance(value, str) and isinstance(texts.get(value[1:-1]), list):
        return texts[value[1:-1]]
    if isinstance(value, dict):
        return {key: _fill(item, texts) for key, item in value.items()}
    if isinstance(value, list):
        return [_fill(item, texts) for item in value]
    return value.format(**texts) if isinstance(value, str) else value
