"""BentoML's service for the same booster."""

import os

import bentoml
import numpy as np
import xgboost


@bentoml.service(workers=int(os.environ["WORKERS"]), metrics={"enabled": False}, logging={"access": {"enabled": False}})
class Fraud:
    def __init__(self) -> None:
        self.booster = xgboost.Booster(model_file=os.environ["BOOSTER"])

    @bentoml.api
    def predict(self, rows: list[list[float]]) -> list[float]:
        """Score rows of features."""
        return self.booster.inplace_predict(np.array(rows, dtype=np.float32)).tolist()
