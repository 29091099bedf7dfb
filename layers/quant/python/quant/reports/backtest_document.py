"""What a report says of one backtest."""

import hashlib
import math
from typing import Any, Final

import numpy as np

from quant.analytics.arrays import Days, Flags, Floats, Integers, TradeArrays
from quant.analytics.backtest.portfolio import Market
from quant.analytics.backtest.risk import (
    Comparison,
    clustered_share,
    compare,
    drawdown,
    mean_return,
)
from quant.analytics.backtest.run import Backtest
from quant.analytics.backtest.selection import familywise_p_value
from quant.analytics.backtest.sharpe import (
    TRADING_DAYS,
    SharpeRatio,
    deflated_sharpe_ratio,
    expected_maximum,
    probabilistic_sharpe_ratio,
    sharpe_ratio,
)
from quant.analytics.backtest.sweep import grid, sweep
from quant.analytics.distributions import normal_ppf, normal_sf
from quant.methods.backtest import FAMILYWISE
from quant.reports.backtest_query import BacktestQuery, Resolution
from quant.reports.documents import estimate, null_if_nan

# Share of a ticker's dollar volume that the capacity is about where none is asked for.
CAPACITY_SHARE: Final = 0.01

_LEVEL: Final = 0.05
_Z: Final = float(normal_ppf(0.975))


def result_document(
    found: Backtest, trades: TradeArrays, returns: Market, query: BacktestQuery
) -> dict[str, Any]:
    """Return what a backtest found.

    Args:
        found: The backtest.
        trades: What the group disclosed.
        returns: Of all tickers they traded, on all days.
        query: What was asked for.
    """
    days = len(found.returns)
    mean = mean_return(found.returns)
    closed, own, benchmark = found.outcomes()
    opened_in = found.days[closed.entry].astype("datetime64[M]").astype(np.int64)
    return {
        "first_day": found.days[0].item(),
        "last_day": found.days[-1].item(),
        "trading_days": days,
        "total_return": _finite(found.equity[-1] - 1),
        "annual_return": _annual(found.equity),
        "mean_annual_return": _estimate(
            mean.value * TRADING_DAYS, mean.error * TRADING_DAYS, days, null=0.0
        ),
        "annual_volatility": _volatility(found.returns),
        "risk_free_known": _mean(found.market.risk_free_known[1:]),
        "sharpe": _sharpe(sharpe_ratio(found.returns - found.risk_free), trades, returns, query),
        "drawdown": _drawdown(found.equity, found.days),
        "trading": {
            "positions": len(found.positions),
            "open_at_end": len(found.positions) - len(closed),
            "mean_positions": _mean_open(found),
            "mean_exposure": _mean(found.exposure),
            "mean_net_exposure": _mean(found.net),
            "share_of_days_invested": _mean(found.exposure > 0),
            # One way: what is bought, or sold, a year as a multiple of the equity.
            "annual_turnover": _mean(found.path.traded) * TRADING_DAYS / 2,
            "annual_cost": _mean(found.path.traded) * TRADING_DAYS * query.configuration.cost_rate,
            "hit_rate": _share(own > 0, opened_in),
            "share_above_benchmark": None
            if found.market.benchmark is None
            else _share(own > benchmark, opened_in),
        },
        "capacity": {
            "share_of_dollar_volume": query.configuration.capacity_share or CAPACITY_SHARE,
            "capital": found.capacity,
            "exposure_with_known_volume": found.volume_known,
        },
        "benchmark": None if found.market.benchmark is None else _benchmark(found),
        "curve": _curve(found, query.resolution),
    }


def _sharpe(
    ratio: SharpeRatio | None, trades: TradeArrays, returns: Market, query: BacktestQuery
) -> dict[str, Any] | None:
    """Return what is said of the Sharpe ratio, None where the returns allow none."""
    if ratio is None:
        return None
    configurations = grid(query.configuration)
    if query.configuration not in configurations:
        configurations = (*configurations, query.configuration)
    everyone = [np.ones(len(trades), dtype=bool)]
    swept = sweep(trades, returns, everyone, configurations, start=query.start, end=query.end)
    trials = query.trials or len(configurations)
    variance = swept.sharpe_variance
    deflated = float(deflated_sharpe_ratio(ratio.moments, trials, variance))
    corrected = familywise_p_value(swept, configurations.index(query.configuration), _random(query))
    annual = math.sqrt(TRADING_DAYS)
    return {
        "annual": {
            **_estimate(
                ratio.value * annual, ratio.error_robust * annual, int(ratio.moments.observations)
            ),
            "p_value": ratio.p_value,
        },
        "standard_error_normal": ratio.error_normal * annual,
        "standard_error_independent": ratio.error_independent * annual,
        "lags": ratio.lags,
        "autocorrelation": ratio.autocorrelation,
        "skewness": float(ratio.moments.skewness),
        "kurtosis": float(ratio.moments.kurtosis),
        "probabilistic": float(probabilistic_sharpe_ratio(ratio.moments)),
        "deflated": null_if_nan(deflated),
        "trials": trials,
        "trials_in_sweep": len(configurations),
        "expected_maximum": null_if_nan(expected_maximum(trials, variance) * annual),
        "familywise_p_value": null_if_nan(corrected),
        "finding": _finding(corrected, deflated, trials, len(configurations)),
    }


