"""Evaluation of models on a hold-out: metrics, intervals, costs and the gate."""

from fraud.evaluation.gate import GateDecision, decide
from fraud.evaluation.holdout import HoldOut
from fraud.evaluation.metrics import Evaluator

__all__ = ["Evaluator", "GateDecision", "HoldOut", "decide"]
