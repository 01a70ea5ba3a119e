"""What a tuning job's request asks for, checked as a whole before anything starts."""

from dataclasses import dataclass
from typing import Any

from optuna.distributions import CategoricalDistribution

from local_cloud.sagemaker import builtin_xgboost
from local_cloud.sagemaker.errors import ValidationError
from local_cloud.sagemaker.jobs import training
from local_cloud.sagemaker.tuning.space import Parameter, parse_ranges

Record = dict[str, Any]


@dataclass(frozen=True)
class Definition:
    """One TrainingJobDefinition.

    Attributes:
        name: DefinitionName, None for a single definition without one.
        parameters: the search space.
        metric, maximize: the objective.
        template: CreateTrainingJob's request without name and tuned hyperparameters.
    """

    name: str | None
    parameters: list[Parameter]
    metric: str
    maximize: bool
    template: Record


def read(request: Record) -> list[Definition]:
    """The definitions of a CreateHyperParameterTuningJob request.

    Raises:
        ValidationError: naming the member that cannot be, or is not offered here.
    """
    config = request["HyperParameterTuningJobConfig"]
    single, several = request.get("TrainingJobDefinition"), request.get("TrainingJobDefinitions")
    if bool(single) == bool(several):
        raise ValidationError("Give exactly one of TrainingJobDefinition and TrainingJobDefinitions.")
    if request.get("Autotune"):
        raise ValidationError("Autotune does not exist in the local cloud; give ParameterRanges.")
    _check_config(config)
    if single:
        definitions = [_definition(single, config, "TrainingJobDefinition")]
    else:
        definitions = [_definition(d, {}, f"TrainingJobDefinitions[{n}]") for n, d in enumerate(several or [])]
        names = [definition.name for definition in definitions]
        if None in names or len(set(names)) < len(names):
            raise ValidationError("Each of TrainingJobDefinitions needs a DefinitionName of its own.")
        if len({definition.maximize for definition in definitions}) > 1:
            raise ValidationError("All TuningObjectives must be of one Type, or no candidate could be the best.")
    if config["Strategy"] == "Grid":
        for definition in definitions:
            _check_grid(definition)
    return definitions


def _check_config(config: Record) -> None:
    limits, strategy = config["ResourceLimits"], config["Strategy"]
    if "MaxNumberOfTrainingJobs" not in limits and strategy != "Grid":
        raise ValidationError("ResourceLimits.MaxNumberOfTrainingJobs must be given for this strategy.")
    if strategy == "Hyperband" and config.get("TrainingJobEarlyStoppingType") == "Auto":
        raise ValidationError("TrainingJobEarlyStoppingType must be Off with Hyperband, which stops jobs itself.")
    if "StrategyConfig" in config and strategy != "Hyperband":
        raise ValidationError("StrategyConfig is for the strategy Hyperband alone.")
    band = config.get("StrategyConfig", {}).get("HyperbandStrategyConfig", {})
    if band.get("MinResource", 1) > band.get("MaxResource", band.get("MinResource", 1)):
        raise ValidationError("HyperbandStrategyConfig.MinResource is above MaxResource.")
    criteria = config.get("TuningJobCompletionCriteria", {})
    if criteria.get("ConvergenceDetected", {}).get("CompleteOnConvergence") == "Enabled":
        raise ValidationError(
            "TuningJobCompletionCriteria.ConvergenceDetected does not exist in the local cloud; "
            "BestObjectiveNotImproving and TargetObjectiveMetricValue do."
        )


def _definition(definition: Record, config: Record, member: str) -> Definition:
    ranges = definition.get("HyperParameterRanges") or config.get("ParameterRanges")
    if ranges is None:
        raise ValidationError(f"{member}: HyperParameterRanges (or the job's ParameterRanges) must be given.")
    objective = definition.get("TuningObjective") or config.get("HyperParameterTuningJobObjective")
    if objective is None:
        raise ValidationError(f"{member}: TuningObjective (or the job's objective) must be given.")
    training.check(definition, f"{member}.")
    algorithm = definition["AlgorithmSpecification"]
    builtin_xgboost.check_tuning(algorithm, ranges, member)
    metrics = [metric["Name"] for metric in builtin_xgboost.metric_definitions(algorithm)]
    if objective["MetricName"] not in metrics:
        raise ValidationError(
            f"{member}.AlgorithmSpecification.MetricDefinitions has no {objective['MetricName']}, the objective metric."
        )
    parameters = parse_ranges(ranges, f"{member} ranges")
    static = definition.get("StaticHyperParameters", {})
    for parameter in parameters:
        if parameter.name in static:
            raise ValidationError(f"{member}: {parameter.name} is both a static hyperparameter and a range.")
    return Definition(
        definition.get("DefinitionName"),
        parameters,
        objective["MetricName"],
        objective["Type"] == "Maximize",
        _template(definition, objective["MetricName"]),
    )


def _template(definition: Record, metric: str) -> Record:
    copied = (
        "AlgorithmSpecification", "RoleArn", "InputDataConfig", "VpcConfig", "OutputDataConfig", "ResourceConfig",
        "StoppingCondition", "EnableNetworkIsolation", "EnableInterContainerTrafficEncryption",
        "EnableManagedSpotTraining", "CheckpointConfig", "RetryStrategy", "Environment",
    )  # fmt: skip
    template = {key: definition[key] for key in copied if key in definition}
    if resources := definition.get("HyperParameterTuningResourceConfig"):
        first = (resources.get("InstanceConfigs") or [resources])[0]
        members = ("InstanceType", "InstanceCount", "VolumeSizeInGB")
        template["ResourceConfig"] = {key: first[key] for key in members if key in first}
    # The container learns its objective by this name, as on AWS.
    template["HyperParameters"] = {**definition.get("StaticHyperParameters", {}), "_tuning_objective_metric": metric}
    return template


def _check_grid(definition: Definition) -> None:
    for parameter in definition.parameters:
        if not isinstance(parameter.distribution, CategoricalDistribution):
            raise ValidationError(f"Grid search takes categorical parameters only; {parameter.name} is a range.")
