import pytest
from simulate_relations import (
    WORLDS,
    communities_rate,
    concentration_rate,
    correlation_rate,
    cotrading_null,
    cotrading_power,
    crowded_weeks,
    lead_lag_rate,
)

LOW, HIGH = 0.035, 0.065


@pytest.mark.parametrize("world", WORLDS)
def test_independent_members_are_not_linked(world):
    found = cotrading_null(world)
    assert LOW <= found["randomised"] <= HIGH
    assert LOW <= found["mid_p"] <= HIGH
    assert found["any_discovery"] <= HIGH


def test_crowded_weeks_deceive_the_hypergeometric_null_alone():
    hypergeometric, configuration = crowded_weeks(50)
    assert hypergeometric > 2 * HIGH
    assert configuration <= HIGH


def test_repeated_trades_are_linked():
    alone, corrected = cotrading_power(8, 300)
    assert alone >= corrected > 0.6


@pytest.mark.parametrize("persistence", [0.0, 0.5, 0.8])
def test_independent_weeks_are_not_correlated(persistence):
    assert LOW <= correlation_rate(persistence)[0] <= HIGH


def test_weeks_in_common_are_correlated():
    assert correlation_rate(0.5, 0.6)[0] > 0.6


@pytest.mark.parametrize("world", WORLDS)
def test_independent_trades_have_no_lead(world):
    assert LOW <= lead_lag_rate(world)[0] <= HIGH


def test_planted_leads_are_found():
    assert lead_lag_rate("and portfolios", 8, 300)[1] > 0.9


def test_members_like_their_peers_are_not_concentrated():
    ours, fisher = concentration_rate(100)
    assert LOW <= ours <= HIGH
    # Trades taken for independent: why it is not the test.
    assert fisher > 2 * HIGH


def test_planted_concentration_is_found():
    assert concentration_rate(100, 2.0, 300)[0] > 0.4


def test_links_at_random_have_no_communities():
    assert communities_rate(planted=False, simulations=300) <= HIGH


def test_planted_communities_are_found():
    assert communities_rate(planted=True, simulations=300) > 0.3
