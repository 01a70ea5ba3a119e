"""A random forest, trained by scikit-learn and kept as plain arrays.

Arrays instead of a pickle: loading a model package then runs no code from it, does not depend on the library's
version, and the file is the same for the same forest.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from fraud.models.base import OBJECTIVE, Report, Split
from fraud.models.hyperparameters import Parameter
from fraud.models.ranking import average_precision

MODEL_FILE = "random_forest.npz"
REPORT_EVERY = 25
# Rows times trees walked at once: small enough for the processor's cache.
_CHUNK = 1 << 18
# Shares of exactly 0 or 1 have no log-odds.
_EDGE = 1e-6


class RandomForestModel:
    """All trees in one set of arrays over nodes.

    `roots` holds each tree's first node, of shape (trees,). For a node, `feature` is the column compared (-1 in
    a leaf), `threshold` its value, `left` and `right` the next nodes, `missing_left` where a missing value goes,
    and `value` the share of frauds.
    """

    algorithm = "random-forest"
    _ARRAYS = ("roots", "feature", "threshold", "left", "right", "missing_left", "value")

    def __init__(self, **arrays: np.ndarray) -> None:
        self.arrays = {name: arrays[name] for name in self._ARRAYS}

    def predict_proba(self, features: np.ndarray) -> np.ndarray:
        """Score features of shape (rows, features): the mean over trees of the leaf's share of frauds."""
        features = np.ascontiguousarray(features, dtype=np.float32)
        step = max(1, _CHUNK // len(self.arrays["roots"]))
        parts = [self._scores(features[start : start + step]) for start in range(0, len(features), step)]
        scores = np.concatenate(parts) if parts else np.zeros(0)
        # Sums of the same leaves in another order differ in the last bit: rounded, they tie as they should.
        return scores.astype(np.float32).astype(np.float64)

    def _scores(self, features: np.ndarray) -> np.ndarray:
        tree = self.arrays
        rows, trees = len(features), len(tree["roots"])
        at = np.tile(tree["roots"], rows)
        row = np.repeat(np.arange(rows, dtype=np.int32), trees)
        walking = np.flatnonzero(tree["feature"][at] >= 0)
        while len(walking):
            here = at[walking]
            value = features[row[walking], tree["feature"][here]]
            left = value <= tree["threshold"][here]
            missing = np.isnan(value)
            if missing.any():
                left = np.where(missing, tree["missing_left"][here], left)
            there = np.where(left, tree["left"][here], tree["right"][here])
            at[walking] = there
            walking = walking[tree["feature"][there] >= 0]
        return tree["value"][at].reshape(rows, trees).mean(axis=1)

    def contributions(self, features: np.ndarray) -> np.ndarray:
        """Return path attributions in log-odds, of shape (rows, features).

        Each split on a row's path moves the share of frauds; its feature is given that move (Saabas's method, which
        unlike Shapley values depends on the order of the splits). The moves are scaled to the forest's log-odds.
        """
        features = np.ascontiguousarray(features, dtype=np.float32)
        tree, trees = self.arrays, len(self.arrays["roots"])
        moves = np.zeros(features.shape)
        for row, values in enumerate(features):
            at = tree["roots"].copy()
            walking = np.flatnonzero(tree["feature"][at] >= 0)
            while len(walking):
                here = at[walking]
                column = tree["feature"][here]
                value = values[column]
                left = np.where(np.isnan(value), tree["missing_left"][here], value <= tree["threshold"][here])
                at[walking] = np.where(left, tree["left"][here], tree["right"][here])
                np.add.at(moves[row], column, tree["value"][at[walking]] - tree["value"][here])
                walking = walking[tree["feature"][at[walking]] >= 0]
        moves /= trees
        start = float(np.mean(tree["value"][tree["roots"]]))
        total = moves.sum(axis=1, keepdims=True)
        end = np.clip(start + total, _EDGE, 1 - _EDGE)
        start = min(max(start, _EDGE), 1 - _EDGE)
        distance = np.log(end / (1 - end)) - np.log(start / (1 - start))
        # Log-odds per share: the slope at the start where the forest did not move at all.
        slope = np.where(np.abs(total) > _EDGE, distance / np.where(total == 0, 1, total), 1 / (start * (1 - start)))
        return moves * slope

    def takes(self, features: int) -> bool:
        """Return whether no split is on a feature beyond so many: those that the forest never uses are not kept."""
        return self.arrays["feature"].max(initial=-1) < features

    def save(self, folder: Path) -> None:
        """Write the arrays."""
        np.savez_compressed(folder / MODEL_FILE, **self.arrays)

    @classmethod
    def load(cls, folder: Path) -> RandomForestModel:
        """Read what `save` wrote."""
        with np.load(folder / MODEL_FILE, allow_pickle=False) as arrays:
            return cls(**{name: arrays[name] for name in cls._ARRAYS})

    @classmethod
    def from_sklearn(cls, forest: Any) -> RandomForestModel:
        """Take the arrays out of a fitted RandomForestClassifier with classes 0 and 1."""
        trees = [estimator.tree_ for estimator in forest.estimators_]
        roots = np.cumsum([0, *(tree.node_count for tree in trees[:-1])]).astype(np.int32)

        def joined(per_tree: Any, dtype: Any) -> np.ndarray:
            return np.concatenate([per_tree(tree, root) for tree, root in zip(trees, roots, strict=True)]).astype(dtype)

        def shares(tree: Any, root: int) -> np.ndarray:
            value = tree.value[:, 0, :]
            return value[:, 1] / value.sum(axis=1)

        return cls(
            roots=roots,
            feature=joined(lambda tree, root: np.where(tree.children_left < 0, -1, tree.feature), np.int32),
            threshold=joined(lambda tree, root: tree.threshold, np.float64),
            left=joined(lambda tree, root: tree.children_left + root, np.int32),
            right=joined(lambda tree, root: tree.children_right + root, np.int32),
            missing_left=joined(lambda tree, root: tree.missing_go_to_left, np.bool_),
            value=joined(shares, np.float64),
        )


class RandomForestTrainer:
    """Grows the forest in batches, so that progress can be reported."""

    algorithm = "random-forest"
    parameters = (
        Parameter("num_round", int, 100, 1, 5000, "number of trees"),
        Parameter("max_depth", int, 16, 1, 64, "most levels of a tree"),
        Parameter("min_child_weight", float, 3, 1, 100_000, "least rows in a leaf, rounded up"),
        Parameter("colsample_bynode", float, 0.25, 0.01, 1.0, "share of features tried at each split"),
        Parameter("subsample", float, 0.5, 0.01, 1.0, "share of rows drawn for each tree"),
        Parameter("scale_pos_weight", float, 1.0, 0.01, 1e5, "weight of a fraud against a genuine row"),
        Parameter("seed", int, 0, 0, 2**31 - 1, "seed of all sampling"),
    )

    def fit(
        self,
        train: Split,
        validation: Split,
        hyperparameters: Mapping[str, Any],
        report: Report,
        threads: int = 1,
    ) -> RandomForestModel:
        """Train; see `Trainer.fit`. The forest does not depend on the number of threads."""
        from sklearn.ensemble import RandomForestClassifier

        train.require_both_classes("train")
        trees = hyperparameters["num_round"]
        forest = RandomForestClassifier(
            n_estimators=0,
            max_depth=hyperparameters["max_depth"],
            min_samples_leaf=math.ceil(hyperparameters["min_child_weight"]),
            max_features=hyperparameters["colsample_bynode"],
            max_samples=hyperparameters["subsample"],
            class_weight={0: 1.0, 1: hyperparameters["scale_pos_weight"]},
            random_state=hyperparameters["seed"],
            n_jobs=threads,
            warm_start=True,
        )
        while forest.n_estimators < trees:
            forest.n_estimators = min(trees, forest.n_estimators + REPORT_EVERY)
            forest.fit(train.features, train.labels)
            if forest.n_estimators < trees:
                scores = forest.predict_proba(validation.features)[:, 1]
                value = average_precision(validation.labels, scores)
                report(forest.n_estimators, {OBJECTIVE: value})
        return RandomForestModel.from_sklearn(forest)


TRAINER = RandomForestTrainer()
MODEL = RandomForestModel
