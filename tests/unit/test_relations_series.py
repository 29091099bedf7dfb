import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from quant.analytics.arrays import TradeArrays
from quant.analytics.relations.activity import Incidence
from quant.analytics.relations.correlation import (
    WeeklySeries,
    common_span,
    effective_weeks,
    pairwise_correlations,
    ranks,
    weekly_series,
)
from quant.analytics.relations.lead_lag import lead_lag
from quant.analytics.relations.surrogates import (
    block_permutations,
    pair_generator,
    surrogate_mid_p,
)
from quant.analytics.relations.vocabulary import Coefficient, Measure

NAMES = ("a", "b", "c", "d")


def series_of(values):
    values = np.asarray(values, dtype=np.float64)
    return WeeklySeries(0, values, np.ones(values.shape, np.int64))


def test_weekly_series_count_trades_and_net_purchases():
    days = np.array(["2020-01-06", "2020-01-12", "2020-01-21", "NaT"], dtype="datetime64[D]")
    made = TradeArrays(
        np.array([0, 0, 1, 1]),
        np.array([3, -1, 3, 3]),
        np.array([1, -1, -1, 1]),
        days,
        days,
        np.ones(4),
        np.ones(4),
    )
    counted = weekly_series(made, days, 2)
    assert counted.values.tolist() == [[2, 0, 0], [0, 0, 1]]
    net = weekly_series(made, days, 2, Measure.NET_PURCHASES)
    assert net.values.tolist() == [[0, 0, 0], [0, 0, -1]]
    assert (net.trades == counted.trades).all()
    nothing = weekly_series(made.take(np.zeros(4, np.bool_)), days[:0], 2)
    assert nothing.values.shape == (2, 0)


@pytest.mark.parametrize("coefficient", Coefficient)
def test_coefficients_equal_scipy(coefficient):
    rng = np.random.default_rng(3)
    values = rng.poisson(1.5, (4, 120)).astype(float)
    values[1] += values[0]
    found = pairwise_correlations(series_of(values), NAMES, coefficient)
    reference = stats.pearsonr if coefficient is Coefficient.PEARSON else stats.spearmanr
    for i, j, r in zip(found.first, found.second, found.coefficient, strict=True):
        assert r == pytest.approx(reference(values[i], values[j]).statistic, abs=1e-10)
    assert ((found.low < found.coefficient) & (found.coefficient < found.high)).all()
    assert found.q_value[0] < 0.05
    assert np.argmin(found.p_value) == 0


def test_the_interval_of_independent_weeks_is_fishers():
    rng = np.random.default_rng(4)
    one, other = rng.normal(size=(2, 200))
    one, other = ((x - x.mean()) / np.linalg.norm(x - x.mean()) for x in (one, other))
    weeks = effective_weeks(one, other)
    assert 120 < weeks <= 200
    found = pairwise_correlations(series_of([one, other]), NAMES[:2])
    half = stats.norm.ppf(0.975) / np.sqrt(weeks - 3)
    expected = np.tanh(np.arctanh(one @ other) + np.array([-half, half]))
    assert (found.low[0], found.high[0]) == pytest.approx(tuple(expected), abs=1e-8)


def test_slow_series_have_fewer_effective_weeks():
    rng = np.random.default_rng(5)
    slow = np.zeros((2, 400))
    for week in range(1, 400):
        slow[:, week] = 0.8 * slow[:, week - 1] + rng.normal(size=2)
    one, other = ((x - x.mean()) / np.linalg.norm(x - x.mean()) for x in slow)
    # The variance of a correlation of two AR(1) series grows by (1 + 0.64) / (1 - 0.64).
    assert effective_weeks(one, other) == pytest.approx(400 / 4.56, rel=0.4)


def test_constant_series_and_short_spans_are_not_tested():
    rng = np.random.default_rng(6)
    values = rng.poisson(1.0, (3, 120)).astype(float)
    values[1] = 2
    trades = np.ones((3, 120), np.int64)
    trades[2, :60] = 0
    found = pairwise_correlations(WeeklySeries(0, values, trades), NAMES[:3])
    assert found.weeks.tolist() == [120, 60, 60]
    assert np.isnan(found.p_value).all()
    assert np.isnan(found.coefficient).all()
    trades[0] = 0
    idle = pairwise_correlations(WeeklySeries(0, values, trades), NAMES[:3])
    assert idle.weeks.tolist() == [0, 0, 60]


def test_only_weeks_between_first_and_last_trades_of_both_count():
    one = np.array([0, 1, 0, 0, 1, 0])
    other = np.array([0, 0, 1, 1, 0, 2])
    assert common_span(one, other) == slice(2, 5)
    assert common_span(one, np.array([2, 0, 0, 0, 0, 0])) == slice(1, 1)
    assert common_span(one, np.zeros(6, np.int64)) == slice(0, 0)


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=30))
def test_ranks_equal_scipys(values):
    np.testing.assert_array_equal(ranks(np.array(values)), stats.rankdata(values))


