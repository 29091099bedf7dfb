"""Trades without skill on made-up prices, and with some: what the tests of returns find of it."""

from collections.abc import Iterator
from functools import cache

import numpy as np
from backtest_support import CEILINGS, FLOORS, trading_days
from report import Report, package_versions

from quant.analytics.arrays import PricePanel, TradeArrays
from quant.analytics.intervals import wilson_interval
from quant.analytics.performance.alpha import Frequency, calendar_time_alpha
from quant.analytics.performance.bootstrap import bootstrap_interval
from quant.analytics.performance.calendar_time import Leg, calendar_time_portfolio
from quant.analytics.performance.clustered import mean
from quant.analytics.performance.event_study import AbnormalReturns, abnormal_returns
from quant.analytics.performance.trade_days import TradeDays, trade_days
from quant.analytics.performance.vocabulary import Event, Model, Weighting
from quant.analytics.performance.weights import trade_weights

LEVEL = 0.05
SIMULATIONS = 1000
ALPHA_SIMULATIONS = 2000
DRAWS = 199
YEARS_4 = 1008
STOCKS, SECTORS, POLITICIANS, FILINGS, FAVOURITES = 60, 6, 50, 150, 12
HORIZONS = (1, 21, 63, 252)
HOLDINGS = (21, 63, 252)
EFFECTS = (0.005, 0.01, 0.02)
# Days and filings of a short history, and numbers of trades of one politician.
SHORT = (252, 60)
SINGLE = (40, 150)


