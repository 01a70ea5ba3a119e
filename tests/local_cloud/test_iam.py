"""With AUTH=true policies decide on SageMaker and Application Auto Scaling as on any other service."""

import json

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.local_cloud.conftest import REGION, Cloud


def test_policies_are_enforced(own_cloud: Cloud) -> None:
    own_cloud.environment["AUTH"] = "true"
    own_cloud.run("up")
    iam = own_cloud.client("iam")
    iam.create_user(UserName="reader")
    statement = {"Effect": "Allow", "Action": "sagemaker:ListModels", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="reader", PolicyName="read", PolicyDocument=document)
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    session = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=REGION)
    sagemaker = session.client("sagemaker", endpoint_url=own_cloud.endpoint_url)
    assert sagemaker.list_models()["Models"] == []
    with pytest.raises(ClientError, match="not authorized to perform: sagemaker:ListEndpoints"):
        sagemaker.list_endpoints()
    with pytest.raises(ClientError, match="not authorized to perform: sagemaker:InvokeEndpoint"):
        session.client("sagemaker-runtime", endpoint_url=own_cloud.endpoint_url).invoke_endpoint(
            EndpointName="any", Body="1"
        )
    with pytest.raises(ClientError, match="application-autoscaling:DescribeScalableTargets"):
        session.client("application-autoscaling", endpoint_url=own_cloud.endpoint_url).describe_scalable_targets(
            ServiceNamespace="sagemaker"
        )
