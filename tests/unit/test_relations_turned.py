import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant.analytics.multiple_testing import permutation_q_values
from quant.analytics.relations.activity import Incidence
from quant.analytics.relations.cotrading import project
from quant.analytics.relations.turned import turned_p_values

MEMBERS = 6


class Turns:
    """A generator whose numbers are known."""

    def __init__(self, *turns):
        self._turns = iter(turns)

    def integers(self, length):
        return np.array(next(self._turns)) % length


def made(seed):
    rng = np.random.default_rng(seed)
    columns = np.unique(
        np.column_stack(
            (
                rng.integers(0, MEMBERS, 300),
                rng.integers(0, 12, 300),
                2000 + rng.integers(0, 30, 300),
            )
        ),
        axis=0,
    )
    return Incidence(*columns.T)


def turned(cells, turn):
    window = cells.window.copy()
    for member in range(MEMBERS):
        own = cells.politician == member
        first, last = window[own].min(), window[own].max()
        window[own] = first + (window[own] - first + turn[member]) % (last - first + 1)
    return Incidence(cells.politician, cells.stock, window)


@pytest.mark.parametrize("turn", [[0] * 6, [1, 0, 7, 3, 29, 100]])
def test_p_values_are_those_of_the_turned_network(turn):
    cells = made(1)
    found = turned_p_values(cells, MEMBERS, 1, Turns(turn))
    # The tables of a turned network are fitted anew here, within the solver's tolerance.
    assert found == pytest.approx(project(turned(cells, turn), MEMBERS).p_value, rel=1e-5)


def test_copies_follow_each_other():
    cells, turns = made(2), ([0] * 6, [5, 4, 3, 2, 1, 0])
    both = turned_p_values(cells, MEMBERS, 2, Turns(*turns))
    alone = [turned_p_values(cells, MEMBERS, 1, Turns(turn)) for turn in turns]
    assert (both == np.concatenate(alone)).all()


def test_a_network_without_trades_has_no_p_values():
    nothing = np.zeros(0, np.int64)
    empty = Incidence(nothing, nothing, nothing)
    assert len(turned_p_values(empty, 0, 2, np.random.default_rng(1))) == 0
    assert len(turned_p_values(empty, 3, 2, np.random.default_rng(1))) == 0


@given(
    st.lists(st.integers(1, 20), min_size=1, max_size=12),
    st.lists(st.integers(1, 20), max_size=40),
    st.integers(1, 5),
)
def test_permutation_q_values_equal_a_count(observed, null, copies):
    p_values, null_p_values = np.array(observed) / 20, np.array(null) / 20
    rate = [
        (1 + (null_p_values <= p).sum()) / (copies + 1) / (p_values <= p).sum() for p in p_values
    ]
    expected = [
        min(1, *(r for r, other in zip(rate, p_values, strict=True) if other >= p))
        for p in p_values
    ]
    assert permutation_q_values(p_values, null_p_values, copies) == pytest.approx(expected)


def test_uniform_p_values_are_rarely_small_q_values():
    rng = np.random.default_rng(3)
    found = [
        permutation_q_values(rng.random(50), rng.random(50 * 39), 39).min() <= 0.05
        for _ in range(2000)
    ]
    assert np.mean(found) <= 0.065
