"""boto3 clients against this local cloud itself, in the account and region of the caller.

For what the server does on a customer's behalf: CloudFormation creating a resource, a state machine calling a service.
Going through the public API keeps that code free of the services' internals. Must be called on a worker thread: the
event loop would wait for its own answer.
"""

import threading
from typing import Any

import boto3
from botocore.config import Config

from local_cloud import config, hooks
from local_cloud.authorization import principal

_clients: dict[tuple[str, ...], Any] = {}
_lock = threading.Lock()


def client(service: str) -> Any:
    """A cached client that signs as the acting role, or as the account."""
    credentials = principal.credentials()
    key = credentials["aws_access_key_id"], hooks.region(), service
    with _lock:
        if key not in _clients:
            _clients[key] = boto3.session.Session().client(
                service,
                endpoint_url=config.current().endpoint_url,
                region_name=key[1],
                **credentials,
                config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}, read_timeout=600),
            )
        return _clients[key]
