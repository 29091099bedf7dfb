"""Hidden Markov models of counts: likelihood, filtering, smoothing and the likeliest path.

The count of a week is Poisson, its rate that of a hidden state, and states follow each other as a
Markov chain: Rabiner (1989), Proceedings of the IEEE 77; Zucchini, MacDonald and Langrock (2016),
Hidden Markov Models for Time Series, chapters 1 to 5. Models and series come in batches of n, on
the last axis. A missing count (NaN) says nothing about the state.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.random import Generator

from quant.analytics.arrays import Floats, Integers
from quant.analytics.distributions import log_gamma

# So that a state whose counts are all 0 leaves other counts possible.
LEAST_RATE: Final = 1e-4


@dataclass(frozen=True, slots=True)
class PoissonHmm:
    """n models of up to k states; a state that a model lacks has no probability and rate 1.

    Attributes:
        start: Probability of each state at the first count, shape (k, n).
        transition: Probability of going from state i to state j, ``[i, j]``, shape (k, k, n).
        rates: Expected count in each state, shape (k, n).
    """

    start: Floats
    transition: Floats
    rates: Floats

    def take(self, which: Integers) -> "PoissonHmm":
        """Return the models at these places."""
        return PoissonHmm(self.start[:, which], self.transition[:, :, which], self.rates[:, which])

    def repeat(self, n: int) -> "PoissonHmm":
        """Return every model n times, copies next to each other."""
        return PoissonHmm(
            np.repeat(self.start, n, axis=1),
            np.repeat(self.transition, n, axis=2),
            np.repeat(self.rates, n, axis=1),
        )

    def by_rate(self) -> "PoissonHmm":
        """Return the models with their states in the order of their rates, the lowest first."""
        present = self.start + self.transition.sum(axis=0) > 0
        order = np.argsort(np.where(present, self.rates, np.inf), axis=0, kind="stable")
        rows = np.take_along_axis(self.transition, order[:, None, :], axis=0)
        return PoissonHmm(
            np.take_along_axis(self.start, order, axis=0),
            np.take_along_axis(rows, order[None, :, :], axis=1),
            np.take_along_axis(self.rates, order, axis=0),
        )

    def first(self, k: int) -> "PoissonHmm":
        """Return the models with their first k states alone."""
        return PoissonHmm(self.start[:k], self.transition[:k, :k], self.rates[:k])


@dataclass(frozen=True, slots=True)
class Inference:
    """What counts say about the states of n models.

    Attributes:
        log_likelihood: Natural logarithm, shape (n,).
        filtered: Probability of each state given the counts so far, shape (t, k, n).
        smoothed: Given all counts, hence known only in retrospect, shape (t, k, n).
        transitions: Expected number of moves from state i to j, shape (k, k, n).
    """

    log_likelihood: Floats
    filtered: Floats
    smoothed: Floats
    transitions: Floats


def log_emissions(model: PoissonHmm, counts: Floats) -> Floats:
    """Return the logarithm of the probability of each count in each state, shape (t, k, n).

    Args:
        model: n models.
        counts: Whole numbers, shape (t, n); NaN where missing.
    """
    known = ~np.isnan(counts)
    filled = np.where(known, counts, 0)
    factorial = _log_factorials(int(filled.max(initial=0)))[filled.astype(np.int64)]
    # A missing count is as likely in every state.
    logs: Floats = filled[:, None, :] * np.log(model.rates) - model.rates - factorial[:, None, :]
    logs *= known[:, None, :]
    return logs


@lru_cache(maxsize=16)
def _log_factorials(greatest: int) -> Floats:
    return log_gamma(np.arange(greatest + 1) + 1)


def filter_states(model: PoissonHmm, counts: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Run the forward recursion, scaled at each step.

    Args:
        model: n models.
        counts: Shape (t, n); NaN where missing.

    Returns:
        Filtered probabilities (t, k, n), which depend on no later count; log-likelihoods (n,); the
        emission probabilities (t, k, n) over their greatest; the scale of each step (t, n).
    """
    logs = log_emissions(model, counts)
    # A state that a model lacks must not set the scale of those it has.
    absent = model.start + model.transition.sum(axis=0) <= 0
    logs[:, absent] = -np.inf
    peak = logs.max(axis=1, keepdims=True)
    emissions = np.exp(logs - peak)
    filtered = np.empty_like(emissions)
    scale = np.empty(counts.shape)
    moves = np.empty_like(model.transition)
    current = model.start * emissions[0]
    for step in range(len(counts)):
        if step:
            np.multiply(model.transition, current[:, None, :], out=moves)
            current = moves.sum(axis=0)
            current *= emissions[step]
        np.add.reduce(current, axis=0, out=scale[step])
        current = np.divide(current, scale[step], out=filtered[step])
    log_likelihood = np.log(scale).sum(axis=0) + peak.sum(axis=(0, 1))
    return filtered, log_likelihood, emissions, scale


