"""AWS clients with one policy for retries and timeouts."""

from functools import cached_property

import boto3
from botocore.config import Config

# Adaptive retries slow a client down when it is throttled instead of failing.
_CONFIG = Config(
    retries={"mode": "adaptive", "max_attempts": 8},
    connect_timeout=10,
    read_timeout=60,
    user_agent_extra="fraudstack-retrain",
)


class Clients:
    """The services a retraining talks to, created when first used.

    endpoint_url: of another cloud than AWS; without it botocore reads AWS_ENDPOINT_URL as usual.
    """

    def __init__(self, endpoint_url: str | None = None, region: str | None = None) -> None:
        self._session = boto3.session.Session(region_name=region)
        if not self._session.region_name:
            # The application's default region; an explicit one or a profile's comes first.
            self._session = boto3.session.Session(region_name="us-east-1")
        self._endpoint_url = endpoint_url

    @property
    def region(self) -> str:
        """The region all clients use."""
        return self._session.region_name

    def client(self, service: str):
        """A client of ``service`` under this policy."""
        return self._session.client(service, endpoint_url=self._endpoint_url, config=_CONFIG)

    @cached_property
    def s3(self):
        return self.client("s3")

    @cached_property
    def cloudformation(self):
        return self.client("cloudformation")

    @cached_property
    def stepfunctions(self):
        return self.client("stepfunctions")

    @cached_property
    def sagemaker(self):
        return self.client("sagemaker")

    @cached_property
    def logs(self):
        return self.client("logs")
