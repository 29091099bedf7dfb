"""An event study of 100,000 trades beside a loop over pandas and beside vectorbt."""

import time
from collections.abc import Callable

import numpy as np
import pandas as pd
import vectorbt  # noqa: F401 - the accessor `vbt` of pandas
from backtest_support import made_up_trades
from numba import njit
from performance_support import made_up_market
from report import Report, Sample, package_versions, sample

from quant.analytics.arrays import PricePanel, TradeArrays
from quant.analytics.performance.event_study import abnormal_returns
from quant.analytics.performance.expected_returns import (
    ESTIMATION_DAYS,
    ESTIMATION_GAP,
    MINIMUM_OBSERVATIONS,
)
from quant.analytics.performance.vocabulary import HORIZONS, Event, Model

ROUNDS = 5
TRADES, TICKERS, DAYS = 100_000, 500, 2_520

type Answer = tuple[np.ndarray, np.ndarray]


def run() -> Report:
    rng = np.random.default_rng(20240102)
    prices, _ = made_up_market(rng, DAYS, TICKERS)
    trades = made_up_trades(rng, TRADES, prices, politicians=200)
    taken: dict[tuple[Model, str], Sample] = {}
    furthest: dict[str, float] = {}
    for model in (Model.MARKET_ADJUSTED, Model.MARKET_MODEL):
        answer = _platform(trades, prices, model)
        taken[model, QUANT] = _time(lambda model=model: _platform(trades, prices, model), ROUNDS)
        for name, (function, models, rounds) in OTHERS.items():
            if model not in models:
                continue
            function(trades.take(np.arange(10)), prices, model)  # compiles
            held: list[Answer] = []
            taken[model, name] = _time(
                lambda call=function, model=model, held=held: held.append(
                    call(trades, prices, model)
                ),
                rounds,
            )
            gap = max(_gap(*pair) for pair in zip(answer, held[0], strict=True))
            furthest[name] = max(furthest.get(name, 0.0), gap)
    if max(furthest.values()) > 1e-8:
        msg = f"the abnormal returns are not the same: {furthest}"
        raise AssertionError(msg)
    return Report(
        title="Event study of 100,000 trades",
        method=(
            f"CAR and BHAR of {TRADES:,} synthetic trades at {len(HORIZONS)} horizons, "
            f"{', '.join(map(str, HORIZONS))} trading days from disclosure, over {DAYS:,} days and "
            f"{TICKERS} tickers; none of the times is scaled. {ROUNDS} rounds, one of the pandas "
            "loop. pandas loop: for each trade slices its ticker's and the benchmark's returns, "
            "sums and compounds them, and fits alpha and beta by their covariance. vectorbt has no "
            "event study; what it offers is its rolling functions of a whole DataFrame, of which "
            "each trade then takes its row: sums by `rolling_mean`, compounded returns by "
            "`rolling_total`. They apply to the market-adjusted model alone; in the market model "
            "each trade has an expected return of its own, for which there is none. Compiled loop: "
            "the loop in Numba, on which vectorbt is built, compiled before. All answers differ by "
            f"at most {max(furthest.values()):.0e}. Times in seconds."
        ),
        columns=("model", "", "100,000 trades", "of ours"),
        rows=tuple(
            (model.replace("_", " "), name, str(value), value.ratio(taken[model, QUANT]))
            for (model, name), value in taken.items()
        ),
        versions=package_versions("numpy", "pandas", "vectorbt", "numba"),
        measurements={
            f"{model}, {name}, s": value.values for (model, name), value in taken.items()
        },
    )


def _time(function: Callable[[], object], rounds: int) -> Sample:
    taken = []
    for _ in range(rounds):
        started = time.perf_counter()
        function()
        taken.append(time.perf_counter() - started)
    return sample(taken)


def _gap(ours: np.ndarray, theirs: np.ndarray) -> float:
    if not np.array_equal(np.isnan(ours), np.isnan(theirs)):
        msg = "not the same trades have an abnormal return"
        raise AssertionError(msg)
    return float(np.nanmax(np.abs(ours - theirs)))


def _platform(trades: TradeArrays, prices: PricePanel, model: Model) -> Answer:
    found = abnormal_returns(trades, prices, event=Event.DISCLOSURE, model=model)
    return found.car, found.bhar


def _entries(trades: TradeArrays, prices: PricePanel) -> np.ndarray:
    return np.searchsorted(prices.days, trades.disclosure_day, side="right")


def _nothing(trades: TradeArrays) -> Answer:
    return np.full((len(trades), len(HORIZONS)), np.nan), np.full(
        (len(trades), len(HORIZONS)), np.nan
    )


