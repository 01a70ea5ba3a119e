"""A model package behind an endpoint: AWS's prebuilt image and the image of this project's server answer alike."""

import io
import json
import tarfile
from pathlib import Path

from botocore.exceptions import ClientError

from tests.local_cloud.conftest import Cloud
from tests.local_cloud.hosting import BUCKET, IMAGE, ROLE, Hosting
from tests.unit.served_models import saved

FAST = "000000000000.dkr.ecr.us-east-1.amazonaws.com/cdk-hnb659fds-container-assets-000000000000-us-east-1:0123456789ab"
ENVIRONMENT = {
    "SAGEMAKER_PROGRAM": "inference.py",
    "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
    "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": "text/csv",
}


def _archive(folder: Path) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        archive.add(folder, arcname=".")
    return buffer.getvalue()


def test_both_images_answer_alike(own_cloud: Cloud, tmp_path: Path) -> None:
    own_cloud.run("up")
    hosting = Hosting(own_cloud)
    hosting.s3.put_object(Bucket=BUCKET, Key="model.tar.gz", Body=_archive(saved(tmp_path / "model")))
    for name, image in (("prebuilt", IMAGE), ("fast", FAST)):
        container = {"Image": image, "ModelDataUrl": f"s3://{BUCKET}/model.tar.gz", "Environment": ENVIRONMENT}
        hosting.sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer=container)
        answer = hosting.deploy(name, hosting.config(name, name))
        assert answer["EndpointStatus"] == "InService", answer

    def ask(endpoint: str, body: str, kind: str, **accept: str) -> tuple:
        try:
            answer = hosting.runtime.invoke_endpoint(EndpointName=endpoint, Body=body, ContentType=kind, **accept)
        except ClientError as error:
            return error.response["OriginalStatusCode"], error.response["OriginalMessage"]
        return answer["ContentType"].partition(";")[0], answer["Body"].read()

    instances = json.dumps({"instances": [[120.5, 1, 0.4, None]], "reasons": 2})
    for body, kind, accept in (
        ("1,2,0.5,4", "text/csv", {}),
        (instances, "application/json", {"Accept": "application/json"}),
        (instances, "application/json", {}),
    ):
        fast = ask("fast", body, kind, **accept)
        assert fast == ask("prebuilt", body, kind, **accept)
        assert ("predictions" in json.loads(fast[1])) if accept else 0 < float(fast[1]) < 1
    for body, kind, accept, status in (
        ("1,2,0.5", "text/csv", {}, 400),
        ("1,2,0.5,x", "text/csv", {}, 400),
        ("{", "application/json", {}, 400),
        ("1,2,0.5,4", "image/png", {}, 415),
        ("1,2,0.5,4", "text/csv", {"Accept": "image/png"}, 406),
    ):
        fast = ask("fast", body, kind, **accept)
        assert fast == ask("prebuilt", body, kind, **accept)
        assert fast[0] == status
