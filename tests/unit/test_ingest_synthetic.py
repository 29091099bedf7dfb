"""The sample's market: one index that moves every ticker, and the same prices for the same seed."""

from collections import defaultdict

import numpy as np

from quant.ingest.synthetic import INDEX, price_rows


def _log_returns(seed):
    closes = defaultdict(dict)
    for day, ticker, close, adjusted, _ in price_rows(seed):
        assert close == adjusted
        closes[ticker][day] = float(close)
    days = sorted(closes[INDEX])
    assert all(sorted(closes[ticker]) == days for ticker in closes)
    return {
        ticker: np.diff(np.log([values[day] for day in days])) for ticker, values in closes.items()
    }


def test_tickers_move_with_the_index():
    returns = _log_returns(1)
    market = returns.pop(INDEX)
    assert len(returns) == 24
    for ticker, series in returns.items():
        beta = np.cov(series, market)[0, 1] / market.var(ddof=1)
        # Between the least and the greatest beta, with a noise of 0.012 / 0.01 / sqrt(n).
        assert 0.6 - 0.1 < beta < 1.5 + 0.1, ticker
        noise = series - beta * market
        assert abs(noise.std() / 0.012 - 1) < 0.1, ticker


def test_noise_is_each_tickers_own():
    returns = _log_returns(1)
    market = returns.pop(INDEX)
    noise = np.array(
        [
            series - np.cov(series, market)[0, 1] / market.var(ddof=1) * market
            for series in returns.values()
        ]
    )
    correlations = np.corrcoef(noise)[np.triu_indices(len(noise), 1)]
    # 276 correlations of some 1,600 days: four and a half standard errors.
    assert np.abs(correlations).max() < 4.5 / np.sqrt(noise.shape[1])


def test_the_same_seed_gives_the_same_prices():
    assert price_rows(7) == price_rows(7)
    assert price_rows(7) != price_rows(8)
