"""What the counts of peers, who differ from each other, predict for one more of them.

Sources: Skellam (1948), Journal of the Royal Statistical Society B 10, on the beta-binomial
distribution; Box (1980), Journal of the Royal Statistical Society A 143, on predictive p-values;
Lancaster (1961), Journal of the American Statistical Association 56, on the mid-p-value.
"""

from typing import Final

import numpy as np

from quant.analytics.arrays import Floats, Integers

# Grid of the peers' mean share (uniform prior) and overdispersion (uniform on the logistic scale).
# Symmetric in the mean, so that one table serves both ends.
MEANS: Final = (np.arange(30) + 0.5) / 30
OVERDISPERSIONS: Final = 1 / (1 + np.exp(-np.linspace(-6, 3, 24)))
# Grid points with less of the posterior than this change no digit that is shown.
_NEGLIGIBLE: Final = 1e-9
_CONFIDENCE: Final = 0.95


class BetaBinomial:
    """The beta-binomial distribution over a grid of its mean and overdispersion.

    Args:
        most: Greatest number of trials of anybody.
    """

    def __init__(self, most: int) -> None:
        means, overdispersions = np.meshgrid(MEANS, OVERDISPERSIONS, indexing="ij")
        self._mean, self._overdispersion = means.ravel(), overdispersions.ravel()
        concentration = 1 / self._overdispersion - 1
        steps = np.arange(most)
        self._rising_a = _log_rising(self._mean * concentration, steps)
        # The grid is symmetric in the mean: its other shape parameter is a mirror image.
        self._rising_b = self._rising_a.reshape(*means.shape, -1)[::-1].reshape(
            self._rising_a.shape
        )
        self._rising_sum = _log_rising(1 / OVERDISPERSIONS - 1, steps)
        self._sum_place = np.tile(np.arange(len(OVERDISPERSIONS)), len(MEANS))
        self._log_factorial = np.concatenate(([0.0], np.cumsum(np.log(steps + 1.0))))

    def _log_likelihood(self, counts: Integers, trials: Integers, points: Integers) -> Floats:
        """Return logarithms of probabilities without binomial coefficients, (points, counts)."""
        at = points[:, None]
        likelihood: Floats = (
            self._rising_a[at, counts]
            + self._rising_b[at, trials - counts]
            - self._rising_sum[self._sum_place[at], trials]
        )
        return likelihood

    def posterior(self, counts: Integers, trials: Integers) -> Floats:
        """Return the weight of each grid point after seeing the peers' counts."""
        every = np.arange(len(self._mean))
        log = self._log_likelihood(counts, trials, every).sum(axis=1)
        weights: Floats = np.exp(log - log.max())
        weights /= weights.sum()
        return weights

    def predict(
        self, posterior: Floats, count: int, trials: int
    ) -> tuple[float, float, float, float, float]:
        """Return mean, overdispersion, both ends of the null interval, and the mid-p-value."""
        kept = np.flatnonzero(posterior > _NEGLIGIBLE)
        weights = posterior[kept] / posterior[kept].sum()
        possible = np.arange(trials + 1)
        log_choose = (
            self._log_factorial[trials]
            - self._log_factorial[possible]
            - self._log_factorial[trials - possible]
        )
        log = self._log_likelihood(possible, np.full(trials + 1, trials), kept) + log_choose
        pmf = weights @ np.exp(log)
        cumulative = np.cumsum(pmf)
        low, high = np.searchsorted(cumulative, [(1 - _CONFIDENCE) / 2, (1 + _CONFIDENCE) / 2])
        return (
            float(weights @ self._mean[kept]),
            float(weights @ self._overdispersion[kept]),
            low / trials,
            min(high, trials) / trials,
            float(min(pmf[count:].sum() - pmf[count] / 2, 1)),
        )


def _log_rising(start: Floats, steps: Integers) -> Floats:
    """Return logarithms of rising factorials, shape (starts, steps + 1)."""
    table = np.zeros((len(start), len(steps) + 1))
    np.cumsum(np.log(start[:, None] + steps), axis=1, out=table[:, 1:])
    return table
