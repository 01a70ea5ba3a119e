"""Where a batch is scored: read from the stacks, whatever path and partition their roles have."""

from __future__ import annotations

from typing import Any

import pytest

from scripts.retraining.errors import OperatorError
from scripts.scoring.batch import Target

PACKAGE = "arn:aws:sagemaker:us-east-1:123456789012:model-package/p/3"
KEY = "arn:aws:kms:us-east-1:123456789012:key/1"
ROLE = "arn:aws:iam::123456789012:role/fraud/p-transform-us-east-1"
NETWORK = {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1", "subnet-2"]}


class Account:
    """Clients of an account with these outputs of its stacks, by concern."""

    region = "us-east-1"

    def __init__(self, **serving: str) -> None:
        self._outputs = {
            "p-storage": {"ReportsBucket": "reports"},
            "p-keys": {"DataKeyArn": KEY},
            "p-network": {"Subnets": "subnet-1,subnet-2", "SecurityGroups": "sg-1"},
            "p-serving": {"EndpointName": "p", "ModelPackageArn": PACKAGE, **serving},
        }
        self.cloudformation = self

    def describe_stacks(self, StackName: str) -> dict[str, Any]:
        outputs = [{"OutputKey": key, "OutputValue": value} for key, value in self._outputs[StackName].items()]
        return {"Stacks": [{"StackStatus": "UPDATE_COMPLETE", "Outputs": outputs}]}


def test_the_job_runs_under_the_role_that_the_stack_names_and_in_the_network_made_for_it() -> None:
    target = Target.of(Account(TransformRoleArn=ROLE, NetworkStack="p-network"), "p")
    assert (target.role_arn, target.package_arn, target.key_arn) == (ROLE, PACKAGE, KEY)
    assert target.network == {"VpcConfig": NETWORK}


def test_a_network_that_was_given_is_in_the_outputs_themselves() -> None:
    given = {"NetworkStack": "none", "Subnets": "subnet-1,subnet-2", "SecurityGroups": "sg-1"}
    assert Target.of(Account(TransformRoleArn=ROLE, **given), "p").network == {"VpcConfig": NETWORK}


def test_without_a_network_the_job_is_in_none() -> None:
    assert Target.of(Account(TransformRoleArn=ROLE, NetworkStack="none"), "p").network == {}


def test_a_stack_of_an_earlier_version_is_to_be_deployed_again() -> None:
    with pytest.raises(OperatorError, match="p-serving names no role or network for batches: deploy this version"):
        Target.of(Account(TransformRoleArn=ROLE), "p")
