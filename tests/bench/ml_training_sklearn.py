"""Training as one would write it with pandas and scikit-learn: what ours is measured beside."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import ttest_1samp
from sklearn.calibration import calibration_curve
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

# Of the size of `quant.ml.training.configs`. There is no drawing of rows for each tree here.
TREES: dict[str, Any] = {"learning_rate": 0.05, "max_features": 0.8, "max_bins": 63}
CONFIGS: tuple[dict[str, Any], ...] = (
    {**TREES, "max_leaf_nodes": 4, "min_samples_leaf": 50, "l2_regularization": 10.0},
    {**TREES, "max_leaf_nodes": 15, "min_samples_leaf": 20, "l2_regularization": 1.0},
)
MOST_TREES, STOP_AFTER = 200, 20
LEAST_VALIDATED, FEW_TREES = 50, 20
LEAST_CALIBRATED = 500
PENALTIES = {True: (0.0001, 0.001, 0.01, 0.1), False: (0.01, 0.1, 1.0, 10.0)}
# Outcomes that a subject's rate is shrunk by.
STRENGTH = 10.0
LEVEL = 0.9
SCALE = "volatility_63"


@dataclass(frozen=True)
class Fold:
    """Rows to fit, rows to predict, and the day before which outcomes have to be known."""

    train: np.ndarray
    test: np.ndarray
    first_day: pd.Timestamp


@dataclass(frozen=True)
class Table:
    """Rows with the columns ``as_of``, ``known_on``, ``subject``, ``outcome`` and the features."""

    rows: pd.DataFrame
    numbers: list[str]
    categories: list[str]
    binary: bool

    @cached_property
    def x(self) -> pd.DataFrame:
        return self.rows[self.numbers + self.categories]

    @cached_property
    def y(self) -> np.ndarray:
        return self.rows.outcome.to_numpy()

    def take(self, rows: np.ndarray) -> "Table":
        return replace(self, rows=self.rows[rows])

    def split(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows whose outcome was known before the last fifth, and that fifth."""
        day = self.rows.as_of.quantile(0.8, interpolation="higher")
        return (self.rows.known_on < day).to_numpy(), (self.rows.as_of >= day).to_numpy()

    def loss(self, value: np.ndarray, outcome: np.ndarray) -> np.ndarray:
        if not self.binary:
            return np.square(outcome - value)
        p = np.clip(value, 1e-6, 1 - 1e-6)
        return -np.where(outcome > 0.5, np.log(p), np.log1p(-p))


@dataclass(frozen=True)
class Judged:
    """What the folds chose and showed."""

    config: int
    calibration: IsotonicRegression | None
    quantile: float
    metrics: dict[str, Any]


@dataclass(frozen=True)
class Trained:
    """The final fit."""

    booster: Any
    baselines: dict[str, Any]
    judged: Judged


def fit_folds(table: Table, folds: Sequence[Fold]) -> pd.DataFrame:
    """Predictions out of sample of each configuration and each baseline, by the table's rows."""
    found = []
    for number, fold in enumerate(folds):
        train, test = table.take(fold.train), table.take(fold.test)
        values = {
            f"config {place}": _said(_boost(train, config), test)
            for place, config in enumerate(CONFIGS)
        }
        fitted = _fit_baselines(train)
        values |= {name: each(test) for name, each in fitted.items()}
        found.append(pd.DataFrame({"fold": number, **values}, index=test.rows.index))
    return pd.concat(found)


def judge(table: Table, folds: Sequence[Fold], values: pd.DataFrame) -> Judged:
    """Choose, calibrate and bound by earlier folds, and compare with the baselines."""
    rows = values.join(table.rows[["as_of", "known_on", "outcome"]])
    rows["scale"] = table.rows[SCALE].fillna(table.rows[SCALE].median()).clip(lower=1e-3)
    kept = []
    for number, fold in enumerate(folds):
        earlier = rows[(rows.fold < number) & (rows.known_on < fold.first_day)]
        own = rows[rows.fold == number].copy()
        place = _best(table, earlier)
        calibration, quantile = _adjust(table, earlier, place)
        own["value"] = _calibrated(calibration, own[f"config {place}"].to_numpy())
        own["half"] = quantile * own.scale
        kept.append(own)
    record = pd.concat(kept[1:])
    place = _best(table, rows)
    return Judged(place, *_adjust(table, rows, place), _metrics(table, record))


def finish(table: Table, judged: Judged) -> Trained:
    """Fit the chosen configuration to all rows with an outcome."""
    known = table.take(table.rows.outcome.notna().to_numpy())
    return Trained(_boost(known, CONFIGS[judged.config]), _fit_baselines(known), judged)


def predict_value(table: Table, trained: Trained) -> np.ndarray:
    """The model's predictions alone."""
    return _calibrated(trained.judged.calibration, _said(trained.booster, table))


def predict(table: Table, trained: Trained) -> pd.DataFrame:
    """Predictions with intervals, and those of the baselines."""
    value = predict_value(table, trained)
    half = trained.judged.quantile * table.rows[SCALE].to_numpy()
    return pd.DataFrame(
        {
            "value": value,
            "lower": value - half,
            "upper": value + half,
            **{name: each(table) for name, each in trained.baselines.items()},
        }
    )