def _finding(corrected: float, deflated: float, trials: int, swept: int) -> str:
    """Say in words whether the ratio beats its null hypothesis."""
    beats = corrected <= _LEVEL and deflated >= 1 - _LEVEL
    return (
        f"The Sharpe ratio {'is above what luck gives' if beats else 'does not beat its null'}: "
        f"corrected for the {swept} configurations of the sweep, p = {corrected:.3f}; the deflated "
        f"Sharpe ratio over {trials} trials is {deflated:.3f}, where at least 0.95 is evidence."
    )


def _random(query: BacktestQuery) -> np.random.Generator:
    """Return a generator that depends on what is asked alone, so that answers repeat."""
    named = f"{FAMILYWISE.id} {query.politician} {query.committee} {query.party} {query.chamber}"
    seed = int.from_bytes(hashlib.sha256(named.encode()).digest()[:8])
    return np.random.Generator(np.random.PCG64(seed))


def _drawdown(equity: Floats, days: Days) -> dict[str, Any]:
    found = drawdown(equity)
    return {
        "depth": found.depth,
        "peak": days[found.peak].item(),
        "trough": days[found.trough].item(),
        "recovery": None if found.recovery is None else days[found.recovery].item(),
        "longest_trading_days": found.longest,
    }


def _benchmark(found: Backtest) -> dict[str, Any]:
    returns = found.benchmark_returns
    equity = np.concatenate([[1.0], np.cumprod(1 + returns)])
    ratio = sharpe_ratio(returns - found.risk_free)
    compared = compare(found.returns, returns, found.risk_free)
    return {
        "symbol": found.market.benchmark,
        "total_return": _finite(equity[-1] - 1),
        "annual_return": _annual(equity),
        "annual_volatility": _volatility(returns),
        "sharpe": _annual_ratio(ratio, len(returns)),
        "drawdown": _drawdown(equity, found.days),
        **_compared(compared, len(returns)),
    }


def _compared(compared: Comparison, days: int) -> dict[str, Any]:
    alpha = beta = (math.nan, math.nan)
    if compared.capm is not None:
        pairs = zip(compared.capm.coefficients, compared.capm.standard_errors, strict=True)
        alpha, beta = ((float(value), float(error)) for value, error in pairs)
    active = compared.active
    return {
        "active_return": _estimate(
            active.value * TRADING_DAYS, active.error * TRADING_DAYS, days, null=0.0
        ),
        "tracking_error": null_if_nan(compared.tracking_error),
        "information_ratio": _annual_ratio(compared.information, days),
        "alpha": _estimate(alpha[0] * TRADING_DAYS, alpha[1] * TRADING_DAYS, days, null=0.0),
        "beta": _estimate(*beta, days),
    }


def _annual_ratio(ratio: SharpeRatio | None, days: int) -> dict[str, Any]:
    if ratio is None:
        return estimate(math.nan, n=days)
    annual = math.sqrt(TRADING_DAYS)
    return _estimate(ratio.value * annual, ratio.error_robust * annual, days)


def _share(hits: Flags, cluster: Integers) -> dict[str, Any]:
    found = clustered_share(hits.astype(np.float64), cluster)
    return estimate(
        found.value,
        n=found.count,
        standard_error=found.error,
        low=max(found.value - _Z * found.error, 0.0),
        high=min(found.value + _Z * found.error, 1.0),
    )


def _estimate(value: float, error: float, n: int, null: float | None = None) -> dict[str, Any]:
    """Return a number with its interval, and the two-sided p-value of a null hypothesis."""
    p_value = None
    if null is not None and error > 0:
        p_value = 2 * float(normal_sf(abs(value - null) / error))
    return estimate(
        value,
        n=n,
        standard_error=error,
        low=value - _Z * error,
        high=value + _Z * error,
        p_value=p_value,
    )


def _annual(equity: Floats) -> float | None:
    days = len(equity) - 1
    return _finite(float(equity[-1]) ** (TRADING_DAYS / days) - 1) if days else None


def _volatility(returns: Floats) -> float | None:
    if len(returns) < 2:
        return None
    return _finite(float(returns.std(ddof=1)) * math.sqrt(TRADING_DAYS))


def _mean(values: Floats | Flags) -> float:
    return float(values.mean()) if len(values) else 0.0


def _mean_open(found: Backtest) -> float:
    held = np.minimum(found.positions.exit, len(found.market)) - found.positions.entry
    return float(held.sum() / len(found.market))


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _curve(found: Backtest, resolution: Resolution) -> list[dict[str, Any]]:
    """Return the curve's first row and the last of each week, month or day."""
    number = found.days.astype(np.int64)
    period = {
        Resolution.DAY: number,
        # 1 January 1970 was a Thursday; weeks begin on Mondays.
        Resolution.WEEK: (number + 3) // 7,
        Resolution.MONTH: found.days.astype("datetime64[M]").astype(np.int64),
    }[resolution]
    last = np.append(period[1:] != period[:-1], True)
    last[0] = True
    rows = np.flatnonzero(last)
    benchmark = np.concatenate([[1.0], np.cumprod(1 + found.benchmark_returns)])
    below = found.equity / np.maximum.accumulate(found.equity) - 1
    return [
        {
            "day": day,
            "equity": equity,
            "benchmark": None if found.market.benchmark is None else index,
            "drawdown": depth,
            "exposure": exposure,
        }
        for day, equity, index, depth, exposure in zip(
            found.days[rows].tolist(),
            found.equity[rows].tolist(),
            benchmark[rows].tolist(),
            below[rows].tolist(),
            found.exposure[rows].tolist(),
            strict=True,
        )
    ]
