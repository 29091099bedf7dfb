"""The population stability index, what is usual without drift, and the days windows end on."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from quant.ml.catalogue import MODELS
from quant.ml.monitoring.closing import closing_days
from quant.ml.monitoring.drift import LEVEL, MINIMUM_MONTHS, judge
from quant.ml.monitoring.stability import Reference


def generator(seed):
    return np.random.Generator(np.random.PCG64(seed))


def plain_index(training, month, edges):
    """PSI by pandas' cuts, half a row in each bin, unknown values in a bin of their own."""
    cuts = [-np.inf, *edges, np.inf]

    def counted(values):
        binned = pd.cut(pd.Series(values), cuts, right=False)
        return np.append(binned.value_counts(sort=False).to_numpy(), np.isnan(values).sum())

    p, q = counted(training), counted(month)
    kept = (p > 0) | (q > 0)
    p, q = p[kept] + 0.5, q[kept] + 0.5
    p, q = p / p.sum(), q / q.sum()
    return sum((b - a) * np.log(b / a) for a, b in zip(p, q, strict=True))


@pytest.mark.parametrize("unknown", [0.0, 0.2])
def test_the_index_is_that_of_its_definition(unknown):
    rng = generator(1)
    training, month = rng.normal(size=5000), rng.normal(0.3, 1.2, 300)
    month[rng.random(300) < unknown] = np.nan
    reference = Reference.measure(training)
    assert len(reference.edges) == 9
    found = reference.index(month)
    assert found == pytest.approx(plain_index(training, month, reference.edges), rel=1e-10)


def test_bins_hold_like_shares_of_a_continuous_feature():
    reference = Reference.measure(generator(2).normal(size=10_000))
    np.testing.assert_allclose(reference.shares, [0.1] * 10 + [0], atol=1e-3)
    assert reference.rows == 10_000


def test_few_values_have_a_bin_each_and_unknown_ones_their_own():
    reference = Reference.measure(np.array([0, 0, 0, 1, 1, 5, np.nan, np.nan]))
    assert reference.edges.tolist() == [1, 5]
    assert reference.shares.tolist() == [3 / 8, 2 / 8, 1 / 8, 2 / 8]
    assert reference.count(np.array([-1, 0, 1, 4.9, 5, 9, np.nan])).tolist() == [2, 2, 2, 1]


def test_a_rare_event_is_not_in_one_bin_with_its_absence():
    values = np.concatenate([np.zeros(970), np.arange(1, 31)])
    reference = Reference.measure(values)
    assert reference.shares[0] == pytest.approx(0.97)
    assert reference.index(np.concatenate([np.zeros(500), np.full(500, 5.0)])) > 0.25


@pytest.mark.parametrize(
    "values", [np.full(100, 3.0), np.full(100, np.nan)], ids=["constant", "unknown"]
)
def test_a_feature_without_variation_has_no_drift_until_it_varies(values):
    reference = Reference.measure(values)
    assert reference.index(values[:60]) == 0
    other = np.nan if np.isfinite(values[0]) else 3.0
    assert reference.index(np.full(60, other)) > 0.25


def test_a_reference_is_read_back_as_it_was_written():
    reference = Reference.measure(generator(3).normal(size=500))
    again = Reference.of(reference.document())
    month = generator(4).normal(size=80)
    assert again.index(month) == reference.index(month)


def test_without_drift_the_index_is_distributed_as_yurdakul_says():
    """(1/n + 1/m) times chi-square of bins - 1, of independent rows."""
    rng = generator(5)
    training, n = rng.normal(size=20_000), 400
    reference = Reference.measure(training)
    found = np.array([reference.index(rng.normal(size=n)) for _ in range(2000)])
    scale = 1 / n + 1 / len(training)
    assert found.mean() == pytest.approx(9 * scale, rel=0.05)
    beyond = (found > scale * stats.chi2(9).ppf(0.95)).mean()
    assert 0.035 <= beyond <= 0.065


