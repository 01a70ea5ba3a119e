"""Hyperparameters of each algorithm: the one place where their names, fixed values and ranges stand."""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

from pydantic import Field, model_validator

from stacks.config.base import Frozen

Scaling = Literal["Auto", "Linear", "Logarithmic", "ReverseLogarithmic"]


class IntegerRange(Frozen):
    """Whole numbers from `min` to `max`."""

    kind: Literal["integer"] = Field("integer", description="Always `integer`.")
    min: int = Field(description="Least value.")
    max: int = Field(description="Greatest value.")
    scaling: Scaling = Field("Auto", description="How the range is searched.")

    @model_validator(mode="after")
    def _ordered(self) -> IntegerRange:
        return _check_order(self)


class ContinuousRange(Frozen):
    """Numbers from `min` to `max`."""

    kind: Literal["continuous"] = Field("continuous", description="Always `continuous`.")
    min: float = Field(description="Least value.")
    max: float = Field(description="Greatest value.")
    scaling: Scaling = Field("Auto", description="How the range is searched.")

    @model_validator(mode="after")
    def _ordered(self) -> ContinuousRange:
        return _check_order(self)


class CategoricalRange(Frozen):
    """One of the values."""

    kind: Literal["categorical"] = Field("categorical", description="Always `categorical`.")
    values: tuple[str, ...] = Field(min_length=1, description="The values to choose from.")


RangeT = TypeVar("RangeT", IntegerRange, ContinuousRange)
Range = Annotated[IntegerRange | ContinuousRange | CategoricalRange, Field(discriminator="kind")]


class AlgorithmConfig(Frozen):
    """One algorithm's hyperparameters."""

    static: dict[str, str] = Field({}, description="Hyperparameters with the same value in every trial.")
    ranges: dict[str, Range] = Field(
        min_length=1, max_length=30, description="Hyperparameters to search, each with its range."
    )


def _check_order(limits: RangeT) -> RangeT:
    if limits.min >= limits.max:
        raise ValueError(f"min ({limits.min}) must be less than max ({limits.max})")
    if limits.scaling == "Logarithmic" and limits.min <= 0:
        raise ValueError(f"min ({limits.min}) must be greater than 0 for Logarithmic scaling")
    return limits


def _integer(low: int, high: int, scaling: Scaling = "Auto") -> IntegerRange:
    return IntegerRange(min=low, max=high, scaling=scaling)


def _continuous(low: float, high: float, scaling: Scaling = "Auto") -> ContinuousRange:
    return ContinuousRange(min=low, max=high, scaling=scaling)


# Names and limits are those of the trainers in fraud/models; a test holds the two against each other. Ranges are of
# hyperparameters that SageMaker lets its XGBoost image tune, whatever the algorithm.
ALGORITHMS = {
    "xgboost": AlgorithmConfig(
        static={"num_round": "300", "early_stopping_rounds": "30"},
        ranges={
            "eta": _continuous(0.05, 0.3, "Logarithmic"),
            "max_depth": _integer(3, 7),
            # Rare fraud: hessians are small, and weights above a few leave no leaf for the frauds.
            "min_child_weight": _continuous(0.01, 5, "Logarithmic"),
            "subsample": _continuous(0.5, 1),
            "colsample_bytree": _continuous(0.4, 1),
            "lambda": _continuous(0.1, 20, "Logarithmic"),
        },
    ),
    "random-forest": AlgorithmConfig(
        static={"subsample": "0.25"},
        ranges={
            "num_round": _integer(50, 150),
            "max_depth": _integer(8, 24),
            "min_child_weight": _continuous(1, 30, "Logarithmic"),
            "colsample_bynode": _continuous(0.1, 0.4),
        },
    ),
    "logistic-regression": AlgorithmConfig(ranges={"lambda": _continuous(0.01, 1000, "Logarithmic")}),
}
