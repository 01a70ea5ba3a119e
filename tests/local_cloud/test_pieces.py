"""The small parts under the jobs, without a server."""

import optuna
import pytest

from local_cloud import config
from local_cloud.sagemaker import images, s3
from local_cloud.sagemaker.errors import ValidationError
from local_cloud.sagemaker.jobs.metrics import MetricScanner
from local_cloud.sagemaker.tuning.early_stopping import is_hopeless
from local_cloud.sagemaker.tuning.proposer import Proposer
from local_cloud.sagemaker.tuning.space import parse_ranges


@pytest.mark.parametrize(
    ("uri", "parts"),
    [
        ("s3://bucket/a/b", ("bucket", "a/b")),
        ("s3://bucket", ("bucket", "")),
        ("https://s3.us-east-1.amazonaws.com/bucket/a/b", ("bucket", "a/b")),
        ("https://s3.amazonaws.com/bucket/a%20b", ("bucket", "a b")),
        ("https://my-bucket.s3.eu-west-1.amazonaws.com/a", ("my-bucket", "a")),
        ("http://127.0.0.1:4566/bucket/a", ("bucket", "a")),
    ],
)
def test_locations(uri: str, parts: tuple[str, str]):
    assert s3.split(uri) == parts


@pytest.mark.parametrize("uri", ["/tmp/x", "s3://", "https://example.org/x", "file:///x", "bucket/key"])
def test_other_locations_are_refused(uri: str):
    with pytest.raises(ValidationError, match="s3://bucket/key"):
        s3.split(uri)


def test_joined_locations_have_no_double_slashes():
    assert s3.join("s3://b/a/", "/c/", "d") == "s3://b/a/c/d"
    assert s3.join("https://s3.us-east-1.amazonaws.com/b/a/", "c") == "s3://b/a/c"


@pytest.fixture
def table(tmp_path, monkeypatch):
    """A local_cloud.toml that is in force; returns the function that writes it."""
    path = tmp_path / "local_cloud.toml"
    monkeypatch.setattr(config, "_current", config.Settings(images=path))
    return path.write_text


AWS = "683313688378.dkr.ecr.us-east-1.amazonaws.com/"


@pytest.mark.parametrize(
    "image",
    [
        "sagemaker-xgboost:3.2-0",
        "sagemaker-scikit-learn:1.9-0",
        "pytorch-training:2.10.0-cpu-py312",
        "tensorflow-inference:2.21",
    ],
)
def test_aws_framework_images_are_known(table, image: str):
    found = images.resolve(AWS + image)
    assert (found.training, found.serving, found.processing) == ("toolkit", "script-mode", None)


def test_unknown_image_shows_what_to_write(table):
    with pytest.raises(ValidationError) as caught:
        images.resolve("123456789012.dkr.ecr.us-east-1.amazonaws.com/my-own:1")
    message = str(caught.value)
    table(message[message.index("[[image]]") :])
    found = images.resolve("123456789012.dkr.ecr.us-east-1.amazonaws.com/my-own:1")
    assert found.processing == ("python3", "-m", "your.module")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[image]]\ntraining = 'toolkit'", "image 1: match"),
        ("[[image]]\nmatch = '('", "match is not a regular expression"),
        ("[[image]]\nmatch = 'a'\nserving = 'flask'", 'serving must be "script-mode" or a list of words'),
        ("[[image]]\nmatch = 'a'\nservin = 'script-mode'", "unknown key servin"),
        ("[[image", "not TOML"),
    ],
)
def test_wrong_tables_are_explained(table, text: str, message: str):
    table(text)
    with pytest.raises(ValidationError, match=message):
        images.resolve("a")


def test_metrics_take_the_last_finite_value_and_know_how_aws_writes_tabs():
    seen = []
    definitions = [
        {"Name": "auc", "Regex": r"auc=(\S+)"},
        {"Name": "xgb", "Regex": r".*\[[0-9]+\].*#011validation-auc:(\S+)"},
        {"Name": "tab", "Regex": r"^a\tb=(\d)"},
    ]
    scanner = MetricScanner(definitions, lambda name, value: seen.append((name, value)))
    for line in ["auc=0.5", "auc=nan", "auc=text", "[7]\ttrain-auc:0.9\tvalidation-auc:0.8", "a\tb=3", "nothing"]:
        scanner.read(line)
    assert {item["MetricName"]: item["Value"] for item in scanner.final()} == {"auc": 0.5, "xgb": 0.8, "tab": 3.0}
    assert [name for name, _ in seen] == ["auc", "auc", "xgb", "tab"]


def test_early_stopping_compares_with_the_median_of_running_averages():
    others = [[0.5, 0.7], [0.6, 0.8], [0.1]]
    # Running averages up to the second epoch: 0.6 and 0.7; the third job never got there.
    assert is_hopeless([0.9, 0.64], others, maximize=True)
    assert not is_hopeless([0.0, 0.66], others, maximize=True)
    assert is_hopeless([0.0, 0.66], others, maximize=False)
    assert not is_hopeless([0.0], others[:1], maximize=True), "one earlier job is not enough"


def numeric(**entry: str) -> dict:
    return {"Name": "x", "MinValue": "0.001", "MaxValue": "10", **entry}


def test_auto_scaling_of_wide_ranges_is_logarithmic():
    wide, narrow = (
        parse_ranges({"ContinuousParameterRanges": [numeric(ScalingType="Auto", **more)]}, "r")[0]
        for more in ({}, {"MinValue": "1"})
    )
    assert wide.distribution.log and not narrow.distribution.log


def test_reverse_logarithmic_values_round_trip():
    ranges = {"ContinuousParameterRanges": [numeric(MinValue="0.5", MaxValue="0.99", ScalingType="ReverseLogarithmic")]}
    parameter = parse_ranges(ranges, "r")[0]
    trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1)).ask()
    text = parameter.suggest(trial)
    assert 0.5 <= float(text) <= 0.99
    assert parameter.parse(text) == pytest.approx(trial.params["x"])
    assert parameter.parse("0.999") is None and parameter.parse("word") is None


def test_proposals_learn_from_results():
    parameters = parse_ranges({"ContinuousParameterRanges": [numeric(MinValue="0", MaxValue="1")]}, "r")
    proposer = Proposer(parameters, "Bayesian", maximize=True, seed=2, budget=60)
    found = []
    for number in range(60):
        x = float(proposer.ask(number)["x"])
        proposer.tell(number, -((x - 0.7) ** 2))
        found.append(abs(x - 0.7))
    assert sum(found[30:]) < 0.6 * sum(found[:10]) * 3, "the later half looks closer to the optimum"
