"""Abnormal returns of trades as the database holds them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
from sqlalchemy import Connection

from quant.analytics.arrays import FactorPanel, Flags, Floats, Integers, PricePanel
from quant.analytics.performance.alpha import Frequency
from quant.analytics.performance.event_study import AbnormalReturns, abnormal_returns
from quant.analytics.performance.vocabulary import HORIZONS, Event, Model
from quant.analytics.performance.weights import closed_ranges, trade_weights
from quant.reports.documents import sample
from quant.reports.load import LoadedTrades, load_factors, load_prices, load_trades
from quant.reports.performance_query import Configuration


@dataclass(frozen=True, slots=True)
class Study:
    """Trades with the prices and factors to measure them by.

    Attributes:
        trades: n trades.
        prices: Adjusted closes of their tickers.
        factors: Fama-French factors by frequency; None where there are none.
    """

    trades: LoadedTrades
    prices: PricePanel
    factors: Mapping[Frequency, FactorPanel | None]
    _found: dict[tuple[Event, Model], AbnormalReturns] = field(default_factory=dict)

    def abnormal(self, event: Event, model: Model) -> AbnormalReturns:
        """Return the abnormal returns of all trades, computed once."""
        if (event, model) not in self._found:
            self._found[event, model] = abnormal_returns(
                self.trades.arrays,
                self.prices,
                event=event,
                model=model,
                is_stock=self.trades.is_stock,
                factors=self.factors[Frequency.DAILY],
            )
        return self._found[event, model]

    def measured(self, configuration: Configuration) -> "Measured":
        """Return what means of the trades are made of."""
        arrays = self.trades.arrays
        low, high = closed_ranges(arrays.amount_min, arrays.amount_max)
        return Measured(
            returns=self.abnormal(configuration.event, configuration.model),
            weights=trade_weights(arrays.amount_min, arrays.amount_max, configuration.weighting),
            low=low,
            high=high,
            side=arrays.side,
            politician=arrays.politician,
            ticker=arrays.ticker,
        )

    def reason(self, configuration: Configuration) -> str | None:
        """Say why no trade has an abnormal return, None where one has."""
        if self.abnormal(configuration.event, configuration.model).included.any():
            return None
        if not len(self.trades.arrays):
            return "There are no trades."
        lacks_factors = self.factors[Frequency.DAILY] is None
        if configuration.model is Model.FAMA_FRENCH and lacks_factors:
            return "No Fama-French factors are known."
        if self.prices.benchmark is None:
            return "No benchmark has prices."
        if not np.isfinite(self.prices.close).any():
            return "None of the tickers traded has prices."
        return "No trade has a window; `windows` counts why."

    def sample(self, configuration: Configuration) -> dict[str, Any]:
        """Return what an answer says of the trades, at the shortest horizon."""
        found = self.abnormal(configuration.event, configuration.model)
        used = int(found.included[:, 0].sum())
        return sample(self.trades, used=used, excluded=found.excluded(HORIZONS[0]))

    def windows(self, configuration: Configuration) -> list[dict[str, Any]]:
        """Return how many trades have a window at each horizon, and why others have none."""
        found = self.abnormal(configuration.event, configuration.model)
        return [
            {
                "horizon": horizon,
                "used": int(found.included[:, place].sum()),
                "excluded": found.excluded(horizon),
            }
            for place, horizon in enumerate(HORIZONS)
        ]


@dataclass(frozen=True, slots=True)
class Measured:
    """Columns of n trades that means are made of.

    Attributes:
        returns: Abnormal returns.
        weights: Of the configuration, positive, shape (n,).
        low: Lower ends of the disclosed ranges, US dollars, shape (n,).
        high: Upper ends, the lower one where there is none, shape (n,).
        side: 1 for a purchase, -1 for a sale, shape (n,).
        politician: Whose, shape (n,).
        ticker: Of what, shape (n,).
    """

    returns: AbnormalReturns
    weights: Floats
    low: Floats
    high: Floats
    side: Integers
    politician: Integers
    ticker: Integers

    def __len__(self) -> int:
        return len(self.side)

    def take(self, which: Flags | Integers) -> "Measured":
        """Return the trades that a mask or an array of places selects."""
        return Measured(
            returns=self.returns.take(which),
            weights=self.weights[which],
            low=self.low[which],
            high=self.high[which],
            side=self.side[which],
            politician=self.politician[which],
            ticker=self.ticker[which],
        )


def load_study(
    connection: Connection, *, politicians: Sequence[Any] | None = None, as_of: date | None = None
) -> Study:
    """Read trades with their prices and factors.

    Args:
        connection: Connection to read from.
        politicians: Identifiers of whose trades; None for everybody's.
        as_of: Use only what was known at the end of this day: trades disclosed, prices and factors
            dated up to it. None for all.
    """
    trades = load_trades(connection, politicians=politicians, as_of=as_of)
    factors = {
        frequency: _until(load_factors(connection, frequency), as_of) for frequency in Frequency
    }
    return Study(trades, load_prices(connection, trades.tickers, last=as_of), factors)


def _until(panel: FactorPanel | None, last: date | None) -> FactorPanel | None:
    if panel is None or last is None:
        return panel
    known = panel.days <= np.datetime64(last, "D")
    if not known.any():
        return None
    return FactorPanel(
        panel.days[known],
        panel.market[known],
        panel.smb[known],
        panel.hml[known],
        panel.risk_free[known],
    )
