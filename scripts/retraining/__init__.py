"""Retraining as a library: what ``python -m scripts.retrain`` does, for other commands to call."""

from scripts.retraining.errors import InputError, OperatorError
from scripts.retraining.flow import Detached, retrain
from scripts.retraining.options import Options, RetrainResult

__all__ = ["Detached", "InputError", "OperatorError", "Options", "RetrainResult", "retrain"]
