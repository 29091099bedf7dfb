"""The configurations that are tried for each model: few, small and deterministic."""

from typing import Any, Final

from quant.ml.catalogue import MODELS, Family, ModelSpec, Task

# Folds after the warm-up.
FOLDS: Final = 5
EMBARGO_DAYS: Final = 7
MINIMUM_TRAIN_ROWS: Final[dict[Task, int]] = {
    Task.RETURN: 80,
    Task.PROBABILITY: 2000,
    Task.COUNT: 1000,
}

# Shallow trees and much shrinkage: outcomes are mostly noise.
_TREES: Final = {
    "learning_rate": 0.05,
    "max_trees": 200,
    "bagging_fraction": 0.8,
    "feature_fraction": 0.8,
}
_SMALL: Final = {**_TREES, "num_leaves": 4, "min_data_in_leaf": 50, "lambda_l2": 10.0}
_LARGE: Final = {**_TREES, "num_leaves": 15, "min_data_in_leaf": 20, "lambda_l2": 1.0}


def _configs(spec: ModelSpec) -> list[dict[str, Any]]:
    if spec.family is Family.LIGHTGBM:
        return [dict(_SMALL), dict(_LARGE)]
    return [{"weeks": spec.horizon}]


CONFIGS: Final[dict[str, list[dict[str, Any]]]] = {
    spec.name: _configs(spec) for spec in MODELS.values()
}
