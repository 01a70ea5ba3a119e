"""Prepare, tune and evaluate: the jobs of a run."""

from __future__ import annotations

from typing import Any

from stacks.retraining.containers import code_inputs, processing_input, processing_job, processing_output
from stacks.retraining.settings import RetrainingSettings
from stacks.retraining.states import FAILURE, States, assign, choice, jsonata, rule, task, text

# Average precision, by the name under which AWS's XGBoost image may be tuned for it.
OBJECTIVE = "validation:map"
CHANNELS = "/opt/ml/input/data"
# A job may wait for a machine before its own limit begins to count.
QUEUE_SECONDS = 3600
# Once more where another model was deployed while the first one ran.
MOST_EVALUATIONS = 2


_LIVE = "$states.result.Stacks[0].Parameters[ParameterKey = 'ModelPackageArn'].ParameterValue"
LIVE = f"$exists({_LIVE}) ? {_LIVE} : ''"


def training_states(settings: RetrainingSettings, *, evaluated: str) -> States:
    """From raw transactions to `evaluated`, where `$evaluation` holds the evaluation's report."""
    return {
        "Prepare": _prepare(settings),
        "Tune": _tune(settings),
        "Find failed trial": task(
            "aws-sdk:sagemaker:listTrainingJobsForHyperParameterTuningJob",
            step="tune",
            arguments={
                "HyperParameterTuningJobName": jsonata("$jobPrefix"),
                "StatusEquals": "Failed",
                "MaxResults": 1,
            },
            assign={"failure": jsonata(_with_reason_of_trial())},
            next_state=FAILURE,
            keep_failure=True,
            comment="The tuning job's own reason only says that its trials failed",
        ),
        "Candidate found?": choice([rule("$candidate != ''", "Find champion")], "No candidate"),
        "No candidate": assign(
            {
                "failure": {
                    "step": "tune",
                    "error": "NoCandidate",
                    "cause": f"no trial reported {OBJECTIVE}: see the training jobs' logs",
                }
            },
            "Find failed trial",
        ),
        **_champion_states(settings),
        "Evaluate": _evaluate(settings),
        "Read evaluation": task(
            "aws-sdk:s3:getObject",
            step="read the evaluation",
            arguments={
                "Bucket": settings.artifacts_bucket,
                "Key": jsonata("'runs/' & $runId & '/evaluation/evaluation.json'"),
            },
            assign={"evaluation": jsonata(_summary())},
            next_state=evaluated,
        ),
    }


def _prepare(settings: RetrainingSettings) -> dict[str, Any]:
    split = settings.training.split
    flags = [
        *("--train-days", str(split.train_days)),
        *("--validation-days", str(split.validation_days)),
        *("--test-days", str(split.test_days)),
    ]
    inputs = [
        *code_inputs(settings),
        processing_input("transactions", jsonata("$dataset")),
        processing_input("event-type", jsonata("$eventType")),
    ]
    outputs = [
        processing_output(name, jsonata(f"$runUri & '/prepare/{name}'"))
        for name in ("train", "validation", "test", "schema", "report")
    ]
    return task(
        "sagemaker:createProcessingJob.sync",
        step="prepare",
        arguments=processing_job(
            settings, job="prepare", module="training_code.prepare", flags=flags, inputs=inputs, outputs=outputs
        ),
        timeout_seconds=settings.training.processing.max_runtime_seconds + QUEUE_SECONDS,
        next_state="Tune",
    )


def _tune(settings: RetrainingSettings) -> dict[str, Any]:
    training = settings.training
    submit = f'"{CHANNELS}/code/{settings.code_file}"'
    toolkit = {"sagemaker_program": '"train.py"', "sagemaker_submit_directory": submit}
    channels = [
        *(_channel(name, jsonata(f"$runUri & '/prepare/{name}'")) for name in ("train", "validation", "schema")),
        _channel("code", settings.code_uri),
        _channel("wheels", settings.wheels_uri),
    ]
    arguments = {
        "HyperParameterTuningJobName": jsonata("$jobPrefix"),
        "HyperParameterTuningJobConfig": {
            "Strategy": training.strategy,
            "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": OBJECTIVE},
            "ResourceLimits": {
                "MaxNumberOfTrainingJobs": jsonata("$maxTrials"),
                "MaxParallelTrainingJobs": jsonata("$parallelTrials"),
            },
            "ParameterRanges": jsonata("$ranges"),
            "TrainingJobEarlyStoppingType": training.early_stopping,
            "RandomSeed": training.random_seed,
        },
        "TrainingJobDefinition": {
            "StaticHyperParameters": jsonata(f"$merge([{_object(toolkit)}, $fixed])"),
            "AlgorithmSpecification": {
                "TrainingImage": settings.trial_image,
                "TrainingInputMode": "File",
                **_metric_definitions(settings),
            },
            "RoleArn": settings.training_role,
            "InputDataConfig": channels,
            "OutputDataConfig": {
                "S3OutputPath": jsonata("$runUri & '/models'"),
                "KmsKeyId": settings.data_key,
            },
            "ResourceConfig": {
                "InstanceCount": 1,
                "InstanceType": training.trial.instance_type,
                "VolumeSizeInGB": training.trial.volume_gib,
                "VolumeKmsKeyId": settings.data_key,
            },
            "StoppingCondition": {"MaxRuntimeInSeconds": training.trial.max_runtime_seconds},
            **settings.placement.job(),
        },
        "Tags": settings.tag_list(),
    }
    best = "$states.result.BestTrainingJob.TrainingJobName"
    return task(
        "sagemaker:createHyperParameterTuningJob.sync",
        step="tune",
        arguments=arguments,
        timeout_seconds=training.max_run_seconds,
        assign={
            "candidate": jsonata(f"$exists({best}) ? {best} : ''"),
            "candidateUri": jsonata(f"$runUri & '/models/' & $string({best}) & '/output/model.tar.gz'"),
            "candidateHyperparameters": jsonata(
                "$exists($states.result.BestTrainingJob.TunedHyperParameters) "
                "? $states.result.BestTrainingJob.TunedHyperParameters : {}"
            ),
        },
        next_state="Candidate found?",
        on_error="Find failed trial",
    )


