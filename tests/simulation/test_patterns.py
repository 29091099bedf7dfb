import pytest
from simulate_patterns import (
    DISPERSED,
    EXCHANGEABLE,
    KINDS,
    POISSON,
    SERIAL,
    changes,
    cycles,
    likeness,
    persistence,
    repetitions,
    three_regimes,
)

LOW, HIGH = 0.035, 0.065
FEW, SERIES = 200, 2000
SLOW = list(SERIAL)[-1]
NULLS = (*EXCHANGEABLE, SLOW)


@pytest.mark.parametrize("kind", NULLS)
def test_cycles_are_not_found_where_there_are_none(kind):
    assert LOW <= cycles(kind, n=SERIES)[0] <= HIGH


@pytest.mark.parametrize("kind", NULLS)
def test_planted_cycles_are_found_where_they_are(kind):
    found, placed = cycles(kind, 0.75, FEW)
    assert found > 0.6
    assert placed > 0.9


@pytest.mark.parametrize("kind", EXCHANGEABLE)
def test_regimes_are_not_found_in_random_order(kind):
    found, several = persistence(kind)
    assert LOW <= found <= HIGH
    # Why the number of states that BIC prefers is no test.
    assert (several > 0.9) == (kind == DISPERSED)


def test_three_planted_regimes_are_found():
    three, _, retrospect, known, found = three_regimes(208, FEW)
    assert three > 0.8
    assert retrospect > known > 0.9
    assert found > 0.95


@pytest.mark.parametrize("kind", NULLS)
def test_repetitions_are_not_found_where_there_are_none(kind):
    assert LOW <= repetitions(kind, n=SERIES) <= HIGH


@pytest.mark.parametrize("kind", [POISSON, SLOW])
def test_a_planted_repetition_is_found(kind):
    assert repetitions(kind, 0.0, FEW) > 0.95


@pytest.mark.parametrize("kind", EXCHANGEABLE)
def test_changes_are_not_found_where_there_are_none(kind):
    assert LOW <= changes(kind)[0] <= HIGH


@pytest.mark.parametrize("kind", EXCHANGEABLE)
def test_a_planted_change_is_found_where_it_is(kind):
    found, near = changes(kind, 3.0, FEW)
    assert found > 0.9
    assert near > 0.6


@pytest.mark.parametrize("kind", KINDS)
def test_series_that_do_not_know_each_other_are_not_alike(kind):
    assert LOW <= likeness(kind) <= HIGH


@pytest.mark.parametrize("kind", [POISSON, SLOW])
def test_series_with_trades_in_common_are_alike(kind):
    assert likeness(kind, 0.7, n=FEW) > 0.6
