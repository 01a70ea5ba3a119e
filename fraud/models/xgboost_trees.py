"""Gradient-boosted trees by XGBoost, set up for rare fraud.

XGBoost 3 starts from the mean of the labels. With one fraud in a thousand each row's hessian is then p(1-p),
about 0.001, so a leaf needs a thousand rows to pass `min_child_weight=1`: the few rows that carry the signal can
never be split off and the model stays blind. Starting from 0.5 gives each row a hessian of 0.25, and a
`min_child_weight` below 1 keeps later rounds able to split.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xgboost

from fraud.models.base import OBJECTIVE, Report, Split
from fraud.models.hyperparameters import Parameter
from fraud.models.ranking import average_precision

MODEL_FILE = "xgboost.ubj"
METRIC = "average_precision"
REPORT_EVERY = 10


class XGBoostModel:
    """Boosted trees; missing values follow each split's default direction."""

    algorithm = "xgboost"

    def __init__(self, booster: xgboost.Booster) -> None:
        self.booster = booster

    def predict_proba(self, features: np.ndarray) -> np.ndarray:
        """Score features of shape (rows, features); return float64 scores in [0, 1]."""
        features = np.ascontiguousarray(features, dtype=np.float32)
        return np.asarray(self.booster.inplace_predict(features), dtype=np.float64)

    def contributions(self, features: np.ndarray) -> np.ndarray:
        """Return TreeSHAP values of shape (rows, features): exact Shapley values of the trees' log-odds."""
        rows = xgboost.DMatrix(np.ascontiguousarray(features, dtype=np.float32))
        return self.booster.predict(rows, pred_contribs=True)[:, :-1].astype(np.float64)

    def takes(self, features: int) -> bool:
        """Return whether rows of so many features can be what it was trained on."""
        return self.booster.num_features() == features

    def save(self, folder: Path) -> None:
        """Write the booster in XGBoost's portable binary form."""
        self.booster.save_model(folder / MODEL_FILE)

    @classmethod
    def load(cls, folder: Path) -> XGBoostModel:
        """Read what `save` wrote."""
        return cls(xgboost.Booster(model_file=folder / MODEL_FILE))


class XGBoostTrainer:
    """Trains on `train`, stops early on the average precision of `validation`."""

    algorithm = "xgboost"
    parameters = (
        Parameter("num_round", int, 300, 1, 10_000, "most rounds of boosting"),
        Parameter("early_stopping_rounds", int, 30, 1, 10_000, "rounds without progress before stopping"),
        Parameter("eta", float, 0.07, 1e-4, 1.0, "learning rate"),
        Parameter("max_depth", int, 5, 1, 20, "levels of a tree"),
        Parameter("min_child_weight", float, 0.1, 0.0, 1e6, "least sum of hessians in a leaf"),
        Parameter("gamma", float, 0.0, 0.0, 1e6, "least gain of a split"),
        Parameter("subsample", float, 0.8, 0.05, 1.0, "share of rows for each tree"),
        Parameter("colsample_bytree", float, 0.5, 0.05, 1.0, "share of features for each tree"),
        Parameter("lambda", float, 1.0, 0.0, 1e6, "L2 penalty on leaf values"),
        Parameter("alpha", float, 0.0, 0.0, 1e6, "L1 penalty on leaf values"),
        Parameter("scale_pos_weight", float, 1.0, 0.01, 1e5, "weight of a fraud against a genuine row"),
        Parameter("max_bin", int, 512, 16, 65_536, "bins of the histogram; few bins cost precision"),
        Parameter("seed", int, 0, 0, 2**31 - 1, "seed of all sampling"),
    )

    def fit(
        self,
        train: Split,
        validation: Split,
        hyperparameters: Mapping[str, Any],
        report: Report,
        threads: int = 1,
    ) -> XGBoostModel:
        """Train; see `Trainer.fit`. The trees kept are those of the best round on `validation`."""
        train.require_both_classes("train")
        validation.require_both_classes("validation")
        settings = dict(hyperparameters)
        rounds = settings.pop("num_round")
        patience = settings.pop("early_stopping_rounds")
        settings |= {
            "objective": "binary:logistic",
            "base_score": 0.5,
            "tree_method": "hist",
            "nthread": threads,
            "disable_default_eval_metric": True,
            "verbosity": 1,
        }
        stop = xgboost.callback.EarlyStopping(rounds=patience, metric_name=METRIC, maximize=True, save_best=True)
        learn = xgboost.QuantileDMatrix(train.features, train.labels, max_bin=settings["max_bin"], nthread=threads)
        watch = xgboost.DMatrix(validation.features, validation.labels, nthread=threads)
        booster = xgboost.train(
            settings,
            learn,
            num_boost_round=rounds,
            evals=[(watch, "validation")],
            custom_metric=_average_precision,
            callbacks=[_Progress(report), stop],
            verbose_eval=False,
        )
        # Round numbers and scores of the search would make the file depend on how it was found.
        booster.set_attr(best_iteration=None, best_score=None)
        return XGBoostModel(booster)


def _average_precision(scores: np.ndarray, data: xgboost.DMatrix) -> tuple[str, float]:
    return METRIC, average_precision(data.get_label(), scores)


class _Progress(xgboost.callback.TrainingCallback):
    def __init__(self, report: Report) -> None:
        self._report = report

    def after_iteration(self, model: xgboost.Booster, epoch: int, evals_log: Any) -> bool:
        if epoch % REPORT_EVERY == 0:
            value = evals_log["validation"][METRIC][-1]
            self._report(epoch, {OBJECTIVE: float(value)})
        return False


TRAINER = XGBoostTrainer()
MODEL = XGBoostModel