def clustered(rng, months, shift=0.0):
    """Months of 30 politicians with ten rows each that are alike, and a market all rows share."""
    for _ in range(months):
        market = rng.normal(0, 0.5)
        own = np.repeat(rng.normal(market + shift, 1, 30), 10)
        yield own + rng.normal(0, 0.3, 300)


def judged(rng, shift):
    training = list(clustered(rng, 60))
    reference = Reference.measure(np.concatenate(training))
    usual = [reference.index(month) for month in training[-24:]]
    (month,) = clustered(rng, 1, shift)
    return judge(reference.index(month), usual)


def test_rows_that_depend_on_each_other_are_no_drift():
    rng = generator(6)
    found = [judged(rng, 0.0) for _ in range(400)]
    # As the quantile of independent rows would have it, every month has drifted.
    independent = stats.chi2(9).ppf(0.95) * (1 / 300 + 1 / 18_000)
    assert np.mean([each["usual_psi"] > 2 * independent for each in found]) > 0.99
    # One in 25: the rank of a month among 24 others.
    flagged = np.mean([each["level"] != "none" for each in found])
    assert stats.binom(400, 1 / 25).cdf(round(flagged * 400)) < 0.999
    assert stats.binom(400, 1 / 25).sf(round(flagged * 400)) < 0.999


def test_a_planted_shift_is_found():
    rng = generator(7)
    found = [judged(rng, 2.5) for _ in range(100)]
    assert np.mean([each["level"] == "large" for each in found]) > 0.9


def test_an_index_that_was_as_large_in_training_is_none():
    usual = [0.5] * 24
    assert judge(0.5, usual) == {"usual_psi": 0.5, "months": 24, "p_value": 1.0, "level": "none"}
    assert judge(0.6, usual)["level"] == "large"
    assert judge(0.6, usual)["p_value"] == 1 / 25 <= LEVEL


def test_a_small_index_is_none_though_it_is_unusual():
    assert judge(0.09, [0.01] * 24)["level"] == "none"
    assert judge(0.11, [0.01] * 24)["level"] == "moderate"


def test_few_months_of_training_say_nothing():
    found = judge(3.0, [0.01] * (MINIMUM_MONTHS - 1))
    assert (found["level"], found["p_value"]) == ("unknown", None)
    assert judge(3.0, [0.01] * MINIMUM_MONTHS)["p_value"] == pytest.approx(LEVEL)


def days(*texts):
    return np.array(texts, dtype="datetime64[D]")


def test_a_return_closes_on_the_trading_day_of_its_horizon():
    calendar = pd.bdate_range("2024-01-01", "2024-06-28").to_numpy().astype("datetime64[D]")
    as_of = days("2024-01-05", "2024-01-06", "2024-01-08", "2024-05-31", "2023-12-01")
    found = closing_days(MODELS["abnormal-return-21"], as_of, calendar)
    # Entry on Monday 8 (after Friday, and after Saturday) or Tuesday 9 January; 21 days later.
    assert found[:3].tolist() == days("2024-02-06", "2024-02-06", "2024-02-07").tolist()
    assert np.isnat(found[3:]).all()


def test_a_month_closes_45_days_after_the_next_one_and_weeks_after_four():
    as_of = days("2024-01-31", "2023-12-31", "2024-11-30")
    expected = (pd.DatetimeIndex(as_of) + pd.offsets.MonthEnd(1) + pd.Timedelta(days=45)).to_numpy()
    none = np.empty(0, dtype="datetime64[D]")
    found = closing_days(MODELS["trades-ticker-next-month"], as_of, none)
    assert found.tolist() == expected.astype("datetime64[D]").tolist()
    found = closing_days(MODELS["trade-count-cycle"], days("2024-01-07"), none)
    assert found.tolist() == days("2024-02-04").tolist()