def _boost(train: Table, config: dict[str, Any]) -> Any:
    kind = HistGradientBoostingClassifier if train.binary else HistGradientBoostingRegressor
    settings = {**config, "categorical_features": train.categories, "random_state": 1}
    inner, last = train.split()
    trees = FEW_TREES
    if min(inner.sum(), last.sum()) >= LEAST_VALIDATED:
        stopped = kind(
            **settings, max_iter=MOST_TREES, early_stopping=True, n_iter_no_change=STOP_AFTER
        )
        stopped.fit(train.x[inner], train.y[inner], X_val=train.x[last], y_val=train.y[last])
        # The first is that of no tree.
        trees = int(np.argmax(stopped.validation_score_[1:])) + 1
    return kind(**settings, max_iter=trees, early_stopping=False).fit(train.x, train.y)


def _said(model: Any, table: Table) -> np.ndarray:
    return model.predict_proba(table.x)[:, 1] if table.binary else model.predict(table.x)


def _fit_baselines(train: Table) -> dict[str, Any]:
    mean = float(train.y.mean())
    fitted = {"mean": lambda table: np.full(len(table.rows), mean), "linear": _fit_linear(train)}
    if not train.binary:
        return {"zero": lambda table: np.zeros(len(table.rows)), **fitted}
    seen = train.rows.groupby("subject").outcome.agg(["sum", "count"])
    rates = (seen["sum"] + STRENGTH * mean) / (seen["count"] + STRENGTH)
    return {"rate": lambda table: table.rows.subject.map(rates).fillna(mean), **fitted}


def _fit_linear(train: Table) -> Any:
    columns = make_column_transformer(
        (
            make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler()),
            train.numbers,
        ),
        (
            make_pipeline(
                OneHotEncoder(handle_unknown="ignore", sparse_output=False), StandardScaler()
            ),
            train.categories,
        ),
    )
    z = columns.fit_transform(train.x)
    inner, last = train.split()
    penalties = PENALTIES[train.binary]
    penalty = penalties[-1]
    if min(inner.sum(), last.sum()) >= LEAST_VALIDATED:
        losses = []
        for each in penalties:
            model = _linear(train.binary, each, z[inner], train.y[inner])
            value = model.predict_proba(z[last])[:, 1] if train.binary else model.predict(z[last])
            losses.append(train.loss(value, train.y[last]).mean())
        penalty = penalties[int(np.argmin(losses))]
    model = _linear(train.binary, penalty, z, train.y)
    if train.binary:
        return lambda table: model.predict_proba(columns.transform(table.x))[:, 1]
    return lambda table: model.predict(columns.transform(table.x))


def _linear(binary: bool, penalty: float, z: np.ndarray, y: np.ndarray) -> Any:
    if binary:
        return LogisticRegression(C=1 / (penalty * len(y)), max_iter=1000).fit(z, y)
    return Ridge(alpha=penalty * len(y)).fit(z, y)


def _best(table: Table, rows: pd.DataFrame) -> int:
    if not len(rows):
        return 0
    outcome = rows.outcome.to_numpy()
    return int(
        np.argmin(
            [
                table.loss(rows[f"config {place}"].to_numpy(), outcome).mean()
                for place in range(len(CONFIGS))
            ]
        )
    )


def _adjust(
    table: Table, rows: pd.DataFrame, place: int
) -> tuple[IsotonicRegression | None, float]:
    """Calibration of probabilities; of returns, the quantile of residuals over volatility."""
    value = rows[f"config {place}"]
    if table.binary:
        if len(rows) < LEAST_CALIBRATED:
            return None, np.nan
        fitted = IsotonicRegression(y_min=0.001, y_max=0.999, out_of_bounds="clip")
        return fitted.fit(value, rows.outcome), np.nan
    return None, float(((rows.outcome - value).abs() / rows.scale).quantile(LEVEL))


def _calibrated(calibration: IsotonicRegression | None, value: np.ndarray) -> np.ndarray:
    return value if calibration is None else calibration.predict(value)


def _metrics(table: Table, record: pd.DataFrame) -> dict[str, Any]:
    names = [name for name in ("zero", "mean", "rate", "linear") if name in record]
    losses = pd.DataFrame(
        {
            name: table.loss(record[name].to_numpy(), record.outcome.to_numpy())
            for name in ("value", *names)
        },
        index=record.index,
    )
    period = record.as_of.dt.to_period("M" if table.binary else "W")
    means = losses.groupby(period).mean()
    found: dict[str, Any] = {
        "loss": losses.value.mean(),
        "by fold": losses.groupby(record.fold).mean(),
        "p": {
            name: ttest_1samp(means.value - means[name], 0.0, alternative="less").pvalue
            for name in names
        },
    }
    if table.binary:
        share, predicted = calibration_curve(
            record.outcome, record.value, n_bins=10, strategy="quantile"
        )
        return {**found, "calibration error": np.abs(share - predicted).mean()}
    return {**found, "coverage": ((record.outcome - record.value).abs() <= record.half).mean()}
