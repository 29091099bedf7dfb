"""Abnormal returns of trades day by day: what their sums over a window are made of."""

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from quant.analytics.arrays import Flags, Floats, Integers
from quant.analytics.performance.expected_returns import Factors, Loadings


@dataclass(frozen=True, slots=True)
class DailyReturns:
    """Daily returns of n trades after entry, and what a model expects of them.

    What is unknown is 0; a trade whose window has a gap has no abnormal return to be a part of.

    Attributes:
        returns: Simple daily returns of k tickers, shape (k, d).
        factors: Factor returns, shape (p, d).
        risk_free: Shape (d,).
        entry: Row of each trade's entry, shape (n,).
        column: Place of its ticker in ``returns``, shape (n,).
        alpha: Shape (n,); NaN where not estimated.
        beta: Shape (n, p); likewise.
    """

    returns: Floats
    factors: Floats
    risk_free: Floats
    entry: Integers
    column: Integers
    alpha: Floats
    beta: Floats

    @classmethod
    def of(
        cls,
        returns: Floats,
        factors: Factors,
        loadings: Loadings,
        entry: Integers,
        column: Integers,
    ) -> "DailyReturns":
        """Return those of panels with the days in rows, shapes (d, k) and (d, p)."""
        return cls(
            np.ascontiguousarray(np.nan_to_num(returns).T),
            np.ascontiguousarray(np.nan_to_num(factors.returns).T),
            np.nan_to_num(factors.risk_free),
            entry,
            column,
            loadings.alpha,
            loadings.beta,
        )

    def take(self, which: Flags | Integers | slice) -> "DailyReturns":
        """Return those of the trades that a mask, places or a slice select."""
        return DailyReturns(
            self.returns,
            self.factors,
            self.risk_free,
            self.entry[which],
            self.column[which],
            self.alpha[which],
            self.beta[which],
        )

    def spread(self, places: Integers, trades: int) -> "DailyReturns":
        """Return these trades as those at some places of more, of which nothing is known."""
        entry, column = np.zeros(trades, dtype=np.int64), np.zeros(trades, dtype=np.int64)
        alpha, beta = np.full(trades, np.nan), np.full((trades, self.beta.shape[1]), np.nan)
        for values, own in (
            (entry, self.entry),
            (column, self.column),
            (alpha, self.alpha),
            (beta, self.beta),
        ):
            values[places] = own
        return DailyReturns(self.returns, self.factors, self.risk_free, entry, column, alpha, beta)

    def abnormal(self, horizon: int, *, compounded: bool) -> Floats:
        """Return what each trade's window gains on each of its days, shape (n, horizon).

        Args:
            horizon: Trading days after entry; no window may end after the last row.
            compounded: Whether the days add up to the BHAR, each with the change of the compounded
                returns; else to the CAR.
        """
        start = self.entry + 1
        actual: Floats = sliding_window_view(self.returns, horizon, axis=1)[self.column, start]
        expected = self.alpha[:, None] + sliding_window_view(self.risk_free, horizon)[start]
        for factor, loading in zip(self.factors, self.beta.T, strict=True):
            expected += loading[:, None] * sliding_window_view(factor, horizon)[start]
        if compounded:
            actual, expected = _gains(actual), _gains(expected)
        return actual - expected


def _gains(returns: Floats) -> Floats:
    """Return by how much one dollar grows on each day, shape (n, h)."""
    growth = np.cumprod(1 + returns, axis=1)
    gains: Floats = returns.copy()
    gains[:, 1:] *= growth[:, :-1]
    return gains
