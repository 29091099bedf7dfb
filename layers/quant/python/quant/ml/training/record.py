"""Out-of-fold predictions of a run, each with what had been known when it could be made."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from quant.analytics.arrays import Flags, Floats, Integers
from quant.ml import calibration, conformal
from quant.ml.calibration import Calibration
from quant.ml.catalogue import INTERVAL_LEVEL, ModelSpec, Task
from quant.ml.conformal import STANDARD_DEVIATION, IntervalRule
from quant.ml.features.frame import Frame
from quant.ml.folds import WARM_UP, known_before
from quant.ml.metrics import loss
from quant.ml.training.fit import FoldResult

# Feature that residuals of returns are divided by, where a subject has it.
VOLATILITY: Final = "volatility_63"
# With fewer known outcomes, probabilities are left as they are.
LEAST_CALIBRATED: Final = 500
# Share of scales that count as their smallest.
_SMALLEST: Final = 0.05


@dataclass(frozen=True, slots=True)
class Record:
    """Every prediction out of sample, with its outcome; n rows.

    Attributes:
        rows: Places in the frame.
        fold: Number of the fold.
        value: Predictions, calibrated where they are probabilities.
        lower: Lower ends of the intervals; NaN where the task has none.
        upper: Upper ends.
        outcome: What came true.
        baselines: What each baseline predicted.
    """

    rows: Integers
    fold: Integers
    value: Floats
    lower: Floats
    upper: Floats
    outcome: Floats
    baselines: dict[str, Floats]

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, slots=True)
class Walk:
    """A record, and what it leaves for predictions to come.

    Attributes:
        record: Folds after the warm-up.
        configs: The configurations, in the order of the results.
        chosen: Place of each fold's configuration, the warm-up's first.
        mean_loss: Of each configuration over all folds, before calibration.
        config: Place of the one of least mean loss.
        calibration: By all out-of-fold predictions of that one.
        interval: With the quantile after all outcomes; None of probabilities, and where too few
            outcomes are known.
    """

    record: Record
    configs: list[dict[str, Any]]
    chosen: list[int]
    mean_loss: list[float]
    config: int
    calibration: Calibration | None
    interval: IntervalRule | None


class IncompleteRunError(ValueError):
    """A configuration was not fitted on every fold."""


def walk(spec: ModelSpec, frame: Frame, results: Sequence[FoldResult]) -> Walk:
    """Walk through the folds: choose, calibrate and bound with what earlier folds had shown.

    Args:
        spec: Model.
        frame: The rows that were fitted.
        results: Of every configuration on every fold.

    Raises:
        IncompleteRunError: Results are missing, or there are none.
    """
    return _Walker(spec, frame, results).walk()


class _Walker:
    """Predictions of every configuration, as arrays over the frame's rows."""

    def __init__(self, spec: ModelSpec, frame: Frame, results: Sequence[FoldResult]):
        self._spec, self._frame = spec, frame
        n = len(frame)
        self._outcome = frame.labels[spec.label]
        self._fold = np.full(n, -1)
        self._days: dict[int, np.datetime64] = {}
        self._baselines = {str(name): np.full(n, np.nan) for name in spec.baselines}
        configs = {_key(each.config): each.config for each in results}
        self._configs = list(configs.values())
        self._value = np.full((len(configs), n), np.nan)
        self._scale = np.full((len(configs), n), np.nan)
        for each in results:
            rows, place = np.array(each.rows), list(configs).index(_key(each.config))
            self._fold[rows] = each.fold
            self._days[each.fold] = np.datetime64(each.first_test_day)
            self._value[place, rows] = np.array(each.value, dtype=np.float64)
            if each.scale:
                self._scale[place, rows] = np.array(each.scale, dtype=np.float64)
            for name, values in each.baselines.items():
                self._baselines[name][rows] = values
        pairs = {(each.fold, _key(each.config)) for each in results}
        if len(self._days) < 2 or len(pairs) != len(self._days) * len(configs):
            msg = f"{len(pairs)} fits of {len(configs)} configurations on {len(self._days)} folds"
            raise IncompleteRunError(msg)
        self._loss = np.stack([loss(spec.task, value, self._outcome) for value in self._value])

    def walk(self) -> Walk:
        n = len(self._frame)
        value, scale, probability = (np.full(n, np.nan) for _ in range(3))
        chosen = []
        for number, day in sorted(self._days.items()):
            own = self._fold == number
            earlier = self._known(number, day)
            place = self._best(earlier)
            chosen.append(place)
            value[own], scale[own] = self._value[place, own], self._scale[place, own]
            fitted = self._calibrate(place, earlier)
            probability[own] = value[own] if fitted is None else fitted.apply(value[own])
        every = self._fold >= 0
        best = self._best(every)
        interval, lower, upper = None, np.full(n, np.nan), np.full(n, np.nan)
        if self._spec.task is not Task.PROBABILITY:
            interval, lower, upper = self._bound(value, scale)
        kept = np.flatnonzero((self._fold > WARM_UP) & np.isfinite(value))
        return Walk(
            record=Record(
                rows=kept,
                fold=self._fold[kept],
                value=(probability if self._spec.task is Task.PROBABILITY else value)[kept],
                lower=lower[kept],
                upper=upper[kept],
                outcome=self._outcome[kept],
                baselines={name: each[kept] for name, each in self._baselines.items()},
            ),
            configs=self._configs,
            chosen=chosen,
            mean_loss=[float(_mean(each[every])) for each in self._loss],
            config=best,
            calibration=self._calibrate(best, every),
            interval=interval,
        )

    def _known(self, number: int, day: np.datetime64) -> Flags:
        """Say which rows of earlier folds had an outcome before a fold began."""
        earlier = (self._fold >= 0) & (self._fold < number)
        return earlier & known_before(self._frame, self._spec.label, day)

    def _best(self, rows: Flags) -> int:
        """Return the place of the configuration of least mean loss; the first without rows."""
        means = [_mean(each[rows]) for each in self._loss]
        return int(np.nanargmin(means)) if np.isfinite(means).any() else 0

    def _calibrate(self, place: int, rows: Flags) -> Calibration | None:
        if self._spec.task is not Task.PROBABILITY:
            return None
        if rows.sum() < LEAST_CALIBRATED:
            return None
        return calibration.fit(self._value[place, rows], self._outcome[rows])

    def _bound(self, value: Floats, scale: Floats) -> tuple[IntervalRule | None, Floats, Floats]:
        """Return the rule for predictions to come, and the intervals of those of the folds."""
        name, scale = self._scales(scale)
        value = self._before(value, name)
        said = np.flatnonzero(np.isfinite(value))
        rule = self._rule(name, scale[said][self._fold[said] <= WARM_UP])
        frame, scales = self._frame, rule.scales(len(said), scale[said])
        adapted = conformal.adapt(
            np.abs(self._outcome[said] - value[said]) / scales,
            frame.as_of[said],
            frame.known_on[self._spec.label][said],
            level=INTERVAL_LEVEL,
        )
        lower, upper = np.full(len(value), np.nan), np.full(len(value), np.nan)
        lower[said], upper[said] = rule.around(value[said], adapted.quantile * scales)
        known = np.isfinite(adapted.last)
        return replace(rule, quantile=adapted.last) if known else None, lower, upper

    def _before(self, value: Floats, scale: str | None) -> Floats:
        """Predict the rows before the warm-up by their mean: residuals to begin with.

        Not where residuals are over the model's own standard deviation, which it has not said.
        """
        if scale == STANDARD_DEVIATION:
            return value
        early = known_before(self._frame, self._spec.label, self._days[WARM_UP])
        return np.where(early & (self._fold < 0), _mean(self._outcome[early]), value)

    def _scales(self, scale: Floats) -> tuple[str | None, Floats]:
        if np.isfinite(scale).any():
            return STANDARD_DEVIATION, scale
        if VOLATILITY in self._frame.names:
            return VOLATILITY, self._frame.column(VOLATILITY)
        return None, scale

    def _rule(self, name: str | None, scale: Floats) -> IntervalRule:
        known = scale[np.isfinite(scale)]
        usual, smallest = 1.0, 0.0
        if name is not None and len(known):
            usual, smallest = float(np.median(known)), float(np.quantile(known, _SMALLEST))
        return IntervalRule(
            level=INTERVAL_LEVEL,
            quantile=np.nan,
            scale=name,
            usual_scale=usual,
            least_scale=smallest,
            least=0.0 if self._spec.task is Task.COUNT else None,
        )


def _key(config: dict[str, Any]) -> str:
    return json.dumps(config, sort_keys=True)


def _mean(values: Floats) -> float:
    """Return the mean of those that are numbers; NaN of none."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else np.nan
