"""What SageMaker's service knows of its own XGBoost image, whose script mode it treats as the built-in algorithm.

Metrics: AWS's page "Tune an XGBoost model" lists those that may be tuned for; they are read from lines such as
``[12]#011validation-map:0.71``. That tuning refuses other metrics and hyperparameters is reported in
aws/sagemaker-python-sdk#2226 and aws/sagemaker-xgboost-container#113 and #121; the wording here is our own.
"""

import re
from typing import Any

from local_cloud.sagemaker.errors import ValidationError

_REPOSITORY = re.compile(r"^\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/sagemaker-xgboost[:@]")
_METRICS = (
    "accuracy", "auc", "error", "f1", "logloss", "mae", "map", "merror", "mlogloss", "mse", "ndcg", "rmse",
)  # fmt: skip
_INTEGER = {"max_delta_step", "max_depth", "num_round"}
_CONTINUOUS = {
    "alpha", "colsample_bylevel", "colsample_bynode", "colsample_bytree", "eta", "gamma", "lambda",
    "min_child_weight", "subsample",
}  # fmt: skip


def is_builtin(algorithm: dict[str, Any]) -> bool:
    """Whether an AlgorithmSpecification names AWS's own XGBoost image."""
    return bool(_REPOSITORY.match(algorithm.get("TrainingImage", "")))


def metric_definitions(algorithm: dict[str, Any]) -> list[dict[str, str]]:
    """The request's MetricDefinitions and, for AWS's XGBoost image, those that the service brings."""
    given = algorithm.get("MetricDefinitions", [])
    if not is_builtin(algorithm):
        return given
    names = {item["Name"] for item in given}
    published = [
        {"Name": f"{split}:{metric}", "Regex": rf".*\[[0-9]+\].*#011{split}-{metric}:(\S+)"}
        for split in ("train", "validation")
        for metric in _METRICS
    ]
    return given + [item for item in published if item["Name"] not in names]


def check_tuning(algorithm: dict[str, Any], ranges: dict[str, list[dict[str, Any]]], member: str) -> None:
    """Refuse what the service refuses when AWS's XGBoost image is tuned.

    Raises:
        ValidationError: own MetricDefinitions, or a range that is not tunable or of another type.
    """
    if not is_builtin(algorithm):
        return
    if algorithm.get("MetricDefinitions"):
        raise ValidationError(
            f"{member}.AlgorithmSpecification.MetricDefinitions: the metrics of SageMaker's own XGBoost image cannot "
            "be overridden; leave them out, or tune a copy of the image in a registry of your own."
        )
    allowed = {"IntegerParameterRanges": _INTEGER, "ContinuousParameterRanges": _CONTINUOUS}
    for kind, items in ranges.items():
        for item in items:
            tunable = allowed.get(kind, set())
            if item.get("Name") not in tunable:
                raise ValidationError(
                    f"{kind}: hyperparameter {item.get('Name')} of SageMaker's own XGBoost image is not tunable there; "
                    f"tunable are {', '.join(sorted(_INTEGER))} (integer) and {', '.join(sorted(_CONTINUOUS))} "
                    "(continuous)."
                )
