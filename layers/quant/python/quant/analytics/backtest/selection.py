"""How good the best of many backtests looks by luck, whatever they have in common.

White (2000), A reality check for data snooping, Econometrica 68; Romano and Wolf (2005), Stepwise
multiple testing as formalized data snooping, Econometrica 73. The days are drawn by the stationary
bootstrap (Politis and Romano 1994, Journal of the American Statistical Association 89), the same
for all backtests, which keeps the dependence between them and from day to day.
"""

from typing import Final

import numpy as np

from quant.analytics.arrays import Floats
from quant.analytics.backtest.sweep import Sweep

# Draws whose counts of days are held at once.
_BATCH: Final = 100


def stationary_counts(
    rng: np.random.Generator, draws: int, observations: int, mean_block: float
) -> Floats:
    """Return how often each of the days is in each draw, shape (draws, observations).

    Args:
        rng: Source of randomness.
        draws: Bootstrap samples.
        observations: Days in the series and in each sample.
        mean_block: Mean length of the blocks of consecutive days, at least 1; the last day is
            followed by the first.
    """
    shape = (draws, observations)
    begins = rng.random(shape) < 1 / mean_block
    begins[:, 0] = True
    place = np.arange(observations)
    latest = np.maximum.accumulate(np.where(begins, place, 0), axis=1)
    start = rng.integers(0, observations, shape)
    day = (np.take_along_axis(start, latest, axis=1) + place - latest) % observations
    cells = (day + observations * np.arange(draws)[:, None]).ravel()
    return np.bincount(cells, minlength=draws * observations).reshape(shape).astype(np.float64)


def familywise_p_value(
    of: Sweep, place: int, rng: np.random.Generator, *, draws: int = 999
) -> float:
    """Return the p-value of one of the backtests, corrected for having looked at all of them.

    The null hypothesis is that no true Sharpe ratio is above zero. The statistic is the ratio over
    its standard error for independent returns; a draw's is the greatest one over the backtests of
    how far the draw moves them. A p-value is (1 + draws that reach the backtest's) / (1 + draws).
    Blocks have a mean length of the cube root of the number of days.

    Args:
        of: The backtests.
        place: Which of them.
        rng: Source of randomness.
        draws: Bootstrap samples.

    Returns:
        NaN where the backtest has no ratio.
    """
    ratios, moments = of.moments.sharpe, of.moments
    able = np.flatnonzero(np.isfinite(ratios) & (moments.scale > 0))
    if place not in able:
        return float("nan")
    begin = int(of.first[able].min()) + 1
    days = np.arange(begin, of.excess.shape[1])
    counted = days > of.first[able][:, None]
    ratio, deviation = ratios[able][:, None], moments.deviation[able][:, None]
    centred = (of.excess[able][:, begin:] - moments.mean[able][:, None]) / deviation
    # How a day moves the ratio: the gradient of mean over deviation times the day's scores.
    scores = np.where(counted, centred - ratio / 2 * (centred**2 - 1), 0.0)
    scale = np.sqrt(moments.observations[able] * moments.scale[able])
    scores /= scale[:, None]
    statistic = ratios[place] * np.sqrt(moments.observations[place] / moments.scale[place])
    reached = 0
    for low in range(0, draws, _BATCH):
        count = min(_BATCH, draws - low)
        drawn = stationary_counts(rng, count, len(days), max(len(days) ** (1 / 3), 1.0))
        reached += int(((drawn @ scores.T).max(axis=1) >= statistic).sum())
    return (1 + reached) / (1 + draws)