def infer(model: PoissonHmm, counts: Floats) -> Inference:
    """Run the forward and the backward recursion.

    Args:
        model: n models.
        counts: Shape (t, n); NaN where missing.
    """
    filtered, log_likelihood, emissions, scale = filter_states(model, counts)
    emissions /= scale[:, None, :]
    backward = np.empty_like(filtered)
    backward[-1] = 1
    moves = np.empty_like(model.transition)
    # From here on the emissions are multiplied by what follows them.
    for step in range(len(counts) - 2, -1, -1):
        emissions[step + 1] *= backward[step + 1]
        np.multiply(model.transition, emissions[step + 1], out=moves)
        np.add.reduce(moves, axis=1, out=backward[step])
    transitions = model.transition * np.einsum("tin,tjn->ijn", filtered[:-1], emissions[1:])
    return Inference(log_likelihood, filtered, filtered * backward, transitions)


def likeliest_path(model: PoissonHmm, counts: Floats) -> Integers:
    """Return the likeliest sequence of states of one model (Viterbi 1967), shape (t,).

    Args:
        model: One model (n = 1).
        counts: Shape (t,); NaN where missing.
    """
    logs = log_emissions(model, counts[:, None])[:, :, 0]
    with np.errstate(divide="ignore"):
        moves = np.log(model.transition[:, :, 0])
        best = np.log(model.start[:, 0]) + logs[0]
    came_from = np.empty(logs.shape, dtype=np.int64)
    for step in range(1, len(logs)):
        ways = best[:, None] + moves
        came_from[step] = ways.argmax(axis=0)
        best = ways.max(axis=0) + logs[step]
    path = np.empty(len(logs), dtype=np.int64)
    path[-1] = best.argmax()
    for step in range(len(logs) - 1, 0, -1):
        path[step - 1] = came_from[step, path[step]]
    return path


def stationary_distribution(transition: Floats) -> Floats:
    """Return the share of time in each state in the long run, shape (k,).

    Args:
        transition: Of one model, shape (k, k); of an irreducible chain.
    """
    k = len(transition)
    # pi (I - P + 1) = 1, with a matrix of ones: Zucchini et al. (2016), exercise 1.8.
    solution: Floats = np.linalg.lstsq(
        (np.eye(k) - transition + np.ones((k, k))).T, np.ones(k), rcond=None
    )[0]
    return solution


def expected_durations(transition: Floats) -> Floats:
    """Return the expected stay in each state, in steps: 1 / (1 - p_ii); infinite if none ends it.

    Args:
        transition: Of one model or more, shape (k, k, ...).
    """
    leaving = 1 - np.diagonal(transition)
    with np.errstate(divide="ignore"):
        durations: Floats = np.where(leaving > 1e-12, 1 / leaving, np.inf)
    return durations.T


def simulate(rng: Generator, model: PoissonHmm, t: int) -> tuple[Floats, Integers]:
    """Draw counts and states from n models.

    Returns:
        Counts, shape (t, n), and states, shape (t, n).
    """
    k, n = model.start.shape
    states = np.empty((t, n), dtype=np.int64)
    cumulated = np.cumsum(model.transition, axis=1)
    each = np.arange(n)
    uniform = rng.random((t, n))
    current = np.minimum((uniform[0] > np.cumsum(model.start, axis=0)).sum(axis=0), k - 1)
    for step in range(t):
        if step:
            reached = cumulated[current, :, each].T
            current = np.minimum((uniform[step] > reached).sum(axis=0), k - 1)
        states[step] = current
    counts = rng.poisson(np.take_along_axis(model.rates, states, axis=0)).astype(np.float64)
    return counts, states