def _metric_definitions(settings: RetrainingSettings) -> dict[str, Any]:
    """How trials' output is read; SageMaker knows that of its own XGBoost image, and refuses to be told."""
    if settings.trial_image == settings.image:
        return {}
    metrics = ("validation:auc", OBJECTIVE)
    return {
        "MetricDefinitions": [
            {"Name": name, "Regex": rf"\[[0-9]+\].*{name.replace(':', '-')}:(\S+)"} for name in metrics
        ]
    }


def _champion_states(settings: RetrainingSettings) -> States:
    prepared = {name: jsonata(f"$runUri & '/prepare/{name}'") for name in ("test", "validation", "schema")}
    inputs = [
        *code_inputs(settings),
        processing_input("candidate", jsonata("$candidateUri")),
        *(processing_input(name, uri) for name, uri in prepared.items()),
    ]
    model = "$states.result.InferenceSpecification.Containers[0].ModelDataUrl"
    return {
        "Find champion": task(
            "aws-sdk:cloudformation:describeStacks",
            step="find the champion",
            arguments={"StackName": settings.serving_stack},
            assign={
                "championArn": jsonata(LIVE),
                "evaluationInputs": inputs,
                "championInputs": [],
                "evaluations": jsonata("$evaluations + 1"),
            },
            next_state="Champion?",
            comment="The champion is the model that the serving stack runs",
        ),
        "Champion?": choice([rule("$championArn != ''", "Describe champion")], "Evaluate"),
        "Describe champion": task(
            "aws-sdk:sagemaker:describeModelPackage",
            step="find the champion",
            arguments={"ModelPackageName": jsonata("$championArn")},
            assign={"championInputs": [processing_input("champion", jsonata(model))]},
            next_state="Evaluate",
        ),
    }


def _evaluate(settings: RetrainingSettings) -> dict[str, Any]:
    gate = settings.training.gate
    flags = [
        *("--gate-metric", gate.metric),
        *("--gate-margin", f"{gate.margin:g}"),
        *("--gate-floor", f"{gate.floor:g}"),
        *("--bootstrap-samples", str(gate.bootstrap_samples)),
        *("--review-budgets", ",".join(map(str, gate.review_budgets))),
        *(flag for kind in settings.monitors for flag in ("--monitor", kind)),
        *(flag for facet in settings.facets or () for flag in ("--facet", facet)),
        *("--probability-threshold", f"{settings.probability_threshold:g}"),
        *("--explanation-samples", str(settings.explanation_samples)),
    ]
    outputs = [processing_output(name, jsonata(f"$runUri & '/{name}'")) for name in ("evaluation", "baseline")]
    inputs = jsonata("$append($evaluationInputs, $championInputs)")
    job = processing_job(
        settings, job="evaluate", module="training_code.evaluate", flags=flags, inputs=inputs, outputs=outputs
    )
    job["ProcessingJobName"] = jsonata(
        "$jobPrefix & '-evaluate' & ($evaluations = 1 ? '' : '-' & $string($evaluations))"
    )
    return task(
        "sagemaker:createProcessingJob.sync",
        step="evaluate",
        arguments=job,
        timeout_seconds=settings.training.processing.max_runtime_seconds + QUEUE_SECONDS,
        next_state="Read evaluation",
    )


def _channel(name: str, uri: str) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}, "InputMode": "File"}


def _object(values: dict[str, str]) -> str:
    """A JSONata object of string literals."""
    return "{" + ", ".join(f"{text(key)}: {text(value)}" for key, value in values.items()) + "}"


def _summary() -> str:
    """What decides and what people want to see; curves and tables stay in the file."""
    parts = ("gate", "candidate", "champion", "difference", "test")
    return "$parse($states.result.Body).{" + ", ".join(f"'{part}': {part}" for part in parts) + "}"


def _with_reason_of_trial() -> str:
    trial = "$states.result.TrainingJobSummaries[0]"
    return (
        f"$exists({trial}.FailureReason) ? $merge([$failure, {{'trialCause': "
        f"'trial ' & {trial}.TrainingJobName & ' failed: ' & {trial}.FailureReason}}]) : $failure"
    )
