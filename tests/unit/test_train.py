"""The training job as SageMaker runs it, and the model package as the endpoint's container loads it."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from fraud.models import algorithms, ranking
from fraud.models.package import ModelPackage, PackageError
from fraud.models.scoring import score
from tests.unit.model_data import NAMES, feature_schema, split_frame, write_splits

REPOSITORY = Path(__file__).resolve().parents[2]
SETTINGS = {
    "xgboost": {"num_round": 40, "sagemaker_program": "train.py"},
    "random-forest": {"num_round": 40},
    "logistic-regression": {},
}


def _run(folders, out: Path, hyperparameters: dict, **overrides):
    """Run train.py as the toolkit does; return the finished process."""
    wheels = out / "wheels"
    wheels.mkdir(parents=True, exist_ok=True)
    (wheels / "requirements.txt").write_text("")
    environment = {
        "PATH": os.environ["PATH"],
        "SM_HPS": json.dumps(hyperparameters),
        "SM_CHANNEL_WHEELS": str(wheels),
        "SM_MODEL_DIR": str(out / "model"),
        "SM_OUTPUT_DIR": str(out / "output"),
        "SM_NUM_CPUS": "2",
        **{f"SM_CHANNEL_{name.upper()}": str(path) for name, path in folders.items()},
        **overrides,
    }
    command = [sys.executable, str(REPOSITORY / "training_code" / "train.py"), "--ignored", "1"]
    return subprocess.run(command, env=environment, cwd=out, capture_output=True, text=True, timeout=200)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return write_splits(tmp_path_factory.mktemp("prepared"))


@pytest.fixture(scope="module", params=algorithms())
def trained(request, folders, tmp_path_factory):
    """(algorithm, folder of the model package, the job's output)."""
    out = tmp_path_factory.mktemp(request.param)
    result = _run(folders, out, {"algorithm": request.param, **SETTINGS[request.param]})
    assert result.returncode == 0, result.stderr
    return request.param, out / "model", result.stdout


def _digests(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_package_is_complete_and_says_how_it_was_made(trained, folders):
    algorithm, model, _ = trained
    names = set(_digests(model))
    assert {"feature_schema.json", "calibration.json", "model.json", "code/inference.py"} <= names
    assert not [name for name in names if "__pycache__" in name]
    metadata = json.loads((model / "model.json").read_text())
    assert metadata["algorithm"] == algorithm
    assert "numpy" in metadata["libraries"]
    assert metadata["training"]["rows"] == 4000
    assert metadata["training"]["start"].startswith("2030-01-01T")
    assert not [key for key in metadata["hyperparameters"] if key.startswith("sagemaker_")]


def test_final_metric_is_the_last_one_printed_and_true(trained, folders):
    _, model, output = trained
    values = re.findall(r"\[[0-9]+\].*\tvalidation-map:(\S+)", output)
    package = ModelPackage.load(model)
    frame = pl.read_parquet(folders["validation"] / "data.parquet")
    features = frame.select(NAMES).cast(pl.Float32).fill_null(float("nan")).to_numpy()
    scores = package.fraud_probability(features)
    expected = ranking.average_precision(frame["__label"].to_numpy(), scores)
    assert len(values) >= 2
    assert float(values[-1]) == pytest.approx(expected, abs=1e-6)
    assert output.strip().splitlines()[-1].startswith("[")


def test_training_again_gives_the_same_bytes(trained, folders, tmp_path):
    algorithm, model, _ = trained
    result = _run(folders, tmp_path, {"algorithm": algorithm, **SETTINGS[algorithm]})
    assert result.returncode == 0, result.stderr
    assert _digests(tmp_path / "model") == _digests(model)


_SERVE = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in {'polars', 'yaml', 'pandas', 'boto3', 'training_code', 'inference_code'}:
            raise ImportError('the container has no ' + name)
sys.meta_path.insert(0, Refuse())
import json, importlib
handlers = importlib.import_module('inference')
model = handlers.model_fn(sys.argv[1])
answers = []
for body, kind, accept in json.loads(sys.stdin.read()):
    answer = handlers.transform_fn(model, body.encode(), kind, accept)
    if not isinstance(answer, tuple):
        assert 400 <= answer.status_code < 500
        answer = [answer.get_data(as_text=True), 'error']
    answers.append(answer)
import fraud
print(json.dumps({'answers': answers, 'fraud': fraud.__file__}))
"""


def _serve(model: Path, requests: list, cwd: Path) -> dict:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(model / "code")}
    result = subprocess.run(
        [sys.executable, "-c", _SERVE, str(model)],
        input=json.dumps(requests),
        env=environment,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


def test_package_serves_itself_with_only_its_own_code(trained, folders, tmp_path):
    _, model, _ = trained
    csv = "120.5,1,0.4,-0.2\n3.0,0,,1e0\n"
    rows = {"instances": [[120.5, 1, 0.4, -0.2], [3.0, 0, None, 1.0]], "reasons": 2}
    lines = '[120.5, 1, 0.4, -0.2]\n{"features": [3.0, 0, null, 1.0]}\n'
    requests = [
        [csv, "text/csv; charset=utf-8", "*/*"],
        [json.dumps(rows), "application/json", "application/json"],
        [csv, "text/csv", "text/csv"],
        [lines, "application/jsonlines", "application/jsonlines"],
        ["1,2,3\n", "text/csv", "text/csv"],
        ["1,2,3,inf\n", "text/csv", "text/csv"],
        ["1,2,3,4\n1,x,3,4\n", "text/csv", "text/csv"],
        ["1,2,3,4\n1,2\n", "text/csv", "text/csv"],
        ["", "text/csv", "text/csv"],
        ["{}", "application/json", "text/csv"],
        ['{"instances": [[[1], [2], [3], [4]]]}', "application/json", "text/csv"],
        ['{"instances": [[1, 2, 3, 4]], "reasons": 11}', "application/json", "text/csv"],
        ["[1,", "application/jsonlines", "text/csv"],
        [csv, "application/x-parquet", "text/csv"],
        [csv, "image/png", "text/csv"],
        [csv, "text/csv", "image/png"],
    ]
    served = _serve(model, requests, tmp_path)
    assert served["fraud"].startswith(str(model / "code"))
    (body, kind), (json_body, json_kind), plain, (line_body, _), *errors = served["answers"]
    assert (kind, json_kind) == ("text/csv", "application/json")
    assert plain[0] == body
    scores = [float(line) for line in body.splitlines()]
    predictions = json.loads(json_body)["predictions"]
    assert scores == [item["probability"] for item in predictions]
    assert scores == [json.loads(line)["probability"] for line in line_body.splitlines()]
    assert [score(value) for value in scores] == [item["score"] for item in predictions]
    assert all(reason["contribution"] > 0 for item in predictions for reason in item["reasons"])
    assert predictions[0]["reasons"]
    features = np.array([[120.5, 1, 0.4, -0.2], [3.0, 0, np.nan, 1.0]], dtype=np.float32)
    np.testing.assert_array_equal(ModelPackage.load(model).fraud_probability(features), scores)
    messages = [
        "row 1 has 3 values where the model needs 4, in this order: amount, nights, terminal_risk, noise",
        r"row 1, column 4 \(noise\) is not finite",
        r"row 2, column 2 \(nights\): a number or an empty value",
        "row 2 has 2 values where the model needs 4",
        "no rows",
        "instances",
        "a list where a number",
        "reasons: a whole number from 0 to 10",
        r"line 1 is not valid JSON",
        "no library that reads parquet",
        "content type 'image/png' is not supported",
        "answers are text/csv, application/json or application/jsonlines",
    ]
    assert [answer[1] for answer in errors] == ["error"] * len(messages)
    for answer, message in zip(errors, messages, strict=True):
        assert re.search(message, answer[0])


def test_code_folder_installs_without_network(trained, tmp_path):
    _, model, _ = trained
    target = tmp_path / "site"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--target", str(target), "."]
    environment = os.environ | {"PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": ""}
    result = subprocess.run(command, cwd=model / "code", env=environment, capture_output=True, text=True, timeout=100)
    assert result.returncode == 0, result.stderr
    assert (target / "inference.py").is_file()
    assert (target / "fraud" / "models" / "package.py").is_file()


@pytest.mark.parametrize(
    ("hyperparameters", "message"),
    [
        ({}, "algorithm is missing: one of xgboost"),
        ({"algorithm": "magic"}, "algorithm='magic': must be one of"),
        ({"algorithm": "xgboost", "eta": 7}, "eta='7': must be a number from 0.0001 to 1"),
    ],
)
def test_wrong_settings_end_the_job_with_one_message(folders, tmp_path, hyperparameters, message):
    result = _run(folders, tmp_path, hyperparameters)
    assert result.returncode == 1
    assert re.search(message, result.stderr)
    assert "Traceback" not in result.stderr
    assert re.search(message, (tmp_path / "output" / "failure").read_text())
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda frame: frame.drop("noise"), r"train: feature column\(s\) noise .* are missing"),
        (lambda frame: frame.drop("__label"), "train: column __label is missing"),
        (lambda frame: frame.clear(), "train: no rows"),
        (lambda frame: frame.with_columns(pl.lit(0).alias("__label")), "train: 4000 rows hold 0 frauds"),
        (lambda frame: frame.with_columns(pl.lit(2).alias("__label")), "__label must hold 0 and 1"),
        (lambda frame: frame.with_columns(pl.lit("a").alias("noise")), r"column\(s\) noise are not numeric"),
    ],
)
def test_wrong_splits_end_the_job_with_one_message(folders, tmp_path, spoil, message):
    broken = tmp_path / "broken"
    broken.mkdir()
    spoil(split_frame()).write_parquet(broken / "data.parquet")
    result = _run(folders | {"train": broken}, tmp_path, {"algorithm": "logistic-regression"})
    assert result.returncode == 1
    assert re.search(message, result.stderr)
    assert "Traceback" not in result.stderr


def test_corrupt_and_absent_files_are_named(folders, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    result = _run(folders | {"train": empty}, tmp_path, {"algorithm": "logistic-regression"})
    assert "train: no parquet file" in result.stderr
    (empty / "data.parquet").write_bytes(b"PAR1 not really")
    result = _run(folders | {"train": empty}, tmp_path, {"algorithm": "logistic-regression"})
    assert result.returncode == 1
    assert "train: data.parquet cannot be read" in result.stderr


def test_incomplete_packages_are_refused(trained, tmp_path):
    _, model, _ = trained
    with pytest.raises(PackageError, match=r"model\.json is missing"):
        ModelPackage.load(tmp_path)
    for name in ("model.json", "feature_schema.json"):
        (tmp_path / name).write_bytes((model / name).read_bytes())
    with pytest.raises(PackageError, match=r"\.(ubj|npz|json)"):
        ModelPackage.load(tmp_path)


DAMAGED = {
    "a model that is cut off": (
        r"\.(ubj|npz)$|logistic",
        lambda body: body[: len(body) // 2],
        "the model cannot be read",
    ),
    "no JSON": ("^model.json", lambda body: b"\0", "model.json cannot be read"),
    "no calibration's": ("calibration", lambda _: b"[1]", "calibration.json cannot be read"),
    "no schema's": ("schema", lambda _: b'{"features": 5}', "feature_schema.json cannot be read|features"),
    "a feature less": ("schema", lambda body: _without_the_first_feature(body), "was not trained on the 3 features"),
}


def _without_the_first_feature(body):
    schema = json.loads(body)
    return json.dumps({**schema, "features": schema["features"][1:]}).encode()


@pytest.mark.parametrize("damage", DAMAGED)
def test_damaged_packages_are_refused_by_name(trained, tmp_path, damage):
    """Promised: an endpoint whose model is damaged, or has another number of features, does not start."""
    which, change, message = DAMAGED[damage]
    shutil.copytree(trained[1], tmp_path / "model")
    (path,) = [path for path in (tmp_path / "model").iterdir() if re.search(which, path.name)]
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(PackageError, match=message) as caught:
        ModelPackage.load(tmp_path / "model")
    assert "\n" not in str(caught.value)


def test_package_refuses_features_that_do_not_fit(trained):
    _, model, _ = trained
    package = ModelPackage.load(model)
    assert package.schema.feature_names == feature_schema().feature_names
    with pytest.raises(PackageError, match="4 columns"):
        package.fraud_probability(np.zeros((2, 3), np.float32))
