"""Means made of shared cells are those that are worked out from the trades of each."""

import numpy as np
import pytest
from backtest_support import made_up_trades
from performance_support import made_up_market, with_gaps

from quant.analytics.performance import cells
from quant.analytics.performance.event_study import abnormal_returns
from quant.analytics.performance.trade_days import trade_days
from quant.analytics.performance.vocabulary import HORIZONS, Event, Model

CLUSTERS = 14


@pytest.fixture(scope="module")
def made_up():
    rng = np.random.default_rng(67)
    complete, factors = made_up_market(rng, 800, 10)
    prices = with_gaps(rng, complete, 0.002)
    trades = made_up_trades(rng, 250, prices, politicians=CLUSTERS)
    found = abnormal_returns(
        trades, prices, event=Event.DISCLOSURE, model=Model.FAMA_FRENCH, factors=factors
    )
    return trades, found, rng.uniform(1, 9, len(trades))


def chosen(made_up, horizon):
    """Trades with a window, their daily returns and weights."""
    trades, found, weights = made_up
    which = found.included[:, HORIZONS.index(horizon)]
    return trades.take(which), found.daily.take(which), weights[which]


def summed(daily, horizon, weights, trades, which, compounded):
    first = int(daily.entry.min())
    return cells.sum_cells(
        daily.take(which),
        horizon,
        weights[which],
        trades.politician[which],
        clusters=CLUSTERS,
        first=first,
        days=int(daily.entry.max()) - first + horizon,
    )[compounded]


def assert_same(found, wanted):
    assert (found is None) == (wanted is None)
    found, wanted = found.inference(), wanted.inference()
    assert (found.n, found.clusters) == (wanted.n, wanted.clusters)
    for name in ("value", "standard_error", "low", "high", "p_value"):
        assert getattr(found, name) == pytest.approx(getattr(wanted, name), abs=1e-10)


@pytest.mark.parametrize("compounded", [False, True])
@pytest.mark.parametrize("horizon", HORIZONS)
def test_means_of_sides_and_of_both(made_up, horizon, compounded):
    trades, daily, weights = chosen(made_up, horizon)
    bought = trades.side > 0
    purchases, sales = (
        summed(daily, horizon, weights, trades, which, compounded) for which in (bought, ~bought)
    )

    def wanted(which, signed, **options):
        return trade_days(
            daily.take(which),
            horizon,
            signed[which],
            trades.politician[which],
            compounded=compounded,
            **options,
        )

    everything = np.ones(len(trades), bool)
    assert_same(cells.mean(purchases), wanted(bought, weights))
    assert_same(cells.mean(sales), wanted(~bought, weights))
    assert_same(cells.mean(purchases.less(sales)), wanted(everything, weights * trades.side))
    assert_same(
        cells.difference(purchases, sales),
        wanted(everything, weights, inside=bought.astype(np.int64)),
    )


@pytest.mark.parametrize("horizon", [1, 63])
def test_means_and_differences_of_groups(made_up, horizon):
    trades, daily, weights = chosen(made_up, horizon)
    everything = summed(daily, horizon, weights, trades, np.ones(len(trades), bool), False)
    group = np.arange(CLUSTERS) < 5
    # A third group is in neither mean.
    other = np.arange(CLUSTERS) > 8
    inside = group[trades.politician]
    assert_same(
        cells.mean(everything.take(group)),
        trade_days(daily.take(inside), horizon, weights[inside], trades.politician[inside]),
    )
    either = inside | other[trades.politician]
    assert_same(
        cells.difference_of_groups(everything, group, other),
        trade_days(
            daily.take(either),
            horizon,
            weights[either],
            trades.politician[either],
            inside=inside[either].astype(np.int64),
        ),
    )


def test_without_trades_there_is_no_mean(made_up):
    trades, daily, weights = chosen(made_up, 5)
    nobody, everybody = np.zeros(CLUSTERS, bool), np.ones(CLUSTERS, bool)
    some = summed(daily, 5, weights, trades, np.ones(len(trades), bool), False)
    none = summed(daily, 5, weights, trades, np.zeros(len(trades), bool), False)
    assert cells.mean(none) is None
    assert cells.mean(some.take(nobody)) is None
    assert cells.difference(some, none) is cells.difference(none, some) is None
    assert cells.difference_of_groups(some, everybody, nobody) is None


def test_a_difference_of_two_single_days_has_no_error(made_up):
    trades, daily, weights = chosen(made_up, 1)
    later = int(np.flatnonzero(trades.politician != trades.politician[0])[-1])
    pair = np.array([0, later])
    found = trade_days(
        daily.take(pair), 1, weights[pair], trades.politician[pair], inside=np.array([1, 0])
    )
    assert np.isfinite(found.value)
    assert np.isnan(found.inference().standard_error)
