"""Sharpe ratios of made-up returns: how wide their errors are, and what choosing the best does."""

import numpy as np
from backtest_support import made_up_trades, trading_days
from report import Report, package_versions

from quant.analytics.arrays import PricePanel
from quant.analytics.backtest.portfolio import market
from quant.analytics.backtest.rules import Configuration
from quant.analytics.backtest.selection import familywise_p_value
from quant.analytics.backtest.sharpe import (
    Moments,
    deflated_sharpe_ratio,
    moments,
    probabilistic_sharpe_ratio,
    sharpe_ratio,
    sidak_p_value,
)
from quant.analytics.backtest.sweep import grid, sweep
from quant.analytics.intervals import wilson_interval

LEVEL = 0.05
SIMULATIONS = 2000
PIPELINE_SIMULATIONS = 1000
YEARS_5 = 1260
YEARS_2 = 504
TRIALS = (1, 10, 90)
CORRELATIONS = (0.0, 0.5, 0.9)
# Of the daily returns: 0.8 a year.
RATIO = 0.05


def _independent(rng, shape):
    return rng.normal(size=shape)


def _skewed(rng, shape):
    """Student's t with 6 degrees of freedom, its losses larger than its gains."""
    drawn = rng.standard_t(6, size=shape) / np.sqrt(1.5)
    drawn = np.where(drawn < 0, 1.3 * drawn, drawn)
    # Mean and standard deviation of the skewed distribution, from E|t| = 0.91856 of t(6).
    half = 0.91856 / np.sqrt(1.5) / 2
    mean = -0.3 * half
    return (drawn - mean) / np.sqrt((1 + 1.69) / 2 - mean**2)


def _moving_average(rng, shape):
    """Each day's return carries 0.4 of the shock of the day before."""
    shocks = rng.normal(size=(*shape[:-1], shape[-1] + 1))
    return (shocks[..., 1:] + 0.4 * shocks[..., :-1]) / np.sqrt(1.16)


def _volatile(rng, shape):
    """GARCH(1, 1) with coefficients 0.08 and 0.9, of unit variance."""
    shocks = rng.normal(size=shape)
    variance = np.ones(shape[:-1])
    for day in range(shape[-1]):
        shocks[..., day] *= np.sqrt(variance)
        variance = 0.02 + 0.08 * shocks[..., day] ** 2 + 0.9 * variance
    return shocks


PROCESSES = {
    "independent normal": _independent,
    "independent, fat-tailed and skewed": _skewed,
    "moving average 0.4": _moving_average,
    "GARCH (1, 1)": _volatile,
}
ERRORS = ("error_normal", "error_independent", "error_robust")


def coverage(process: str, simulations: int = SIMULATIONS) -> dict[str, float]:
    """Share of 95 % intervals that hold the true ratio, by standard error."""
    rng = np.random.default_rng([20140501, list(PROCESSES).index(process)])
    drawn = RATIO + PROCESSES[process](rng, (simulations, YEARS_5))
    found = [sharpe_ratio(series) for series in drawn]
    off = np.abs([one.value - RATIO for one in found])
    return {
        name: float(np.mean(off < 1.959964 * np.array([getattr(one, name) for one in found])))
        for name in ERRORS
    }


def _rejections(of: Moments) -> np.ndarray:
    """Whether each test takes the best of the trials for skill: naive, Sidak, deflated."""
    ratios = of.sharpe
    best = int(np.nanargmax(ratios))
    variance = float(np.nanvar(ratios, ddof=1)) if len(ratios) > 1 else 0.0
    one = Moments(
        *(
            getattr(of, name)[best]
            for name in ("observations", "mean", "deviation", "skewness", "kurtosis")
        )
    )
    p_value = 1 - float(probabilistic_sharpe_ratio(one))
    return np.array(
        [
            p_value <= LEVEL,
            float(sidak_p_value(p_value, len(ratios))) <= LEVEL,
            float(deflated_sharpe_ratio(one, len(ratios), variance)) >= 1 - LEVEL,
        ]
    )


def best_of(
    trials: int, correlation: float, skill: float = 0.0, simulations: int = SIMULATIONS
) -> np.ndarray:
    """Share of simulations in which each test rejects, of the best of many strategies.

    Args:
        trials: Strategies.
        correlation: Of any two of them.
        skill: True ratio of one of them, per year; the others have none.
        simulations: How often.
    """
    rng = np.random.default_rng([20140502, trials, int(correlation * 10), int(skill * 10)])
    rejected = np.zeros(3)
    for _ in range(simulations):
        excess = rng.standard_normal((trials, YEARS_2))
        if correlation:
            excess *= np.sqrt(1 - correlation)
            excess += np.sqrt(correlation) * rng.standard_normal(YEARS_2)
        excess[0] += skill / np.sqrt(252)
        rejected += _rejections(moments(excess))
    return rejected / simulations


