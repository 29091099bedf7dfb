import itertools

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networkx.algorithms import bipartite
from scipy import stats
from statsmodels.stats.multitest import multipletests

from quant.analytics.arrays import TradeArrays
from quant.analytics.relations.activity import (
    Incidence,
    incidence,
    pairs_within,
    window_start,
    windows_of,
)
from quant.analytics.relations.configuration import member_tables
from quant.analytics.relations.cotrading import project
from quant.analytics.relations.poisson_binomial import poisson_binomial_tail


def random_cells(seed, members=8, stocks=12, windows=15, trades=400):
    rng = np.random.default_rng(seed)
    popularity = 1 / np.arange(1, stocks + 1)
    columns = np.unique(
        np.column_stack(
            (
                rng.integers(0, members, trades),
                rng.choice(stocks, trades, p=popularity / popularity.sum()),
                rng.integers(2000, 2000 + windows, trades),
            )
        ),
        axis=0,
    )
    return Incidence(*columns.T)


def trades(politician, ticker, side, day):
    count = len(politician)
    days = np.array(day, dtype="datetime64[D]")
    return TradeArrays(
        np.array(politician),
        np.array(ticker),
        np.array(side),
        days,
        days,
        np.full(count, 1001.0),
        np.full(count, 15000.0),
    )


def test_windows_of_seven_days_are_iso_weeks():
    days = np.arange("2019-12-20", "2021-01-20", dtype="datetime64[D]")
    numbers = windows_of(days)
    iso = [day.isocalendar()[:2] for day in days.tolist()]
    assert all(
        (numbers[i] == numbers[i + 1]) == (iso[i] == iso[i + 1]) for i in range(len(days) - 1)
    )
    starts = window_start(numbers)
    assert {day.isoweekday() for day in starts.tolist()} == {1}
    assert ((days - starts) < np.timedelta64(7, "D")).all()


def test_incidence_counts_a_stock_once_a_window_and_side():
    made = trades(
        [0, 0, 0, 0, 1, 1, 1],
        [5, 5, 5, 5, 5, -1, 5],
        [1, 1, -1, 1, 1, 1, 0],
        ["2020-01-06", "2020-01-12", "2020-01-07", "2020-01-13", "NaT", "2020-01-06", "2020-01-06"],
    )
    cells = incidence(made, made.transaction_day)
    week = windows_of(np.array(["2020-01-06"], dtype="datetime64[D]"))[0]
    assert list(zip(cells.politician, cells.stock, cells.window, strict=True)) == [
        (0, 10, week),
        (0, 11, week),
        (0, 11, week + 1),
    ]


@given(st.lists(st.integers(0, 4), max_size=12))
def test_pairs_within_are_all_pairs_of_a_group(groups):
    groups = np.sort(np.array(groups, dtype=np.int64))
    first, second = pairs_within(groups)
    expected = [
        (i, j) for i, j in itertools.combinations(range(len(groups)), 2) if groups[i] == groups[j]
    ]
    assert list(zip(first, second, strict=True)) == expected


def test_poisson_binomial_tails_equal_scipys():
    rng = np.random.default_rng(1)
    length = rng.integers(0, 40, 60)
    probability = rng.random(length.sum()) ** 4
    group = np.repeat(np.arange(60), length)
    observed = rng.integers(0, 9, 60)
    tail, mass = poisson_binomial_tail(probability, group, observed)
    for number in range(60):
        own = probability[group == number]
        if not len(own):
            expected = (float(observed[number] == 0),) * 2
        else:
            law = stats.poisson_binom(own)
            expected = law.sf(observed[number] - 1), law.pmf(observed[number])
        assert (tail[number], mass[number]) == pytest.approx(expected, rel=1e-8, abs=1e-14)


def test_far_tails_keep_their_relative_accuracy():
    tail, _ = poisson_binomial_tail(np.full(30, 1e-6), np.zeros(30, np.int64), np.array([20]))
    assert tail[0] == pytest.approx(stats.binom.sf(19, 30, 1e-6), rel=1e-8)


def test_member_tables_reproduce_both_margins():
    cells = random_cells(2)
    tables = member_tables(cells)
    windows = np.unique(cells.window)
    np.testing.assert_allclose(tables.probability.sum(axis=1), tables.times, rtol=1e-5)
    for member in range(8):
        own = cells.window[cells.politician == member]
        rows = tables.row[tables.member == member]
        np.testing.assert_allclose(
            tables.probability[rows].sum(axis=0), [(own == w).sum() for w in windows], rtol=1e-5
        )


def test_a_member_active_in_one_window_traded_everything_then():
    cells = Incidence(np.zeros(4, np.int64), np.arange(4), np.full(4, 7))
    assert member_tables(cells).probability == pytest.approx(np.ones((1, 1)), abs=0.01)


