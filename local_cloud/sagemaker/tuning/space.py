"""Search spaces: SageMaker's ParameterRanges as Optuna distributions, and values as the strings that jobs get."""

from dataclasses import dataclass
from typing import Any

import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from local_cloud.sagemaker.errors import ValidationError

Record = dict[str, Any]
# With Auto, a range over three orders of magnitude or more is searched by its logarithm.
_AUTO_LOG_RATIO = 1000.0


@dataclass(frozen=True)
class Parameter:
    """One tuned hyperparameter.

    ``reverse`` means ReverseLogarithmic: Optuna searches 1 - value by its logarithm.
    """

    name: str
    distribution: IntDistribution | FloatDistribution | CategoricalDistribution
    reverse: bool = False

    def suggest(self, trial: optuna.Trial) -> str:
        """A candidate as the text of a hyperparameter."""
        space = self.distribution
        if isinstance(space, IntDistribution):
            return str(trial.suggest_int(self.name, space.low, space.high, log=space.log))
        if isinstance(space, FloatDistribution):
            value = trial.suggest_float(self.name, space.low, space.high, log=space.log)
            return repr(1.0 - value if self.reverse else value)
        assert isinstance(space, CategoricalDistribution)
        return str(trial.suggest_categorical(self.name, space.choices))

    def parse(self, text: str) -> Any:
        """The internal value of a hyperparameter's text; None when it lies outside of the range."""
        space = self.distribution
        if not isinstance(space, IntDistribution | FloatDistribution):
            return text if text in space.choices else None
        try:
            value = int(text) if isinstance(space, IntDistribution) else float(text)
        except ValueError:
            return None
        value = 1.0 - value if self.reverse else value
        return value if space.low <= value <= space.high else None


def parse_ranges(ranges: Record, member: str) -> list[Parameter]:
    """Parameters of a ParameterRanges structure, in its order: integer, continuous, categorical.

    Raises:
        ValidationError: naming the range and what is wrong with it.
    """
    if ranges.get("AutoParameters"):
        raise ValidationError(f"{member}.AutoParameters (Autotune) do not exist in the local cloud; give ranges.")
    parameters = [_numeric(entry, member, True) for entry in ranges.get("IntegerParameterRanges", [])]
    parameters += [_numeric(entry, member, False) for entry in ranges.get("ContinuousParameterRanges", [])]
    for entry in ranges.get("CategoricalParameterRanges", []):
        parameters.append(Parameter(entry["Name"], CategoricalDistribution(tuple(entry["Values"]))))
    names = [parameter.name for parameter in parameters]
    for name in names:
        if names.count(name) > 1:
            raise ValidationError(f"{member}: the parameter {name} has two ranges.")
    if not parameters:
        raise ValidationError(f"{member} must have at least one range.")
    return parameters


def _numeric(entry: Record, member: str, integer: bool) -> Parameter:
    name, scaling = entry["Name"], entry.get("ScalingType", "Auto")
    convert = int if integer else float
    try:
        low, high = convert(entry["MinValue"]), convert(entry["MaxValue"])
    except ValueError:
        kind = "integers" if integer else "numbers"
        raise ValidationError(f"{member}: MinValue and MaxValue of {name} must be {kind}.") from None
    if low > high:
        raise ValidationError(f"{member}: MinValue of {name} ({low}) is above its MaxValue ({high}).")
    if scaling == "ReverseLogarithmic":
        if integer or not 0 <= low <= high < 1:
            raise ValidationError(f"{member}: ReverseLogarithmic ({name}) needs a continuous range within 0 ≤ x < 1.")
        return Parameter(name, FloatDistribution(1.0 - high, 1.0 - low, log=True), reverse=True)
    if scaling == "Logarithmic" and low <= 0:
        raise ValidationError(f"{member}: Logarithmic ({name}) needs a MinValue above 0, and has {low}.")
    log = scaling == "Logarithmic" or (scaling == "Auto" and low > 0 and high / low >= _AUTO_LOG_RATIO)
    if integer:
        return Parameter(name, IntDistribution(low, high, log=log))
    return Parameter(name, FloatDistribution(low, high, log=log))