def _pandas(trades: TradeArrays, prices: PricePanel, model: Model) -> Answer:
    returns = pd.DataFrame(prices.close, pd.DatetimeIndex(prices.days)).pct_change(fill_method=None)
    benchmark = pd.Series(prices.benchmark_close, returns.index).pct_change(fill_method=None)
    car, bhar = _nothing(trades)
    entries = _entries(trades, prices)
    for place, (entry, ticker) in enumerate(zip(entries, trades.ticker, strict=True)):
        own = returns[ticker]
        alpha, beta = 0.0, 1.0
        if model is Model.MARKET_MODEL:
            end = entry - ESTIMATION_GAP + 1
            window = slice(max(end - ESTIMATION_DAYS, 1), max(end, 1))
            past, market = own.iloc[window], benchmark.iloc[window]
            if len(past) < MINIMUM_OBSERVATIONS:
                continue
            beta = past.cov(market) / market.var()
            alpha = past.mean() - beta * market.mean()
        inside = slice(entry + 1, entry + 1 + HORIZONS[-1])
        actual, expected = own.iloc[inside], alpha + beta * benchmark.iloc[inside]
        closed = [horizon for horizon in HORIZONS if horizon <= len(actual)]
        last = np.array(closed, dtype=int) - 1
        growth = (1 + actual).cumprod() - (1 + expected).cumprod()
        car[place, : len(closed)] = (actual - expected).cumsum().iloc[last]
        bhar[place, : len(closed)] = growth.iloc[last]
    return car, bhar


def _vectorbt(trades: TradeArrays, prices: PricePanel, model: Model) -> Answer:
    close = pd.DataFrame(
        np.column_stack([prices.close, prices.benchmark_close]), pd.DatetimeIndex(prices.days)
    )
    returns = close.vbt.pct_change()
    accessor = returns.vbt.returns(freq="1D")
    car, bhar = _nothing(trades)
    entries = _entries(trades, prices)
    for column, horizon in enumerate(HORIZONS):
        sums = returns.vbt.rolling_mean(horizon).to_numpy() * horizon
        growth = accessor.rolling_total(horizon).to_numpy()
        whole = np.flatnonzero(entries + horizon < len(close))
        last, ticker = entries[whole] + horizon, trades.ticker[whole]
        car[whole, column] = sums[last, ticker] - sums[last, -1]
        bhar[whole, column] = growth[last, ticker] - growth[last, -1]
    return car, bhar


def _compiled(trades: TradeArrays, prices: PricePanel, model: Model) -> Answer:
    def returns(close: np.ndarray) -> np.ndarray:
        return np.concatenate([np.full((1, *close.shape[1:]), np.nan), close[1:] / close[:-1] - 1])

    car, bhar = _nothing(trades)
    _compiled_loop(
        np.ascontiguousarray(returns(prices.close).T),
        returns(prices.benchmark_close),
        _entries(trades, prices),
        trades.ticker,
        model is Model.MARKET_MODEL,
        np.array(HORIZONS),
        car,
        bhar,
    )
    return car, bhar


@njit
def _compiled_loop(returns, benchmark, entries, tickers, is_model, horizons, car, bhar):
    days = len(benchmark)
    for place in range(len(entries)):
        entry, own = entries[place], returns[tickers[place]]
        alpha, beta = 0.0, 1.0
        if is_model:
            end = entry - ESTIMATION_GAP + 1
            start = max(end - ESTIMATION_DAYS, 1)
            if end - start < MINIMUM_OBSERVATIONS:
                continue
            past, market = own[start:end], benchmark[start:end]
            centred = market - market.mean()
            beta = (centred * past).sum() / (centred * centred).sum()
            alpha = past.mean() - beta * market.mean()
        total, actual, expected, column = 0.0, 1.0, 1.0, 0
        for step in range(1, horizons[-1] + 1):
            if entry + step >= days:
                break
            model_return = alpha + beta * benchmark[entry + step]
            total += own[entry + step] - model_return
            actual *= 1 + own[entry + step]
            expected *= 1 + model_return
            if step == horizons[column]:
                car[place, column] = total
                bhar[place, column] = actual - expected
                column += 1


QUANT = "quant"
# Each with the models it has and how often it is run.
OTHERS: dict[str, tuple[Callable[[TradeArrays, PricePanel, Model], Answer], set[Model], int]] = {
    "compiled loop": (_compiled, {Model.MARKET_ADJUSTED, Model.MARKET_MODEL}, ROUNDS),
    "vectorbt": (_vectorbt, {Model.MARKET_ADJUSTED}, ROUNDS),
    "pandas loop": (_pandas, {Model.MARKET_ADJUSTED, Model.MARKET_MODEL}, 1),
}
