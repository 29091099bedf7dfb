"""Synthetic trades and prices for tests, simulations and benchmarks of backtests."""

import numpy as np

from quant.analytics.arrays import PricePanel, TradeArrays

FLOORS = np.array([1001.0, 15001.0, 50001.0, 100001.0, 250001.0])
CEILINGS = np.array([15000.0, 50000.0, 100000.0, 250000.0, 500000.0])


def trading_days(count: int, first: str = "2012-01-02") -> np.ndarray:
    """Weekdays, as of an exchange without holidays."""
    return np.busday_offset(np.datetime64(first), np.arange(count))


def made_up_prices(rng: np.random.Generator, days: int, tickers: int) -> PricePanel:
    """Closes that follow a geometric random walk with a common factor of beta 1, no gaps."""
    common = rng.normal(3e-4, 0.01, days)
    own = rng.normal(0, 0.015, (days, tickers))
    close = 50 * np.exp(np.cumsum(common[:, None] + own, axis=0))
    symbols = tuple(f"T{number:03d}" for number in range(tickers))
    benchmark = 1000 * np.exp(np.cumsum(common))
    return PricePanel(trading_days(days), symbols, close, "INDEX", benchmark)


def made_up_trades(
    rng: np.random.Generator, count: int, panel: PricePanel, politicians: int = 20
) -> TradeArrays:
    """Trades of both sides disclosed up to 45 days late, on any day of the panel's time."""
    span = int((panel.days[-1] - panel.days[0]).astype(int))
    disclosed = panel.days[0] + rng.integers(0, span, count).astype("timedelta64[D]")
    category = rng.integers(0, len(FLOORS), count)
    return TradeArrays(
        politician=rng.integers(0, politicians, count),
        ticker=rng.integers(0, len(panel.tickers), count),
        side=rng.choice(np.array([1, -1]), count),
        transaction_day=disclosed - rng.integers(1, 46, count).astype("timedelta64[D]"),
        disclosure_day=disclosed,
        amount_min=FLOORS[category],
        amount_max=CEILINGS[category],
    )
