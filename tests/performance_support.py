"""Synthetic prices and factors for tests, simulations and benchmarks of performance."""

import numpy as np
from backtest_support import trading_days

from quant.analytics.arrays import FactorPanel, PricePanel


def made_up_market(
    rng: np.random.Generator, days: int, tickers: int
) -> tuple[PricePanel, FactorPanel]:
    """Closes that load on three factors, and the factors; the benchmark is the market itself."""
    factors = rng.normal([3e-4, 0, 0], [0.01, 0.005, 0.005], (days, 3))
    risk_free = rng.uniform(0, 2e-4, days)
    loadings = rng.normal([1, 0.3, 0.1], [0.3, 0.5, 0.5], (tickers, 3))
    returns = risk_free[:, None] + factors @ loadings.T + rng.normal(0, 0.015, (days, tickers))
    close = rng.uniform(20, 200, tickers) * np.cumprod(1 + returns, axis=0)
    calendar = trading_days(days)
    return (
        PricePanel(
            calendar,
            tuple(f"T{number:03d}" for number in range(tickers)),
            close,
            "INDEX",
            1000 * np.cumprod(1 + factors[:, 0] + risk_free),
        ),
        FactorPanel(calendar, *factors.T, risk_free),
    )


def with_gaps(rng: np.random.Generator, panel: PricePanel, share: float) -> PricePanel:
    """The same with closes missing at random, and the first and last ticker listed for a part."""
    close = panel.close.copy()
    close[rng.random(close.shape) < share] = np.nan
    close[: len(close) // 2, 0] = np.nan
    close[len(close) * 2 // 3 :, -1] = np.nan
    return PricePanel(panel.days, panel.tickers, close, panel.benchmark, panel.benchmark_close)