def test_common_events_equal_networkx_bipartite_projection():
    cells = random_cells(3)
    graph = nx.Graph()
    events = list(zip(cells.stock.tolist(), cells.window.tolist(), strict=True))
    graph.add_nodes_from(range(8), bipartite=0)
    graph.add_edges_from(zip(cells.politician.tolist(), events, strict=True))
    expected = bipartite.weighted_projected_graph(graph, range(8))
    found = project(cells, 8)
    pairs = zip(found.first, found.second, found.events, strict=True)
    assert {(i, j): n for i, j, n in pairs if n} == {
        (min(i, j), max(i, j)): data["weight"] for i, j, data in expected.edges(data=True)
    }
    for i, j, count in zip(found.first, found.second, found.stocks, strict=True):
        mine, theirs = (
            {e for e, p in zip(events, cells.politician, strict=True) if p == member}
            for member in (i, j)
        )
        assert count == len({stock for stock, _ in mine & theirs})


def test_hypergeometric_p_and_q_values_equal_scipy_and_statsmodels():
    cells = random_cells(4)
    found = project(cells, 8)
    events = len(set(zip(cells.stock.tolist(), cells.window.tolist(), strict=True)))
    degree = np.bincount(cells.politician)
    expected = stats.hypergeom.sf(
        found.events - 1, events, degree[found.first], degree[found.second]
    )
    np.testing.assert_allclose(found.p_hypergeometric, expected, rtol=1e-8)
    for p_value, q_value in (
        (found.p_hypergeometric, found.q_hypergeometric),
        (found.p_value, found.q_value),
    ):
        np.testing.assert_allclose(q_value, multipletests(p_value, method="fdr_bh")[1], rtol=1e-12)
    np.testing.assert_allclose(
        found.p_bonferroni, multipletests(found.p_value, method="bonferroni")[1], rtol=1e-12
    )


def test_expectation_is_that_of_members_who_trade_at_random_within_their_margins():
    """Against trades between two members' windows swapped so that all margins stay (curveball)."""
    cells = random_cells(5, members=2, trades=120)
    found = project(cells, 2)
    rng = np.random.default_rng(6)
    counts = [project(_swapped(cells, rng), 2).stocks[0] for _ in range(400)]
    error = np.std(counts) / np.sqrt(len(counts))
    assert found.expected[0] == pytest.approx(
        np.mean(counts), abs=4 * error + 0.02 * found.expected[0]
    )
    assert found.deviation[0] == pytest.approx(np.std(counts), rel=0.2)


def _swapped(cells, rng):
    """Trades in each member's table exchanged at random; rows and columns keep their sums."""
    columns = []
    for member in np.unique(cells.politician):
        own = cells.politician == member
        stocks, windows = cells.stock[own].copy(), cells.window[own].copy()
        there = set(zip(stocks.tolist(), windows.tolist(), strict=True))
        for i, j in rng.integers(len(stocks), size=(10 * len(stocks), 2)):
            old = {(stocks[i], windows[i]), (stocks[j], windows[j])}
            new = {(stocks[i], windows[j]), (stocks[j], windows[i])}
            if len(new) == 2 and not new & there:
                there = (there - old) | new
                windows[i], windows[j] = windows[j], windows[i]
        columns += [(member, s, w) for s, w in there]
    return Incidence(*np.unique(np.array(columns), axis=0).T)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 80))
def test_p_values_are_probabilities_and_names_do_not_matter(seed, count):
    cells = random_cells(seed, trades=count)
    found = project(cells, 8)
    for values in (found.p_value, found.q_value, found.p_hypergeometric, found.p_bonferroni):
        assert ((values >= 0) & (values <= 1)).all()
    assert (found.stocks <= found.common).all()
    assert (found.first < found.second).all()
    # Other numbers for stocks and windows change nothing.
    other = Incidence(cells.politician, 100 - cells.stock, cells.window * 3)
    again = project(other, 8)
    np.testing.assert_allclose(found.p_value, again.p_value, rtol=1e-6)


def test_no_trades_and_no_common_stocks_give_no_pairs():
    empty = np.zeros(0, np.int64)
    assert len(project(Incidence(empty, empty, empty), 0)) == 0
    assert len(project(Incidence(empty, empty, empty), 5)) == 0
    alone = Incidence(np.array([0, 1]), np.array([2, 3]), np.array([9, 9]))
    assert len(project(alone, 2)) == 0
    never = Incidence(np.array([0, 1]), np.array([2, 2]), np.array([8, 9]))
    assert len(project(never, 2)) == 0
