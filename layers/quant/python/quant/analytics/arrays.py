"""Trades and prices as columns: what every analysis takes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

type Days = NDArray[np.datetime64]
type Floats = NDArray[np.float64]
type Integers = NDArray[np.int64]
type Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class TradeArrays:
    """n trades as columns of length n; text is coded by its place in a table of names.

    Attributes:
        politician: Place in the caller's table of politicians.
        ticker: Place in the caller's table of tickers; -1 without a ticker.
        side: 1 for a purchase, -1 for a sale, 0 for an exchange.
        transaction_day: Day of the transaction (``datetime64[D]``).
        disclosure_day: Day it became public; NaT where unknown. A follower can act on it only after
            the close of that day.
        amount_min: Lower end of the disclosed range, US dollars.
        amount_max: Upper end of the disclosed range, US dollars; NaN without one.
    """

    politician: Integers
    ticker: Integers
    side: Integers
    transaction_day: Days
    disclosure_day: Days
    amount_min: Floats
    amount_max: Floats

    def __len__(self) -> int:
        return len(self.politician)

    def take(self, which: Flags | Integers) -> "TradeArrays":
        """Return the trades that a mask or an array of places selects."""
        return TradeArrays(
            self.politician[which],
            self.ticker[which],
            self.side[which],
            self.transaction_day[which],
            self.disclosure_day[which],
            self.amount_min[which],
            self.amount_max[which],
        )


@dataclass(frozen=True, slots=True)
class PricePanel:
    """Adjusted closes of k tickers and of the benchmark on d trading days.

    Attributes:
        days: Trading days, ascending (``datetime64[D]``), shape (d,).
        tickers: Symbols of the columns.
        close: Adjusted closes, US dollars, shape (d, k); NaN where there is none.
        benchmark: Symbol of the benchmark; None where none has prices.
        benchmark_close: Its adjusted closes, shape (d,); NaN where there is none.
    """

    days: Days
    tickers: tuple[str, ...]
    close: Floats
    benchmark: str | None
    benchmark_close: Floats


@dataclass(frozen=True, slots=True)
class FactorPanel:
    """Daily Fama-French factor returns, as fractions (0.01 is one per cent), on d trading days.

    Source: Fama and French (1993), Journal of Financial Economics 33; Kenneth R. French's data
    library.

    Attributes:
        days: Trading days, ascending (``datetime64[D]``), shape (d,).
        market: Market return in excess of the risk-free rate.
        smb: Small minus big.
        hml: High minus low.
        risk_free: Risk-free rate.
    """

    days: Days
    market: Floats
    smb: Floats
    hml: Floats
    risk_free: Floats
