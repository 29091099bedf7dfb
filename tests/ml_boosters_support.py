"""Boosters of every kind that is served, fitted to made-up rows."""

import lightgbm
import numpy as np

KINDS = ("number", "zeros", "unknown", "category", "category_unknown", "flag", "constant")


def made_up_rows(seed, n=400):
    """Return features of every kind, shape (n, 7), and a number that depends on them."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, len(KINDS)))
    x[rng.random(n) < 0.5, 1] = 0.0
    x[rng.random(n) < 0.2, 2] = np.nan
    x[:, 3] = rng.integers(0, 70, n)
    x[:, 4] = rng.integers(0, 6, n)
    x[rng.random(n) < 0.2, 4] = np.nan
    x[:, 5] = rng.integers(0, 2, n)
    x[:, 6] = 1.0
    known = np.nan_to_num(x)
    y = known[:, 0] + known[:, 1] * known[:, 5] + np.isnan(x[:, 2]) + known[:, 3] % 3
    return x, y + (known[:, 4] == 2) + rng.normal(size=n)


def unusual_rows(seed, n=300):
    """Return rows with values that no training row had."""
    rng = np.random.default_rng(seed)
    values = [np.nan, 0.0, -0.0, 1e-36, -1e-36, 1e300, -1e300, np.inf, -np.inf, -1, -0.5, 2.7, 1e6]
    return np.vstack([rng.choice(values, (n, len(KINDS))), made_up_rows(seed + 1, n)[0]])


def fitted(x, y, rounds=20, categorical=(3, 4), **parameters):
    """Fit a booster; the outcome is made such as the objective can take."""
    settings = {
        "objective": "regression",
        "num_leaves": 8,
        "min_data_in_leaf": 5,
        "min_data_per_group": 5,
        "cat_smooth": 1.0,
        "max_cat_to_onehot": 2,
        "seed": 1,
        "num_threads": 1,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
        **parameters,
    }
    outcome = {"binary": y > np.median(y), "poisson": np.floor(np.exp(y / 3))}
    data = lightgbm.Dataset(
        x,
        outcome.get(settings["objective"], y),
        feature_name=list(KINDS),
        categorical_feature=list(categorical),
        params=settings,
    )
    return lightgbm.train(settings, data, num_boost_round=rounds)


BOOSTERS = {
    "regression": {},
    "absolute": {"objective": "regression_l1"},
    "huber": {"objective": "huber"},
    "quantile": {"objective": "quantile", "alpha": 0.9},
    "binary": {"objective": "binary"},
    "steep binary": {"objective": "binary", "sigmoid": 2.5},
    "poisson": {"objective": "poisson"},
    "one-hot categories": {"max_cat_to_onehot": 100},
    "zero as missing": {"zero_as_missing": True},
    "no missing values": {"use_missing": False},
    "two leaves": {"num_leaves": 2},
    "deep": {"num_leaves": 100, "min_data_in_leaf": 1},
    "bagged": {"bagging_fraction": 0.6, "bagging_freq": 1, "feature_fraction": 0.7},
    "extremely random": {"extra_trees": True, "path_smooth": 1.0, "lambda_l1": 0.1},
    "dropped": {"boosting": "dart"},
    "one leaf": {"min_data_in_leaf": 300},
    "no average": {"boost_from_average": False},
}
