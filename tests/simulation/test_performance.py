import pytest
from simulate_performance import (
    EFFECTS,
    HOLDINGS,
    HORIZONS,
    SHORT,
    SINGLE,
    alphas,
    false_positives,
    other_measures,
    power,
    single_politician,
)

LEGS = ("purchases", "sales", "purchases minus sales")


@pytest.mark.parametrize("horizon", HORIZONS)
@pytest.mark.parametrize("test", [*LEGS, "purchases, bootstrap"])
def test_a_mean_without_an_abnormal_return_is_rarely_significant(test, horizon):
    assert 0.035 <= false_positives()[test, horizon] <= 0.065


def test_errors_by_day_of_entry_are_too_small_where_windows_overlap():
    found = false_positives()
    assert found["purchases, by day of entry", 252] > 0.08
    assert found["purchases, by day of entry", 252] > found["purchases", 252] + 0.03


@pytest.mark.parametrize("leg", ["purchases", "purchases minus sales"])
@pytest.mark.parametrize("horizon", HORIZONS)
def test_buy_and_hold_returns_market_adjusted_keep_the_level(leg, horizon):
    found = other_measures()[f"BHAR, market-adjusted, {leg}", horizon]
    assert 0.035 <= found <= 0.065


@pytest.mark.parametrize("horizon", HORIZONS)
def test_the_market_model_errs_on_the_safe_side_but_for_a_compounded_year(horizon):
    found = other_measures()
    for measure in ("CAR", "BHAR"):
        difference = found[f"{measure}, market model, purchases minus sales", horizon]
        assert 0.035 <= difference <= 0.065
        purchases = found[f"{measure}, market model, purchases", horizon]
        if (measure, horizon) == ("BHAR", 252):
            assert purchases > 0.065
        else:
            assert 0.02 <= purchases <= 0.065


@pytest.mark.parametrize("horizon", HORIZONS)
@pytest.mark.parametrize("trades", SINGLE)
def test_one_politician_is_rarely_significant_without_an_abnormal_return(trades, horizon):
    found = single_politician(trades)[horizon]
    if (trades, horizon) == (40, 1):
        # On some 14 days.
        assert 0.035 <= found <= 0.08
    else:
        assert 0.035 <= found <= 0.065


@pytest.mark.parametrize("holding", HOLDINGS)
@pytest.mark.parametrize("leg", LEGS)
def test_an_alpha_keeps_its_level(leg, holding):
    assert 0.035 <= alphas()[f"{leg}, daily", holding] <= 0.065
    assert 0.035 <= alphas(*SHORT)[f"{leg}, daily", holding] <= 0.065
    if holding > 21:
        assert 0.035 <= alphas()[f"{leg}, monthly", holding] <= 0.065


def test_power_grows_with_what_is_planted():
    found = [power(effect) for effect in EFFECTS]
    for test in found[0]:
        assert found[0][test] < found[1][test] < found[2][test]
        assert found[2][test] > 0.8
