"""The cycle and regime models of politicians' weekly trade counts, for all of them at once."""

from typing import Any, Final

import numpy as np

from quant.analytics.arrays import Flags, Floats, Integers
from quant.analytics.ensemble import components
from quant.analytics.ensemble.pool import FIRST_ORIGIN
from quant.analytics.ensemble.regime import fit, sum_moments
from quant.analytics.patterns.hmm import PoissonHmm, filter_states
from quant.ml.catalogue import Family
from quant.ml.features.frame import Frame

# Feature that counts the trades disclosed in the week that ends at ``as_of``.
WEEK_COUNT: Final = "trades_disclosed_week"
_REFIT: Final = 52  # weeks between two estimates of regimes


def moments(
    family: Family | str, settings: dict[str, Any], frame: Frame, rows: Flags | None = None
) -> tuple[Floats, Floats]:
    """Return mean and variance of the next weeks' number of trades, each of shape (n,).

    Each row uses the weeks up to its own alone, whatever comes later in the frame. NaN for a row
    with fewer than two years of weeks.

    Args:
        family: ``cycle`` or ``regime``.
        settings: ``weeks``: how many are forecast.
        frame: Every week of each politician, from the first one to the last row wanted.
        rows: Those that are wanted, shape (n,), all by default; of others the result may be NaN,
            since an estimate is not made that no wanted row uses.

    Raises:
        ValueError: Weeks are missing between a politician's rows.
    """
    _, politician = np.unique(frame.keys["politician_id"], return_inverse=True)
    order = np.lexsort((frame.as_of, politician))
    starts = np.flatnonzero(np.diff(politician[order], prepend=-1))
    week = np.arange(len(order)) - np.repeat(starts, np.diff(np.append(starts, len(order))))
    days = frame.as_of[order]
    first = np.repeat(days[starts], np.diff(np.append(starts, len(order))))
    if np.any(days - first != week * np.timedelta64(7, "D")):
        msg = "the weekly counts of a politician have gaps"
        raise ValueError(msg)
    counts = frame.column(WEEK_COUNT)[order].astype(np.int64)
    series = np.split(counts, starts[1:])
    asked = np.ones(len(frame), dtype=np.bool_) if rows is None else rows
    wanted = np.split(asked[order], starts[1:])
    found = {Family.CYCLE: _cycles, Family.REGIME: _regimes}[Family(family)](
        series, wanted, settings["weeks"]
    )
    mean, variance = np.empty(len(order)), np.empty(len(order))
    mean[order], variance[order] = (np.concatenate(part) for part in found)
    return mean, variance


type _Moments = tuple[list[Floats], list[Floats]]


def _cycles(series: list[Integers], wanted: list[Flags], weeks: int) -> _Moments:
    means, variances = _unknown(series), _unknown(series)
    for y, mean, variance, asked in zip(series, means, variances, wanted, strict=True):
        if np.any(asked[FIRST_ORIGIN - 1 :]):
            found = components.cycle(y, FIRST_ORIGIN, (weeks,))
            # The origin after t weeks is the row of the week t - 1.
            mean[FIRST_ORIGIN - 1 :] = found.mean[:, 0]
            variance[FIRST_ORIGIN - 1 :] = found.variance[:, 0]
    return means, variances


def _regimes(series: list[Integers], wanted: list[Flags], weeks: int) -> _Moments:
    means, variances = _unknown(series), _unknown(series)
    longest = max((len(y) for y in series), default=0)
    for start in range(FIRST_ORIGIN, longest + 1, _REFIT):
        uses = slice(start - 1, start + _REFIT - 1)
        long = [place for place, asked in enumerate(wanted) if np.any(asked[uses])]
        if not long:
            continue
        # The estimate knows no week after it, and no other politician's length.
        model = fit(np.column_stack([series[place][:start] for place in long]).astype(np.float64))
        until = min(start + _REFIT - 1, longest)
        padded = np.full((until, len(long)), np.nan)
        for column, place in enumerate(long):
            padded[: len(series[place]), column] = series[place][:until]
        filtered = filter_states(model, padded)[0]
        for column, place in enumerate(long):
            end = min(until, len(series[place]))
            found = _ahead(model, column, filtered[start - 1 : end, :, column], weeks)
            means[place][start - 1 : end], variances[place][start - 1 : end] = found
    return means, variances


def _ahead(model: PoissonHmm, column: int, state: Floats, weeks: int) -> tuple[Floats, Floats]:
    transition = model.transition[:, :, column]
    return sum_moments(state @ transition, model.rates[:, column], transition, weeks)


def _unknown(series: list[Integers]) -> list[Floats]:
    return [np.full(len(y), np.nan) for y in series]
