"""Tuning jobs against a real server; trials are one-line programs so that strategies, not training, take the time."""

import re
from typing import Any

import botocore.exceptions
import pytest

from tests.local_cloud import jobs
from tests.local_cloud.conftest import NEEDS_OPT_ML, ROLE, SCIKIT_LEARN, XGBOOST, Cloud, unique, wait_until

pytestmark = NEEDS_OPT_ML

# The best value is at x = 0.3; the hyperparameters come in the file of the contract.
SCORE = """
import json, time
h = json.load(open("/opt/ml/input/config/hyperparameters.json"))
x = float(h.get("x", 0.3)); k = int(h.get("k", 1))
print(f"score={1 - (x - 0.3) ** 2 + 0.001 * k};")
"""
CONTINUOUS = {"Name": "x", "MinValue": "0", "MaxValue": "1", "ScalingType": "Linear"}


@pytest.fixture(scope="module")
def where(cloud: Cloud) -> str:
    return jobs.bucket(cloud)


def request(where: str, script: str = SCORE, *, ranges: dict | None = None, **config: Any) -> dict[str, Any]:
    limits = {"MaxNumberOfTrainingJobs": 4, "MaxParallelTrainingJobs": 2, **config.pop("limits", {})}
    definition = {
        "AlgorithmSpecification": {
            "TrainingImage": SCIKIT_LEARN,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "score", "Regex": r"score=(.*?);"}],
        },
        "RoleArn": ROLE,
        "StaticHyperParameters": {"fixed": "yes"},
        "OutputDataConfig": {"S3OutputPath": f"s3://{where}/models"},
        "ResourceConfig": jobs.RESOURCES,
        "StoppingCondition": {"MaxRuntimeInSeconds": 30},
        # Script mode by the toolkit would cost a second for each trial.
        "InputDataConfig": config.pop("channels"),
    }
    return {
        "HyperParameterTuningJobName": unique("tune"),
        "HyperParameterTuningJobConfig": {
            "Strategy": "Bayesian",
            "HyperParameterTuningJobObjective": {"Type": config.pop("kind", "Maximize"), "MetricName": "score"},
            "ResourceLimits": {key: value for key, value in limits.items() if value is not None},
            "ParameterRanges": ranges or {"ContinuousParameterRanges": [CONTINUOUS]},
            **config,
        },
        "TrainingJobDefinition": definition,
    }


class Tuner:
    """Starts tuning jobs whose trials run a script by an image of the test's own, and reads their results."""

    def __init__(self, cloud: Cloud, where: str):
        self.cloud, self.where, self.client = cloud, where, cloud.client("sagemaker")

    def request(self, script: str = SCORE, **members: Any) -> dict[str, Any]:
        code = jobs.put(self.cloud, f"s3://{self.where}/{unique('code')}/trial.py", script)
        made = request(self.where, channels=[jobs.channel("code", code)], **members)
        made["TrainingJobDefinition"]["AlgorithmSpecification"]["TrainingImage"] = "plain-trial:1"
        return made

    def run(self, made: dict[str, Any]) -> dict[str, Any]:
        self.client.create_hyper_parameter_tuning_job(**made)
        return self.end(made["HyperParameterTuningJobName"])

    def describe(self, name: str) -> dict[str, Any]:
        return self.client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)

    def end(self, name: str) -> dict[str, Any]:
        def ended() -> dict[str, Any] | None:
            job = self.describe(name)
            return None if job["HyperParameterTuningJobStatus"] in ("InProgress", "Stopping") else job

        return wait_until(ended, 90)

    def trials(self, job: dict[str, Any], **options: Any) -> list[dict[str, Any]]:
        name = job["HyperParameterTuningJobName"]
        pages = self.client.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job").paginate(
            HyperParameterTuningJobName=name, **options
        )
        return [trial for page in pages for trial in page["TrainingJobSummaries"]]


@pytest.fixture(scope="module")
def tuner(cloud: Cloud, where: str) -> Tuner:
    return Tuner(cloud, where)


def parameters(trials: list[dict[str, Any]]) -> list[dict[str, str]]:
    return [trial["TunedHyperParameters"] for trial in trials]


