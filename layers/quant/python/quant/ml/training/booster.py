"""LightGBM, set so that the same rows give the same trees.

Ke et al. (2017), Advances in Neural Information Processing Systems 30.
"""

from dataclasses import dataclass
from typing import Any, Final

import lightgbm
import numpy as np

from quant.analytics.arrays import Flags, Floats
from quant.ml.catalogue import ModelSpec, Task
from quant.ml.features.frame import Frame
from quant.ml.folds import inner_split

_STOP_AFTER: Final = 20  # trees without a better validation loss
# Fewest rows to validate with; with fewer, this number of trees is fitted.
_LEAST_ROWS: Final = 50
_FEW_TREES: Final = 20


@dataclass(frozen=True, slots=True)
class Fitted:
    """A fitted booster.

    Attributes:
        booster: LightGBM's.
        trees: Its trees.
    """

    booster: lightgbm.Booster
    trees: int

    def value(self, x: Floats) -> Floats:
        """Return returns, or probabilities before calibration, of rows of shape (n, k)."""
        return np.asarray(self.booster.predict(x, num_threads=1), dtype=np.float64)


def fit(
    spec: ModelSpec,
    frame: Frame,
    train: Flags,
    config: dict[str, Any],
    *,
    seed: int,
    categorical: frozenset[str],
) -> Fitted:
    """Fit to the training rows, with as many trees as their last fifth, purged, is predicted best.

    Args:
        spec: Model.
        frame: Rows.
        train: Those to fit, all with an outcome, shape (n,).
        config: Of ``quant.ml.training.configs``.
        seed: Of every pseudo-random draw.
        categorical: Features whose numbers are codes.
    """
    task = _Task(spec, frame, _settings(spec, config, seed), categorical)
    trees = task.choose_trees(train, config["max_trees"])
    booster = lightgbm.train(task.settings, task.data(train), num_boost_round=trees)
    return Fitted(booster, booster.num_trees())


def _settings(spec: ModelSpec, config: dict[str, Any], seed: int) -> dict[str, Any]:
    return {
        "objective": "binary" if spec.task is Task.PROBABILITY else "regression",
        "learning_rate": config["learning_rate"],
        "num_leaves": config["num_leaves"],
        "min_data_in_leaf": config["min_data_in_leaf"],
        "lambda_l2": config["lambda_l2"],
        "bagging_fraction": config["bagging_fraction"],
        "bagging_freq": 1,
        "feature_fraction": config["feature_fraction"],
        "max_bin": 63,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "verbosity": -1,
    }


@dataclass(frozen=True, slots=True)
class _Task:
    """What is fitted, and how; arguments of ``fit``."""

    spec: ModelSpec
    frame: Frame
    settings: dict[str, Any]
    categorical: frozenset[str]

    def data(self, rows: Flags, reference: lightgbm.Dataset | None = None) -> lightgbm.Dataset:
        """Return LightGBM's copy of some rows, in the bins of the reference."""
        names = self.frame.names
        return lightgbm.Dataset(
            self.frame.x[rows],
            self.frame.labels[self.spec.label][rows],
            reference=reference,
            feature_name=list(names),
            categorical_feature=[name for name in names if name in self.categorical],
            params=self.settings,
        )

    def choose_trees(self, train: Flags, most: int) -> int:
        """Return the number of trees that predicts the last training rows best."""
        inner, validation = inner_split(self.frame, self.spec.label, train)
        if min(inner.sum(), validation.sum()) < _LEAST_ROWS:
            return min(_FEW_TREES, most)
        data = self.data(inner)
        booster = lightgbm.train(
            self.settings,
            data,
            num_boost_round=most,
            valid_sets=[self.data(validation, data)],
            callbacks=[lightgbm.early_stopping(_STOP_AFTER, verbose=False)],
        )
        return max(int(booster.best_iteration), 1)