def sweeps_without_skill(simulations: int = PIPELINE_SIMULATIONS) -> np.ndarray:
    """The same of the platform's own sweep over trades at random, on prices without a drift.

    And of the resampled p-value, which is last.
    """
    rng = np.random.default_rng(20140503)
    tickers, count = 6, 60
    days = trading_days(YEARS_2)
    configurations = grid(Configuration())
    everyone = [np.ones(count, dtype=bool)]
    rejected = np.zeros(4)
    for _ in range(simulations):
        close = np.cumprod(1 + rng.normal(0, 0.02, (YEARS_2, tickers)), axis=0)
        panel = PricePanel(days, tuple("ABCDEF"), close, None, np.full(YEARS_2, np.nan))
        trades = made_up_trades(rng, count, panel)
        found = sweep(trades, market(panel), everyone, configurations)
        best = int(np.nanargmax(found.moments.sharpe))
        resampled = familywise_p_value(found, best, rng, draws=199)
        rejected += [*_rejections(found.moments), resampled <= LEVEL]
    return rejected / simulations


def interval(share: float, simulations: int) -> str:
    """A share in per cent with the 95 % interval of its simulation error."""
    low, high = wilson_interval(share * simulations, simulations)
    return f"{share:.1%} ({low:.1%} to {high:.1%})"


def run() -> list[Report]:
    versions = package_versions("numpy")
    errors = {process: coverage(process) for process in PROCESSES}
    chosen = {
        (trials, correlation): best_of(trials, correlation)
        for trials in TRIALS
        for correlation in CORRELATIONS
        if trials > 1 or not correlation
    }
    skilled = {skill: best_of(90, 0.5, skill, 1000) for skill in (1.0, 2.0, 3.0)}
    swept = sweeps_without_skill()
    tests = ("naive", "Sidak", "deflated")
    return [
        Report(
            title="Backtest: intervals of the Sharpe ratio",
            method=(
                f"Share of {SIMULATIONS:,} simulated series of {YEARS_5:,} daily returns (five "
                "years) whose 95 % interval holds the true ratio, 0.8 a year; it should be 95 %. "
                "By standard error: for independent normal returns (Lo 2002), for independent ones "
                "(Mertens 2002), and the Newey-West one that the API gives. Ranges are 95 % "
                "intervals of the simulation error."
            ),
            columns=("returns", "Lo", "Mertens", "Newey-West"),
            rows=tuple(
                (process, *(interval(found[name], SIMULATIONS) for name in ERRORS))
                for process, found in errors.items()
            ),
            versions=versions,
            measurements={
                f"{process}, {name}": (value,)
                for process, found in errors.items()
                for name, value in found.items()
            },
        ),
        Report(
            title="Backtest: the best of many strategies without skill",
            method=(
                f"Share of simulations in which a test at the nominal 5 % takes the best of N "
                f"strategies for skill though none has any: {SIMULATIONS:,} simulations of "
                f"{YEARS_2} days with normal returns that are correlated as stated, and "
                f"{PIPELINE_SIMULATIONS:,} of the platform's own sweep of 90 configurations over "
                "60 trades at random in 6 tickers whose prices have no drift. Naive: the p-value "
                "of the best, as if it had been the only one. Sidak: that p-value corrected for N, "
                "exact where strategies are independent and conservative where they are not. "
                "Deflated: 1 less the deflated Sharpe ratio (Bailey and Lopez de Prado 2014); it "
                "compares the best with what the best of N is expected to have, and the best of "
                "independent strategies varies less than one does, so that it rejects far less "
                "often than 5 % unless they are much alike. Resampled: the p-value of the greatest "
                "of N by the stationary bootstrap (White 2000; 199 draws), for which the sweep's "
                "strategies may depend on each other in any way."
            ),
            columns=("strategies", *tests, "resampled"),
            rows=(
                *(
                    (
                        f"N = {trials}" + (f", correlation {correlation:g}" if trials > 1 else ""),
                        *(interval(share, SIMULATIONS) for share in shares),
                        "",
                    )
                    for (trials, correlation), shares in chosen.items()
                ),
                (
                    "the platform's sweep, N = 90",
                    *(interval(share, PIPELINE_SIMULATIONS) for share in swept),
                ),
            ),
            versions=versions,
            measurements={
                **{
                    f"N {trials}, correlation {correlation}, {test}": (share,)
                    for (trials, correlation), shares in chosen.items()
                    for test, share in zip(tests, shares, strict=True)
                },
                **{
                    f"sweep, {test}": (share,)
                    for test, share in zip((*tests, "resampled"), swept, strict=True)
                },
            },
        ),
        Report(
            title="Backtest: power to find one skilled strategy among 90",
            method=(
                "Share of 1,000 simulations that reject, as above, where one of 90 strategies with "
                f"correlation 0.5 has the stated true Sharpe ratio a year over {YEARS_2} days."
            ),
            columns=("true ratio", *tests),
            rows=tuple(
                (f"{skill:g}", *(interval(share, 1000) for share in shares))
                for skill, shares in skilled.items()
            ),
            versions=versions,
            measurements={
                f"ratio {skill}, {test}": (share,)
                for skill, shares in skilled.items()
                for test, share in zip(tests, shares, strict=True)
            },
        ),
    ]