@given(st.integers(78, 400), st.integers(0, 1000))
def test_block_permutations_keep_every_week_and_most_successions(weeks, seed):
    order = block_permutations(weeks, 5, np.random.default_rng(seed))
    assert (np.sort(order, axis=1) == np.arange(weeks)).all()
    followed = (np.diff(order, axis=1) % weeks == 1).mean(axis=1)
    assert (followed > 0.9).all()


def test_p_values_count_half_of_the_ties_and_depend_on_the_names_only():
    generator = pair_generator("m", ("a", "b"))
    # Never at least as extreme: the many surrogates are drawn, and none counts.
    assert surrogate_mid_p(1.0, 90, lambda order: np.zeros(len(order)), generator) == (
        0.5 / 10_000,
        9_999,
    )
    assert surrogate_mid_p(1.0, 90, lambda order: np.ones(len(order)), generator) == (0.5, 499)
    assert surrogate_mid_p(0.0, 90, lambda order: np.ones(len(order)), generator)[0] > 0.99
    draws = [pair_generator("m", names).random() for names in (("a", "b"), ("b", "a"), ("a", "c"))]
    assert draws[0] == draws[1] != draws[2]
    assert pair_generator("n", ("a", "b")).random() != draws[0]


def planted(lead, members=2, seed=8, weeks=150):
    """Synthetic trades of pairs in which the second repeats the first ``lead`` weeks later."""
    rng = np.random.default_rng(seed)
    stock, week = rng.integers(0, 40, 80), rng.integers(0, weeks, 80)
    columns = [np.column_stack((np.zeros(80, np.int64), stock, week + 1000))]
    columns.append(np.column_stack((np.ones(80, np.int64), stock, week + 1000 + lead)))
    columns += [
        np.column_stack(
            (np.full(80, m), rng.integers(0, 40, 80), rng.integers(0, weeks, 80) + 1000)
        )
        for m in range(2, members)
    ]
    return Incidence(*np.unique(np.concatenate(columns), axis=0).T)


@pytest.mark.parametrize("lead", [-3, 0, 2])
def test_a_planted_lead_is_found_with_its_sign(lead):
    found = lead_lag(planted(lead, members=4), NAMES)
    assert found.lag[0] == lead
    assert found.q_value[0] < 0.01
    assert found.matches[0] > 60
    assert found.expected[0] < 15
    assert (found.q_value[1:] > 0.05).all()


def test_swapping_two_members_swaps_the_lead():
    cells = planted(2)
    swapped = Incidence(1 - cells.politician, cells.stock, cells.window)
    one, other = lead_lag(cells, ("a", "b")), lead_lag(swapped, ("b", "a"))
    assert one.lag[0] == -other.lag[0] == 2
    assert one.p_value[0] == pytest.approx(other.p_value[0], abs=2e-4)


def test_cross_correlogram_equals_numpys():
    cells = planted(2)
    found = lead_lag(cells, ("a", "b"), max_lag=8)
    weeks = range(cells.window.min(), cells.window.max() + 1)
    total = np.zeros(17)
    for stock in np.unique(cells.stock):
        series = [
            np.array(
                [
                    ((cells.politician == m) & (cells.stock == stock) & (cells.window == w)).any()
                    for w in weeks
                ],
                dtype=float,
            )
            for m in (0, 1)
        ]
        start = max(cells.window[cells.politician == m].min() for m in (0, 1)) - weeks[0]
        stop = min(cells.window[cells.politician == m].max() for m in (0, 1)) - weeks[0] + 1
        one, other = (s[start:stop] for s in series)
        if not one.any() or not other.any():
            continue
        full = np.correlate(other, one, "full")[len(one) - 9 : len(one) + 8]
        total += full / np.sqrt(one.sum() * other.sum())
    assert found.lag[0] == np.argmax(total) - 8


def test_pairs_without_common_stocks_or_weeks_are_not_tested():
    empty = np.zeros(0, np.int64)
    assert np.isnan(lead_lag(Incidence(empty, empty, empty), NAMES).p_value).all()
    assert len(lead_lag(Incidence(empty, empty, empty), ()).p_value) == 0
    cells = planted(2)
    apart = Incidence(cells.politician, cells.stock + 100 * cells.politician, cells.window)
    assert np.isnan(lead_lag(apart, ("a", "b")).p_value).all()
    early = cells.take(cells.window < 1050)
    assert np.isnan(lead_lag(early, ("a", "b")).p_value).all()
