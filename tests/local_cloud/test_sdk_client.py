"""The SageMaker Python SDK (v3) as a client; it is an extra (``pip install '.[notebooks]'``) and may be elsewhere.

``SAGEMAKER_SDK_PYTHON`` names the interpreter of an environment that has it, if this one has not.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.local_cloud import jobs
from tests.local_cloud.conftest import REGION, ROLE, XGBOOST, Cloud

PYTHON = os.environ.get("SAGEMAKER_SDK_PYTHON", sys.executable)

CLIENT = """
import sys
import boto3
from sagemaker.core.helper.session_helper import Session
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData, OutputDataConfig, SourceCode

image, role, bucket, source = sys.argv[1:]
trainer = ModelTrainer(
    training_image=image,
    source_code=SourceCode(source_dir=source, entry_script="train.py"),
    compute=Compute(instance_type="ml.m5.large", instance_count=1, volume_size_in_gb=5),
    role=role,
    base_job_name="sdk",
    hyperparameters={"depth": 3},
    output_data_config=OutputDataConfig(s3_output_path=f"s3://{bucket}/models"),
    sagemaker_session=Session(boto_session=boto3.Session(), default_bucket=bucket),
)
channel = InputData(channel_name="train", data_source=f"s3://{bucket}/data/")
trainer.train(input_data_config=[channel], wait=True, logs=False)
job = trainer._latest_training_job
job.refresh()
print("RESULT", job.training_job_status, job.model_artifacts.s3_model_artifacts)
"""

TRAIN = """
import os, pathlib
rows = pathlib.Path(os.environ["SM_CHANNEL_TRAIN"], "a.csv").read_text()
pathlib.Path(os.environ["SM_MODEL_DIR"], "model.txt").write_text(rows + os.environ["SM_HPS"])
"""


@pytest.fixture(scope="module")
def sdk() -> str:
    """The interpreter that has the SDK."""
    find = "import importlib.util, sys; sys.exit(importlib.util.find_spec('sagemaker.train') is None)"
    if subprocess.run([PYTHON, "-c", find], capture_output=True).returncode:
        pytest.skip(f"the SageMaker SDK is not installed in {PYTHON} (see SAGEMAKER_SDK_PYTHON)")
    return PYTHON


def test_model_trainer_runs_unmodified(cloud: Cloud, sdk: str, tmp_path: Path):
    where = jobs.bucket(cloud)
    jobs.put(cloud, f"s3://{where}/data/a.csv", "1,2;")
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "train.py").write_text(TRAIN)
    (tmp_path / "client.py").write_text(CLIENT)
    result = subprocess.run(
        [sdk, str(tmp_path / "client.py"), XGBOOST, ROLE, where, str(tmp_path / "source")],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "AWS_ENDPOINT_URL": cloud.endpoint_url,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "SAGEMAKER_VALIDATE_ROLE": "false",
        },
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert "RESULT Completed" in result.stdout, result.stdout[-2000:] + result.stderr[-4000:]
    model = jobs.unpack(jobs.get(cloud, result.stdout.split()[-1]))
    rows, parameters = model["model.txt"].decode().split(";")
    assert rows == "1,2" and json.loads(parameters) == {"depth": 3}