def test_bayesian_search_finds_sums_up_and_lists(tuner: Tuner):
    ranges = {
        "ContinuousParameterRanges": [CONTINUOUS],
        "IntegerParameterRanges": [{"Name": "k", "MinValue": "1", "MaxValue": "3"}],
        "CategoricalParameterRanges": [{"Name": "kind", "Values": ["a", "b"]}],
    }
    job = tuner.run(tuner.request(ranges=ranges, limits={"MaxNumberOfTrainingJobs": 6}, RandomSeed=1))
    assert job["HyperParameterTuningJobStatus"] == "Completed", job.get("FailureReason")
    counters = job["TrainingJobStatusCounters"]
    assert (counters["Completed"], counters["InProgress"]) == (6, 0)
    assert job["ObjectiveStatusCounters"] == {"Succeeded": 6, "Pending": 0, "Failed": 0}
    trials = tuner.trials(job, MaxResults=4)
    names = [trial["TrainingJobName"] for trial in trials]
    pattern = rf"{job['HyperParameterTuningJobName']}-00[1-6]-[0-9a-f]{{8}}"
    assert len(names) == 6 and all(re.fullmatch(pattern, name) for name in names) and names == sorted(names)
    for tuned in parameters(trials):
        assert 0 <= float(tuned["x"]) <= 1 and tuned["k"] in ("1", "2", "3") and tuned["kind"] in ("a", "b")
    by_value = tuner.trials(job, SortBy="FinalObjectiveMetricValue", SortOrder="Descending")
    values = [trial["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for trial in by_value]
    assert values == sorted(values, reverse=True)
    best = job["BestTrainingJob"]
    assert best["TrainingJobName"] == by_value[0]["TrainingJobName"]
    assert (
        best["ObjectiveStatus"] == "Succeeded" and best["TunedHyperParameters"] == by_value[0]["TunedHyperParameters"]
    )
    training = tuner.client.describe_training_job(TrainingJobName=best["TrainingJobName"])
    assert training["TuningJobArn"] == job["HyperParameterTuningJobArn"]
    assert training["HyperParameters"] == {
        "fixed": "yes",
        "_tuning_objective_metric": "score",
        **best["TunedHyperParameters"],
    }


def test_minimize_and_scaling(tuner: Tuner):
    ranges = {
        "ContinuousParameterRanges": [
            {**CONTINUOUS, "MinValue": "0.0001", "ScalingType": "Logarithmic"},
            {"Name": "r", "MinValue": "0.9", "MaxValue": "0.9999", "ScalingType": "ReverseLogarithmic"},
        ]
    }
    limits = {"MaxNumberOfTrainingJobs": 10, "MaxParallelTrainingJobs": 4}
    job = tuner.run(tuner.request(ranges=ranges, kind="Minimize", Strategy="Random", RandomSeed=3, limits=limits))
    trials = tuner.trials(job)
    values = [trial["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for trial in trials]
    assert job["BestTrainingJob"]["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] == min(values)
    xs = [float(tuned["x"]) for tuned in parameters(trials)]
    assert sum(x < 0.05 for x in xs) >= 4, "a linear search would hardly look there"
    rs = [float(tuned["r"]) for tuned in parameters(trials)]
    assert all(0.9 <= r <= 0.9999 for r in rs) and sum(r > 0.99 for r in rs) >= 3


@pytest.mark.parametrize("strategy", ["Bayesian", "Random"])
def test_equal_seeds_give_equal_candidates_whatever_finishes_first(tuner: Tuner, strategy: str):
    limits = {"MaxNumberOfTrainingJobs": 7, "MaxParallelTrainingJobs": 2}
    slow_first = SCORE + "\nimport random; time.sleep(random.random() * 0.2)"
    searches = []
    for seed in (7, 7, 8):
        job = tuner.run(tuner.request(slow_first, Strategy=strategy, RandomSeed=seed, limits=limits))
        searches.append(parameters(tuner.trials(job)))
    assert searches[0] == searches[1]
    assert searches[0] != searches[2]


def test_grid_covers_every_combination_once(tuner: Tuner):
    ranges = {
        "CategoricalParameterRanges": [
            {"Name": "x", "Values": ["0.1", "0.2"]},
            {"Name": "k", "Values": ["1", "2", "3"]},
        ]
    }
    job = tuner.run(tuner.request(Strategy="Grid", ranges=ranges, limits={"MaxNumberOfTrainingJobs": None}))
    found = [(tuned["x"], tuned["k"]) for tuned in parameters(tuner.trials(job))]
    assert sorted(found) == [(x, k) for x in ("0.1", "0.2") for k in ("1", "2", "3")]


LONG = """
import json, time
x = float(json.load(open("/opt/ml/input/config/hyperparameters.json"))["x"])
for epoch in range(30):
    print(f"score={x};", flush=True)
    time.sleep(0.1)
"""


def test_hyperband_gives_up_the_worse_trials(tuner: Tuner):
    band = {"HyperbandStrategyConfig": {"MinResource": 1, "MaxResource": 9}}
    script = LONG.replace("range(30)", "range(9)")
    limits = {"MaxNumberOfTrainingJobs": 9, "MaxParallelTrainingJobs": 3}
    job = tuner.run(tuner.request(script, Strategy="Hyperband", StrategyConfig=band, RandomSeed=5, limits=limits))
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    trials = tuner.trials(job)
    stopped = [trial for trial in trials if trial["TrainingJobStatus"] == "Stopped"]
    assert stopped and len(stopped) < len(trials)
    best = max(float(trial["TunedHyperParameters"]["x"]) for trial in trials)
    assert float(job["BestTrainingJob"]["TunedHyperParameters"]["x"]) == best
    assert all(trial["ObjectiveStatus"] == "Succeeded" for trial in trials)


def test_early_stopping_ends_trials_below_the_median(tuner: Tuner):
    ranges = {"CategoricalParameterRanges": [{"Name": "x", "Values": ["0.9", "0.8", "0.1"]}]}
    made = tuner.request(
        LONG.replace("range(30)", "range(8)"),
        Strategy="Grid",
        ranges=ranges,
        TrainingJobEarlyStoppingType="Auto",
        limits={"MaxNumberOfTrainingJobs": 3, "MaxParallelTrainingJobs": 1},
    )
    job = tuner.run(made)
    statuses = {trial["TunedHyperParameters"]["x"]: trial["TrainingJobStatus"] for trial in tuner.trials(job)}
    assert statuses == {"0.9": "Completed", "0.8": "Completed", "0.1": "Stopped"}
    assert job["TrainingJobStatusCounters"]["Stopped"] == 1


def test_a_failing_trial_does_not_fail_the_job_but_all_do(tuner: Tuner):
    ranges = {"CategoricalParameterRanges": [{"Name": "x", "Values": ["0.1", "0.9"]}]}
    some = SCORE + "\nassert x < 0.5, 'too large'"
    limits = {"MaxNumberOfTrainingJobs": 2}
    job = tuner.run(tuner.request(some, Strategy="Grid", ranges=ranges, limits=limits))
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert job["TrainingJobStatusCounters"]["NonRetryableError"] == 1
    assert job["ObjectiveStatusCounters"] == {"Succeeded": 1, "Pending": 0, "Failed": 1}
    listed = tuner.trials(job, SortBy="FinalObjectiveMetricValue")
    assert [trial["TunedHyperParameters"]["x"] for trial in listed] == ["0.1"]
    every = tuner.run(tuner.request("raise ValueError('broken')", limits=limits))
    assert every["HyperParameterTuningJobStatus"] == "Failed"
    assert "2 attempts" in every["FailureReason"] and "ValueError: broken" in every["FailureReason"]
    silent = tuner.run(tuner.request("print('no metric')", limits=limits))
    assert silent["HyperParameterTuningJobStatus"] == "Failed" and "objective metric" in silent["FailureReason"]


def test_stop_ends_running_trials(tuner: Tuner):
    made = tuner.request(LONG.replace("range(30)", "range(3000)"))
    name = made["HyperParameterTuningJobName"]
    tuner.client.create_hyper_parameter_tuning_job(**made)
    wait_until(lambda: any(t.get("TrainingStartTime") for t in tuner.trials(made)))
    tuner.client.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    job = tuner.end(name)
    assert job["HyperParameterTuningJobStatus"] == "Stopped"
    trials = tuner.trials(job)
    assert 1 <= len(trials) <= 2 and all(trial["TrainingJobStatus"] == "Stopped" for trial in trials)


def test_completion_criterion_ends_the_search(tuner: Tuner):
    criteria = {"TargetObjectiveMetricValue": 0.1}
    limits = {"MaxNumberOfTrainingJobs": 50, "MaxParallelTrainingJobs": 1}
    job = tuner.run(tuner.request(TuningJobCompletionCriteria=criteria, limits=limits))
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert len(tuner.trials(job)) == 1


def test_warm_start_learns_from_the_parent(tuner: Tuner):
    parent = tuner.run(tuner.request(RandomSeed=11, limits={"MaxNumberOfTrainingJobs": 8}))
    limits = {"MaxNumberOfTrainingJobs": 3, "MaxParallelTrainingJobs": 1}
    child = tuner.request(RandomSeed=11, limits=limits)
    parents = [{"HyperParameterTuningJobName": parent["HyperParameterTuningJobName"]}]
    child["WarmStartConfig"] = {
        "ParentHyperParameterTuningJobs": parents,
        "WarmStartType": "IdenticalDataAndAlgorithm",
    }
    warm = tuner.run(child)
    cold = tuner.run(tuner.request(RandomSeed=11, limits=limits))
    assert warm["HyperParameterTuningJobStatus"] == "Completed" and "OverallBestTrainingJob" in warm
    assert parameters(tuner.trials(warm)) != parameters(tuner.trials(cold))


def test_several_definitions_take_turns(tuner: Tuner):
    made = tuner.request(limits={"MaxNumberOfTrainingJobs": 4})
    definition = made.pop("TrainingJobDefinition")
    config = made["HyperParameterTuningJobConfig"]
    extra = {
        "TuningObjective": config.pop("HyperParameterTuningJobObjective"),
        "HyperParameterRanges": config.pop("ParameterRanges"),
    }
    made["TrainingJobDefinitions"] = [{**definition, **extra, "DefinitionName": name} for name in ("one", "two")]
    job = tuner.run(made)
    assert [trial["TrainingJobDefinitionName"] for trial in tuner.trials(job)] == ["one", "two", "one", "two"]
    assert job["BestTrainingJob"]["TrainingJobDefinitionName"] in ("one", "two")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Strategy": "Grid"}, "categorical parameters only"),
        ({"Strategy": "Hyperband", "TrainingJobEarlyStoppingType": "Auto"}, "Hyperband"),
        ({"limits": {"MaxNumberOfTrainingJobs": None}}, "MaxNumberOfTrainingJobs"),
        ({"ranges": {"ContinuousParameterRanges": [{**CONTINUOUS, "MinValue": "2"}]}}, "x .*above"),
        ({"ranges": {"ContinuousParameterRanges": [{**CONTINUOUS, "ScalingType": "Logarithmic"}]}}, "above 0"),
        ({"ranges": {"ContinuousParameterRanges": [{**CONTINUOUS, "Name": "fixed"}]}}, "static"),
        ({"HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "other"}}, "no other, the objective"),
    ],
)
def test_wrong_requests_name_what_is_wrong(tuner: Tuner, change: dict, message: str):
    with pytest.raises(botocore.exceptions.ClientError, match=message):
        tuner.client.create_hyper_parameter_tuning_job(**tuner.request(**change))


BUILTIN = {"Type": "Maximize", "MetricName": "validation:map"}
ROUNDS = """
import json
eta = float(json.load(open("/opt/ml/input/config/hyperparameters.json"))["eta"])
print("[0]\\tvalidation-map:0.1"); print(f"[1]\\tvalidation-auc:0.9\\tvalidation-map:{1 - eta}")
"""


def builtin_request(tuner: Tuner, image: str, **algorithm: Any) -> dict[str, Any]:
    ranges = {"ContinuousParameterRanges": [{"Name": "eta", "MinValue": "0.1", "MaxValue": "0.5"}]}
    made = tuner.request(ROUNDS, ranges=ranges, limits={"MaxNumberOfTrainingJobs": 2})
    made["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"] = BUILTIN
    specification = {"TrainingImage": image, "TrainingInputMode": "File", **algorithm}
    made["TrainingJobDefinition"]["AlgorithmSpecification"] = specification
    return made


def test_aws_own_xgboost_image_is_tuned_by_its_published_metrics(tuner: Tuner, cloud: Cloud, where: str):
    made = builtin_request(tuner, XGBOOST)
    source = jobs.training_request(cloud, where, ROUNDS)
    made["TrainingJobDefinition"]["StaticHyperParameters"] = source["HyperParameters"]
    made["TrainingJobDefinition"]["InputDataConfig"] = source["InputDataConfig"]
    job = tuner.run(made)
    assert job["HyperParameterTuningJobStatus"] == "Completed", job.get("FailureReason")
    best = job["BestTrainingJob"]
    found = best["FinalHyperParameterTuningJobObjectiveMetric"]
    assert found["MetricName"] == "validation:map"
    assert found["Value"] == pytest.approx(1 - float(best["TunedHyperParameters"]["eta"]), abs=1e-6)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"MetricDefinitions": [{"Name": "validation:map", "Regex": "map=(.*)"}]}, "MetricDefinitions"),
        ({"range": "reg_lambda"}, "reg_lambda"),
        ({"objective": "validation:average_precision"}, "validation:average_precision"),
    ],
)
def test_aws_own_xgboost_image_refuses_to_be_tuned_otherwise(tuner: Tuner, change: dict, named: str):
    definitions = {key: value for key, value in change.items() if key == "MetricDefinitions"}
    made = builtin_request(tuner, XGBOOST, **definitions)
    config = made["HyperParameterTuningJobConfig"]
    if "range" in change:
        config["ParameterRanges"]["ContinuousParameterRanges"][0]["Name"] = change["range"]
    if "objective" in change:
        config["HyperParameterTuningJobObjective"] = {**BUILTIN, "MetricName": change["objective"]}
    with pytest.raises(botocore.exceptions.ClientError, match=named):
        tuner.client.create_hyper_parameter_tuning_job(**made)