def _returns(rng: np.random.Generator, days: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns of the market and of the stocks: beta, their sector's shocks, their own.

    A stock's beta is 1 on average; market and own shocks have Student's t distribution with 5
    degrees of freedom. Nothing foretells them.
    """
    unit = np.sqrt(3 / 5)
    market = 3e-4 + 0.01 * unit * rng.standard_t(5, days)
    beta = rng.normal(1, 0.25, STOCKS)
    sector = rng.normal(0, 0.006, (days, SECTORS))[:, np.arange(STOCKS) % SECTORS]
    own = 0.015 * unit * rng.standard_t(5, (days, STOCKS))
    stocks = 3e-4 + beta * (market - 3e-4)[:, None] + sector + own
    return market, np.maximum(stocks, -0.5)


def _panel(market: np.ndarray, stocks: np.ndarray) -> PricePanel:
    return PricePanel(
        trading_days(len(market)),
        tuple(f"S{number}" for number in range(STOCKS)),
        np.cumprod(1 + stocks, axis=0),
        "INDEX",
        np.cumprod(1 + market),
    )


def _trades(rng: np.random.Generator, days: int, filings: int = FILINGS) -> TradeArrays:
    """Filings of several trades each, most of one side, more of them at some times than at others.

    A politician trades a few favourite stocks, some politicians far more than others.
    """
    activity = np.arange(1, POLITICIANS + 1) ** -0.6
    who = rng.choice(POLITICIANS, filings, p=activity / activity.sum())
    busy = rng.gamma(0.5, size=days)
    row = rng.choice(days, filings, p=busy / busy.sum())
    count = rng.geometric(0.35, filings)
    favourites = np.array([rng.permutation(STOCKS)[:FAVOURITES] for _ in range(POLITICIANS)])
    politician = np.repeat(who, count)
    trades = len(politician)
    leaning = np.repeat(rng.choice([1, -1], filings), count)
    disclosed = np.repeat(trading_days(days)[row], count)
    category = rng.choice(len(FLOORS), trades, p=[0.6, 0.2, 0.1, 0.06, 0.04])
    return TradeArrays(
        politician=politician,
        ticker=favourites[politician, rng.integers(0, FAVOURITES, trades)],
        side=np.where(rng.random(trades) < 0.8, leaning, -leaning),
        transaction_day=disclosed - rng.integers(1, 46, trades).astype("timedelta64[D]"),
        disclosure_day=disclosed,
        amount_min=FLOORS[category],
        amount_max=CEILINGS[category],
    )


def _worlds(
    name: str, simulations: int
) -> Iterator[tuple[np.random.Generator, PricePanel, TradeArrays]]:
    for number in range(simulations):
        rng = np.random.default_rng([20140601, *name.encode(), number])
        yield rng, _panel(*_returns(rng, YEARS_4)), _trades(rng, YEARS_4)


def _mean(
    found: AbnormalReturns,
    trades: TradeArrays,
    horizon: int,
    leg: str,
    *,
    compounded: bool = False,
    weights: np.ndarray | None = None,
) -> TradeDays:
    which = found.included[:, found.horizons.index(horizon)]
    if leg in SIDES:
        which = which & (trades.side == SIDES[leg])
    own = trades.take(which)
    cells = trade_days(
        found.daily.take(which),
        horizon,
        np.ones(len(own)) if weights is None else weights[which],
        own.politician,
        compounded=compounded,
        inside=None if leg in SIDES else (own.side > 0).astype(np.int64),
    )
    assert cells is not None
    return cells


SIDES = {"purchases": 1, "sales": -1}
LEGS = (*SIDES, "purchases minus sales")


def _study(trades: TradeArrays, prices: PricePanel, model: Model) -> AbnormalReturns:
    return abnormal_returns(trades, prices, event=Event.DISCLOSURE, model=model, horizons=HORIZONS)


def _by_entry_day(found: AbnormalReturns, trades: TradeArrays, horizon: int) -> float:
    """The p-value of the purchases where the dates of the clusters are the days of entry."""
    column = found.horizons.index(horizon)
    which = found.included[:, column] & (trades.side > 0)
    labels = [trades.politician[which], found.entry[which]]
    return mean(found.car[which, column], np.ones(int(which.sum())), labels).p_value


@cache
def false_positives(simulations: int = SIMULATIONS) -> dict[tuple[str, int], float]:
    """Share of simulations without an abnormal return in which each test of a mean CAR rejects."""
    rejected: dict[tuple[str, int], int] = {}
    for rng, prices, trades in _worlds("null", simulations):
        found = _study(trades, prices, Model.MARKET_ADJUSTED)
        amounts = trade_weights(trades.amount_min, trades.amount_max, Weighting.LOG_UNIFORM)
        for horizon in HORIZONS:
            p_values = {leg: _mean(found, trades, horizon, leg) for leg in LEGS}
            low, high = bootstrap_interval(p_values["purchases"], rng, DRAWS)
            weighted = _mean(found, trades, horizon, "purchases", weights=amounts)
            for test, rejects in {
                **{leg: cells.inference().p_value <= LEVEL for leg, cells in p_values.items()},
                "purchases, weighted": weighted.inference().p_value <= LEVEL,
                "purchases, bootstrap": not low <= 0 <= high,
                "purchases, by day of entry": _by_entry_day(found, trades, horizon) <= LEVEL,
            }.items():
                rejected[test, horizon] = rejected.get((test, horizon), 0) + rejects
    return {test: count / simulations for test, count in rejected.items()}


@cache
def other_measures(simulations: int = SIMULATIONS) -> dict[tuple[str, int], float]:
    """The same of purchases and of the difference by other models and measures."""
    rejected: dict[tuple[str, int], int] = {}
    for _, prices, trades in _worlds("measures", simulations):
        for name, model, compounded in MEASURES:
            found = _study(trades, prices, model)
            for leg in ("purchases", "purchases minus sales"):
                for horizon in HORIZONS:
                    cells = _mean(found, trades, horizon, leg, compounded=compounded)
                    test = f"{name}, {leg}", horizon
                    rejects = cells.inference().p_value <= LEVEL
                    rejected[test] = rejected.get(test, 0) + rejects
    return {test: count / simulations for test, count in rejected.items()}


MEASURES = (
    ("BHAR, market-adjusted", Model.MARKET_ADJUSTED, True),
    ("CAR, market model", Model.MARKET_MODEL, False),
    ("BHAR, market model", Model.MARKET_MODEL, True),
)


@cache
def alphas(
    days: int = YEARS_4, filings: int = FILINGS, simulations: int = ALPHA_SIMULATIONS
) -> dict[tuple[str, int], float]:
    """Share of simulations in which the alpha of a calendar-time portfolio rejects."""
    rejected: dict[tuple[str, int], list[bool]] = {}
    for number in range(simulations):
        rng = np.random.default_rng([20140602, days, filings, number])
        prices, trades = _panel(*_returns(rng, days)), _trades(rng, days, filings)
        for holding in HOLDINGS:
            portfolio = calendar_time_portfolio(
                trades, prices, event=Event.DISCLOSURE, holding=holding
            )
            for leg in Leg:
                for frequency in Frequency:
                    found = calendar_time_alpha(
                        portfolio, prices, leg=leg, model=Model.MARKET_MODEL, frequency=frequency
                    ).per_period
                    if np.isfinite(found.p_value):
                        test = f"{leg.replace('_', ' ')}, {frequency}", holding
                        rejected.setdefault(test, []).append(found.p_value <= LEVEL)
    # Too few periods give no alpha; a share of few simulations would say little.
    return {
        test: float(np.mean(rejects))
        for test, rejects in rejected.items()
        if len(rejects) > simulations / 2
    }


@cache
def single_politician(
    trades: int, stocks: int = FAVOURITES, simulations: int = SIMULATIONS
) -> dict[int, float]:
    """The same of one politician's purchases, with errors clustered by stock and by day."""
    rejected = dict.fromkeys(HORIZONS, 0)
    for number in range(simulations):
        rng = np.random.default_rng([20140603, trades, stocks, number])
        prices, made = _panel(*_returns(rng, YEARS_4)), _trades(rng, YEARS_4, trades)
        one = made.take(np.arange(trades))
        one.ticker[:] = rng.permutation(STOCKS)[rng.integers(0, stocks, trades)]
        found = _study(one, prices, Model.MARKET_ADJUSTED)
        for place, horizon in enumerate(HORIZONS):
            which = found.included[:, place]
            cells = trade_days(
                found.daily.take(which), horizon, np.ones(int(which.sum())), one.ticker[which]
            )
            assert cells is not None
            rejected[horizon] += cells.inference().p_value <= LEVEL
    return {horizon: count / simulations for horizon, count in rejected.items()}


@cache
def power(effect: float, simulations: int = SIMULATIONS) -> dict[str, float]:
    """Share of simulations that find what every purchase adds to its stock over 21 days."""
    rejected = dict.fromkeys(("mean CAR", "bootstrap", "alpha, daily"), 0)
    for number in range(simulations):
        rng = np.random.default_rng([20140604, int(1e4 * effect), number])
        market, stocks = _returns(rng, YEARS_4)
        trades = _trades(rng, YEARS_4)
        bought = trades.take(trades.side > 0)
        entry = np.searchsorted(trading_days(YEARS_4), bought.disclosure_day, side="right")
        rows = entry[:, None] + np.arange(1, 22)
        inside = rows < YEARS_4
        tickers = np.broadcast_to(bought.ticker[:, None], rows.shape)
        np.add.at(stocks, (rows[inside], tickers[inside]), effect / 21)
        prices = _panel(market, stocks)
        cells = _mean(_study(trades, prices, Model.MARKET_ADJUSTED), trades, 21, "purchases")
        low, _ = bootstrap_interval(cells, rng, DRAWS)
        found = cells.inference()
        rejected["mean CAR"] += found.low > 0
        rejected["bootstrap"] += low > 0
        portfolio = calendar_time_portfolio(trades, prices, event=Event.DISCLOSURE, holding=21)
        alpha = calendar_time_alpha(portfolio, prices, leg=Leg.PURCHASES, model=Model.MARKET_MODEL)
        rejected["alpha, daily"] += alpha.per_period.low > 0
    return {test: count / simulations for test, count in rejected.items()}


def interval(share: float, simulations: int) -> str:
    """A share in per cent with the 95 % interval of its simulation error."""
    low, high = wilson_interval(share * simulations, simulations)
    return f"{share:.1%} ({low:.1%} to {high:.1%})"


def _table(
    found: dict[tuple[str, int], float], columns: tuple[int, ...], simulations: int = SIMULATIONS
) -> tuple[tuple[str, ...], ...]:
    tests = list(dict.fromkeys(test for test, _ in found))
    return tuple(
        (
            test,
            *(
                interval(found[test, column], simulations) if (test, column) in found else ""
                for column in columns
            ),
        )
        for test in tests
    )


WORLD = (
    f"{STOCKS} stocks in {SECTORS} sectors over {YEARS_4:,} days: a market with Student's t (5) "
    "returns, betas around 1, shocks that a sector shares, shocks of the stock alone; nothing "
    f"foretells a return. {FILINGS} filings of {POLITICIANS} politicians, of 2.9 trades each on "
    "average, mostly of one side, of each politician's 12 favourite stocks; some politicians file "
    "much more than others, and some days see many filings."
)


def run() -> list[Report]:
    versions = package_versions("numpy")
    null, measures, four_years = false_positives(), other_measures(), alphas()
    short = alphas(*SHORT)
    single = {trades: single_politician(trades) for trades in SINGLE}
    planted = {effect: power(effect) for effect in EFFECTS}
    days = tuple(f"{horizon} day" + "s" * (horizon > 1) for horizon in HORIZONS)
    return [
        Report(
            title="Performance: mean CAR without an abnormal return",
            method=(
                f"Share of {SIMULATIONS:,} simulations that reject at the nominal 5 %. {WORLD} "
                "Market-adjusted, from disclosure. Errors are clustered by politician and day of "
                "the return, with Student's t by the effective number of clusters. Weighted: by "
                "the mean of a log-uniform amount. Bootstrap: the 95 % interval of "
                f"{DRAWS} draws leaves out 0. By day of entry: errors clustered by politician and "
                "day of entry instead, which windows of half a year and longer that overlap make "
                "too small; the platform does not use them."
            ),
            columns=("test", *days),
            rows=_table(null, HORIZONS),
            versions=versions,
            measurements={
                f"{test}, {horizon}": (share,) for (test, horizon), share in null.items()
            },
        ),
        Report(
            title="Performance: other measures without an abnormal return",
            method=(
                "As above. The market model's alpha is estimated before each window, on days that "
                "lie in the windows of trades before. What a trade loses by it those gained, so "
                "that a mean of purchases varies less than its standard error says: the test errs "
                "on the safe side. Compounded over a year, the estimation error of alpha makes the "
                "expected return too high on average, and the BHAR too low: at 252 days its mean "
                "is biased, and the test rejects too often. It cancels from the difference of "
                "purchases and sales."
            ),
            columns=("measure", *days),
            rows=_table(measures, HORIZONS),
            versions=versions,
            measurements={
                f"{test}, {horizon}": (share,) for (test, horizon), share in measures.items()
            },
        ),
        Report(
            title="Performance: one politician without an abnormal return",
            method=(
                f"As above, of purchases of one politician in {FAVOURITES} stocks, 2.9 of them on "
                "average disclosed on one day; errors clustered by stock and day of the return. 40 "
                "trades have a return of one day on some 14 days, few for a standard error."
            ),
            columns=("trades", *days),
            rows=tuple(
                (
                    f"{trades}",
                    *(interval(found[horizon], SIMULATIONS) for horizon in HORIZONS),
                )
                for trades, found in single.items()
            ),
            versions=versions,
            measurements={
                f"{trades} trades, {horizon}": (share,)
                for trades, found in single.items()
                for horizon, share in found.items()
            },
        ),
        Report(
            title="Performance: alphas of calendar-time portfolios without an abnormal return",
            method=(
                f"Share of {ALPHA_SIMULATIONS:,} simulations, made as above, in which alpha of the "
                "market model is significant at the nominal 5 %, with Newey-West errors and the "
                "degrees of freedom of fixed-b asymptotics; by days each "
                f"trade is held. Then the same of {SHORT[1]} filings in {SHORT[0]} days, too short "
                "for months. There is no alpha by months of what is held for 21 days, as too many "
                "months have a day on which nothing is held."
            ),
            columns=("portfolio", *(f"held {holding} days" for holding in HOLDINGS)),
            rows=(
                *_table(four_years, HOLDINGS, ALPHA_SIMULATIONS),
                *(
                    (f"short: {test}", *cells)
                    for test, *cells in _table(short, HOLDINGS, ALPHA_SIMULATIONS)
                ),
            ),
            versions=versions,
            measurements={
                f"{name}{test}, {holding}": (share,)
                for name, found in (("", four_years), ("short: ", short))
                for (test, holding), share in found.items()
            },
        ),
        Report(
            title="Performance: power to find an abnormal return",
            method=(
                f"Share of {SIMULATIONS:,} simulations, made as above, that find a positive return "
                "at 5 % where every purchase raises its stock's return by the stated amount in all "
                "over the 21 trading days after entry: by the mean CAR of 21 days and by the alpha "
                "of the portfolio that holds each purchase for 21 days."
            ),
            columns=("planted", *next(iter(planted.values()))),
            rows=tuple(
                (f"{effect:.1%}", *(interval(share, SIMULATIONS) for share in found.values()))
                for effect, found in planted.items()
            ),
            versions=versions,
            measurements={
                f"{effect}, {test}": (share,)
                for effect, found in planted.items()
                for test, share in found.items()
            },
        ),
    ]
