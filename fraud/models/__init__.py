"""Models of fraud: one trainer interface, the algorithms behind it, calibration and the model package.

Everything here needs numpy and the algorithm's own library only, because the endpoint imports it too.
"""

from fraud.models.base import OBJECTIVE, Model, Report, Split, Trainer, TrainingError
from fraud.models.hyperparameters import HyperparameterError, Parameter, parse
from fraud.models.registry import algorithms, load_model, trainer

__all__ = [
    "OBJECTIVE",
    "HyperparameterError",
    "Model",
    "Parameter",
    "Report",
    "Split",
    "Trainer",
    "TrainingError",
    "algorithms",
    "load_model",
    "parse",
    "trainer",
]
