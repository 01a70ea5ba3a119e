"""Tiny models, and what the tests of hosting do with them."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.local_cloud.conftest import REGION, Cloud, tar_gz, wait_until

IMAGE = f"683313688378.dkr.ecr.{REGION}.amazonaws.com/sagemaker-xgboost:3.2-0"
ROLE = "arn:aws:iam::000000000000:role/service"
BUCKET = "hosting"

# Multiplies each number of a CSV row by the content of factor.txt.
MULTIPLIER = """
import os, time
def model_fn(folder):
    return float(open(f"{folder}/factor.txt").read())
def input_fn(body, content_type):
    return [[float(cell) for cell in line.split(",")] for line in body.splitlines()]
def predict_fn(rows, factor):
    time.sleep(float(os.environ.get("DELAY", "0")))
    return [sum(row) * factor for row in rows]
def output_fn(values):
    return "".join(f"{value}\\n" for value in values), "text/csv"
"""


class Hosting:
    """One cloud with the clients and shortcuts that these tests share."""

    def __init__(self, cloud: Cloud):
        self.cloud = cloud
        self.s3, self.sagemaker = cloud.client("s3"), cloud.client("sagemaker")
        self.runtime = cloud.client("sagemaker-runtime")
        self.s3.create_bucket(Bucket=BUCKET)

    def model(self, name: str, factor: float = 1.0, code: str = MULTIPLIER, **environment: str) -> str:
        data = tar_gz({"factor.txt": str(factor), "code/inference.py": code})
        self.s3.put_object(Bucket=BUCKET, Key=f"models/{name}.tar.gz", Body=data)
        self.sagemaker.create_model(
            ModelName=name,
            ExecutionRoleArn=ROLE,
            PrimaryContainer={
                "Image": IMAGE,
                "ModelDataUrl": f"s3://{BUCKET}/models/{name}.tar.gz",
                "Environment": {"SAGEMAKER_PROGRAM": "inference.py", **environment},
            },
        )
        return name

    def config(self, name: str, *models: str, weights: list[float] | None = None, **members: Any) -> str:
        """A configuration; with several models the variants are called v0, v1, …, else primary."""
        names = ["primary"] if len(models) == 1 else [f"v{index}" for index in range(len(models))]
        variants = [
            {
                "VariantName": variant,
                "ModelName": model,
                "InstanceType": "ml.m5.large",
                "InitialInstanceCount": 1,
                "InitialVariantWeight": weight,
            }
            for variant, model, weight in zip(names, models, weights or [1.0] * len(models), strict=True)
        ]
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants, **members)
        return name

    def deploy(self, endpoint: str, config: str) -> dict[str, Any]:
        self.sagemaker.create_endpoint(EndpointName=endpoint, EndpointConfigName=config)
        return self.settled(endpoint)

    def settled(self, endpoint: str, seconds: float = 60) -> dict[str, Any]:
        """DescribeEndpoint once its status is a final one."""

        def final() -> dict[str, Any] | None:
            answer = self.sagemaker.describe_endpoint(EndpointName=endpoint)
            return answer if answer["EndpointStatus"] in ("InService", "Failed") else None

        return wait_until(final, seconds)

    def ask(self, endpoint: str, body: str = "1,2", **members: Any) -> str:
        members = {"ContentType": "text/csv", **members}
        answer = self.runtime.invoke_endpoint(EndpointName=endpoint, Body=body, **members)
        return answer["Body"].read().decode()

    def delete(self, endpoint: str) -> None:
        self.sagemaker.delete_endpoint(EndpointName=endpoint)
        wait_until(lambda: endpoint not in self.endpoints(), 30)

    def endpoints(self) -> list[str]:
        return [item["EndpointName"] for item in self.sagemaker.list_endpoints()["Endpoints"]]

    def lines(self, prefix: str) -> list[dict[str, Any]]:
        """Captured lines of all files below a prefix of the bucket, in the order of their keys."""
        keys = [item["Key"] for item in self.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])]
        texts = [self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read().decode() for key in keys]
        return [json.loads(line) for text in texts for line in text.splitlines()]

    @contextmanager
    def fire(self, endpoint: str, threads: int = 3) -> Iterator["Fire"]:
        """Calls the endpoint without a pause until the block ends."""
        fire = Fire(self, endpoint)
        workers = [threading.Thread(target=fire.shoot, daemon=True) for _ in range(threads)]
        for worker in workers:
            worker.start()
        try:
            yield fire
        finally:
            fire.over.set()
            for worker in workers:
                worker.join(60)


class Fire:
    """Answers and errors of calls under fire."""

    def __init__(self, hosting: Hosting, endpoint: str):
        self.over = threading.Event()
        self.answers: list[str] = []
        self.errors: list[str] = []
        self._hosting, self._endpoint = hosting, endpoint

    def shoot(self) -> None:
        while not self.over.is_set():
            try:
                self.answers.append(self._hosting.ask(self._endpoint, "1"))
            except Exception as error:
                self.errors.append(str(error))
            time.sleep(0.005)
