"""Candidates of one search space: Bayesian (TPE), Random, Grid and Hyperband, by Optuna."""

import itertools
import warnings
from collections.abc import Iterable
from typing import Any

import optuna
from optuna.distributions import CategoricalDistribution
from optuna.trial import TrialState, create_trial

from local_cloud.sagemaker.tuning.space import Parameter

optuna.logging.set_verbosity(optuna.logging.WARNING)
warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)

_REDUCTION = 3


class Proposer:
    """Asks for candidates and tells results; for equal seeds equal sequences of calls give equal candidates.

    Args:
        parameters: the search space.
        strategy: Bayesian, Random, Grid or Hyperband.
        maximize: direction of the objective.
        seed: None for a different search each time.
        budget: how many candidates will be asked for at most; a small one gets fewer random ones at its start.
        resources: (least, most) number of reported values of a Hyperband trial.
    """

    def __init__(
        self,
        parameters: list[Parameter],
        strategy: str,
        *,
        maximize: bool,
        seed: int | None,
        budget: int,
        resources: tuple[int, int] = (1, 27),
    ):
        self._parameters = parameters
        self._grid = self._combinations() if strategy == "Grid" else None
        self._asked = 0
        self._study = optuna.create_study(
            direction="maximize" if maximize else "minimize",
            sampler=_sampler(strategy, seed, budget),
            pruner=_pruner(strategy, resources),
            # Hyperband derives a trial's bracket from the study's name.
            study_name="tuning",
        )
        self._trials: dict[int, optuna.Trial] = {}

    def combinations(self) -> int | None:
        """Number of candidates of a grid, None for other strategies."""
        return None if self._grid is None else len(self._grid)

    def ask(self, number: int) -> dict[str, str]:
        """The candidate of trial ``number`` (any key of the caller's)."""
        if self._grid is not None:
            self._study.enqueue_trial(self._grid[self._asked])
        self._asked += 1
        trial = self._study.ask()
        self._trials[number] = trial
        return {parameter.name: parameter.suggest(trial) for parameter in self._parameters}

    def report(self, number: int, step: int, value: float) -> bool:
        """A value printed on the way (step 1, 2, …); True when Hyperband gives the trial up."""
        trial = self._trials[number]
        trial.report(value, step)
        return trial.should_prune()

    def tell(self, number: int, value: float | None, *, stopped: bool = False) -> None:
        """The outcome: the final value (None: the trial failed), or that it was stopped early."""
        trial = self._trials.pop(number)
        if value is None:
            self._study.tell(trial, state=TrialState.FAIL)
        elif stopped:
            # TPE ranks given-up trials by their last reports, below the finished ones.
            self._study.tell(trial, state=TrialState.PRUNED)
        else:
            self._study.tell(trial, value)

    def learn(self, results: Iterable[tuple[dict[str, str], float]]) -> int:
        """Results of earlier tuning jobs (warm start); those outside of the space are left; returns how many count."""
        count = 0
        for texts, value in results:
            values = {p.name: p.parse(texts[p.name]) for p in self._parameters if p.name in texts}
            if len(values) < len(self._parameters) or None in values.values():
                continue
            distributions = {p.name: p.distribution for p in self._parameters}
            self._study.add_trial(create_trial(params=values, distributions=distributions, value=value))
            count += 1
        return count

    def _combinations(self) -> list[dict[str, Any]]:
        names = [parameter.name for parameter in self._parameters]
        choices = [
            parameter.distribution.choices
            for parameter in self._parameters
            if isinstance(parameter.distribution, CategoricalDistribution)
        ]
        return [dict(zip(names, values, strict=True)) for values in itertools.product(*choices)]


def _sampler(strategy: str, seed: int | None, budget: int) -> optuna.samplers.BaseSampler:
    if strategy == "Bayesian":
        start = max(2, min(10, budget // 3))
        # constant_liar keeps trials that run at the same time apart.
        return optuna.samplers.TPESampler(seed=seed, n_startup_trials=start, multivariate=True, constant_liar=True)
    return optuna.samplers.RandomSampler(seed=seed)


def _pruner(strategy: str, resources: tuple[int, int]) -> optuna.pruners.BasePruner:
    if strategy != "Hyperband":
        return optuna.pruners.NopPruner()
    return optuna.pruners.HyperbandPruner(*resources, reduction_factor=_REDUCTION)
