"""Regimes of trading: fitting hidden Markov models, choosing the number of states, testing it."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.random import Generator

from quant.analytics.arrays import Floats, Integers
from quant.analytics.patterns.hmm import LEAST_RATE, PoissonHmm, infer, simulate
from quant.analytics.patterns.surrogates import empirical_p_values, permutations

MOST_STATES: Final = 4
# A gain of the log-likelihood below this ends the iteration, as by default in hmmlearn.
_TOLERANCE: Final = 1e-2
_SHORT_RUN: Final = 15
_LONGEST_RUN: Final = 150
# Models fitted at once; more would not stay in a processor's cache.
_BATCH: Final = 512
# Persistence of the two-state chain that the test compares with none.
_PERSISTENCE: Final = np.array([0.5, 0.7, 0.8, 0.9, 0.95, 0.98])
_GREATEST_LOG_RATIO: Final = 50.0


@dataclass(frozen=True, slots=True)
class Fits:
    """The best model of each number of states for each of s series.

    Attributes:
        models: ``models[j]`` has j + 1 states, the lowest rate first; s of them.
        log_likelihood: Shape (states, s).
        bic: Bayesian information criterion, the smaller the better, shape (states, s).
        observations: Counts that are not missing, shape (s,).
    """

    models: tuple[PoissonHmm, ...]
    log_likelihood: Floats
    bic: Floats
    observations: Integers

    @property
    def states(self) -> Integers:
        """The number of states that the criterion prefers, shape (s,)."""
        return np.argmin(self.bic, axis=0) + 1


def fit_states(
    rng: Generator, counts: Floats, *, restarts: int, most_states: int = MOST_STATES
) -> Fits:
    """Fit Poisson hidden Markov models of 1 to ``most_states`` states by Baum-Welch.

    Every model is begun ``restarts`` times from random rates and runs for 15 iterations; the best
    goes on until the log-likelihood gains less than 0.01, at most 150 iterations more. BIC is
    ``-2 log L + (k**2 + k - 1) log t`` (Schwarz 1978, Annals of Statistics 6).

    Args:
        rng: Source of randomness.
        counts: Shape (t, s), NaN where missing; time first.
        restarts: Random beginnings of each model.
        most_states: Greatest number of states.
    """
    s = counts.shape[1]
    tried = np.arange(2, most_states + 1)
    rate = np.maximum(np.nanmean(counts, axis=0), LEAST_RATE)
    one = PoissonHmm(np.ones((1, s)), np.ones((1, 1, s)), rate[None])
    models = [one]
    log_likelihood = [infer(one, counts).log_likelihood]
    if len(tried):
        # Restarts within numbers of states within series.
        wide = np.repeat(counts, len(tried) * restarts, axis=1)
        begun, reached = _run(_begin(rng, counts, tried, restarts), wide, _SHORT_RUN)
        leading = reached.reshape(-1, restarts).argmax(axis=1) + np.arange(
            0, len(reached), restarts
        )
        fitted, reached = _run(begun.take(leading), wide[:, leading], _LONGEST_RUN)
        for place, k in enumerate(range(2, most_states + 1)):
            own = np.arange(place, len(reached), len(tried))
            models.append(fitted.take(own).first(k).by_rate())
            log_likelihood.append(reached[own])
    observations = np.count_nonzero(~np.isnan(counts), axis=0)
    likelihoods = np.array(log_likelihood)
    states = np.arange(1, most_states + 1)[:, None]
    bic = -2 * likelihoods + (states**2 + states - 1) * np.log(np.maximum(observations, 1))
    return Fits(tuple(models), likelihoods, bic, observations)


def _begin(rng: Generator, counts: Floats, tried: Integers, restarts: int) -> PoissonHmm:
    """Return where the models begin: rates at random quantiles, states that persist."""
    s, most = counts.shape[1], int(tried.max())
    shape = (s, len(tried), restarts)
    quantiles = np.sort(rng.random((most, *shape)), axis=0)
    ordered = np.sort(counts, axis=0)  # NaN last
    known = np.count_nonzero(~np.isnan(counts), axis=0)[:, None, None]
    picked = (quantiles * known).astype(np.int64)
    rates = ordered[picked, np.arange(s)[:, None, None]]
    # Apart, where quantiles of counts tie.
    rates = (rates + 0.1) * np.exp(0.3 * rng.standard_normal(rates.shape))
    present = np.arange(most)[:, None] < tried
    start = np.broadcast_to((present / tried)[:, None, :, None], (most, *shape))
    stay = rng.uniform(0.7, 0.98, shape)
    leave = (1 - stay) / (tried - 1)[:, None]
    both = (present[:, None] & present[None])[:, :, None, :, None]
    same = np.eye(most, dtype=bool)[:, :, None, None, None]
    transition = np.where(both, np.where(same, stay, leave), 0)
    rates = np.where(present[:, None, :, None], np.maximum(rates, LEAST_RATE), 1.0)
    return PoissonHmm(
        start.reshape(most, -1), transition.reshape(most, most, -1), rates.reshape(most, -1)
    )


def _run(model: PoissonHmm, counts: Floats, iterations: int) -> tuple[PoissonHmm, Floats]:
    """Iterate Baum-Welch on each model and its series until none gains, in batches.

    Returns:
        The models and the log-likelihood of each at its last step, shape (n,).
    """
    n = counts.shape[1]
    parts = [
        _run_batch(model.take(places), counts[:, places], iterations)
        for places in np.array_split(np.arange(n), -(-n // _BATCH))
    ]
    models = [part for part, _ in parts]
    return (
        PoissonHmm(
            np.concatenate([each.start for each in models], axis=-1),
            np.concatenate([each.transition for each in models], axis=-1),
            np.concatenate([each.rates for each in models], axis=-1),
        ),
        np.concatenate([reached for _, reached in parts]),
    )


def _run_batch(model: PoissonHmm, counts: Floats, iterations: int) -> tuple[PoissonHmm, Floats]:
    start, transition, rates = (
        values.copy() for values in (model.start, model.transition, model.rates)
    )
    reached = np.full(counts.shape[1], -np.inf)
    active = np.arange(counts.shape[1])
    for _ in range(iterations):
        present = PoissonHmm(start, transition, rates).take(active)
        following, log_likelihood = _step(present, counts[:, active])
        gaining = log_likelihood - reached[active] > _TOLERANCE
        reached[active] = log_likelihood
        # What no longer gains keeps the parameters that its log-likelihood is of.
        active = active[gaining]
        if not len(active):
            break
        start[:, active] = following.start[:, gaining]
        transition[:, :, active] = following.transition[:, :, gaining]
        rates[:, active] = following.rates[:, gaining]
    if len(active):
        last = PoissonHmm(start, transition, rates).take(active)
        reached[active] = infer(last, counts[:, active]).log_likelihood
    return PoissonHmm(start, transition, rates), reached


def _step(model: PoissonHmm, counts: Floats) -> tuple[PoissonHmm, Floats]:
    """Return the models after one iteration, and the log-likelihood before it."""
    inferred = infer(model, counts)
    known = ~np.isnan(counts)
    weights = inferred.smoothed * known[:, None, :]
    total = weights.sum(axis=0)
    rates = np.einsum("tkn,tn->kn", weights, np.where(known, counts, 0))
    # A state without weight, as those that a model lacks, stays as it is.
    rates = np.where(
        total > 0, np.maximum(rates / np.maximum(total, 1e-300), LEAST_RATE), model.rates
    )
    leaving = inferred.transitions.sum(axis=1, keepdims=True)
    transition = np.where(
        leaving > 0, inferred.transitions / np.maximum(leaving, 1e-300), model.transition
    )
    return PoissonHmm(inferred.smoothed[0], transition, rates), inferred.log_likelihood


def bootstrap(
    rng: Generator, model: PoissonHmm, t: int, *, n: int, iterations: int = 50
) -> PoissonHmm:
    """Refit a model to n series drawn from it, beginning at its own parameters.

    The spread of the refitted parameters is their sampling uncertainty, given the number of states
    (Zucchini et al. 2016, section 3.6.2).

    Args:
        rng: Source of randomness.
        model: One model, its states by rate.
        t: Length of the series.
        n: How many.
        iterations: Most Baum-Welch iterations.
    """
    counts, _ = simulate(rng, model.repeat(n), t)
    refitted, _ = _run(model.repeat(n), counts, iterations)
    return refitted.by_rate()


def persistence_test(rng: Generator, counts: Floats, *, n: int) -> Floats:
    """Return p-values of the null that weeks are exchangeable, against regimes that persist.

    BIC is no test, and for counts more dispersed than Poisson it prefers several states even if
    busy weeks follow no pattern. The statistic is the log-likelihood of a chain of two states, for
    counts above and up to the mean, that stays with probability rho and else forgets where it was,
    maximised over rho. Rates and shares of the states are the same for all permutations of a
    series, so that persistence alone makes the difference and the test is exact.

    Args:
        rng: Source of randomness.
        counts: Shape (s, t), none missing.
        n: Permutations.

    Returns:
        Shape (s,).
    """
    p_values = np.empty(len(counts))
    rows = max(1, (1 << 20) // (n * counts.shape[1]))
    for first in range(0, len(counts), rows):
        part = counts[first : first + rows]
        series = np.concatenate([part[:, None, :], permutations(rng, part, n)], axis=1)
        gains = _persistence_gain(series)
        p_values[first : first + rows] = empirical_p_values(gains[:, 0], gains[:, 1:])
    return p_values


def _persistence_gain(series: Floats) -> Floats:
    """Return the log-likelihood ratio of the best persistence to none, up to a constant.

    Args:
        series: Each first series with its permutations, shape (s, m, t).

    Returns:
        Shape (s, m).
    """
    original = series[:, 0]
    busy = original > original.mean(axis=1, keepdims=True)
    # Half a trade more keeps the rate of a state without any trade above 0.
    high = (np.sum(original * busy, axis=1) + 0.5) / (busy.sum(axis=1) + 1)
    low = (np.sum(original * ~busy, axis=1) + 0.5) / ((~busy).sum(axis=1) + 1)
    high = np.maximum(high, low)
    ratio = series * np.log(high / low)[:, None, None] - (high - low)[:, None, None]
    ratio = np.exp(ratio.clip(-_GREATEST_LOG_RATIO, _GREATEST_LOG_RATIO))
    # Time first, so that a step is one contiguous block.
    ratio = np.ascontiguousarray(np.moveaxis(ratio, -1, 0))[:, :, :, None]
    stationary = busy.mean(axis=1)[:, None, None]
    probability = np.broadcast_to(stationary, (*series.shape[:2], len(_PERSISTENCE)))
    forgotten = (1 - _PERSISTENCE) * stationary
    log_likelihood = np.zeros(probability.shape)
    likelihood = np.ones(probability.shape)
    for step in range(len(ratio)):
        expected = probability * _PERSISTENCE + forgotten
        joint = expected * ratio[step]
        evidence = 1 - expected + joint
        probability = joint / evidence
        likelihood *= evidence
        # Five factors of at most exp(50) do not overflow; a logarithm at each step would be slow.
        if step % 5 == 4:
            log_likelihood += np.log(likelihood)
            likelihood.fill(1)
    best: Floats = (log_likelihood + np.log(likelihood)).max(axis=-1)
    return best
