import numpy as np
import pytest
from scipy import signal

from quant.analytics.patterns.periodogram import FrequencyGrid, frequency_grid, lomb_scargle
from quant.analytics.patterns.periodogram import search_cycles as search
from quant.analytics.patterns.series import weekday_counts, weekly_counts
from quant.analytics.patterns.surrogates import (
    SerialFit,
    count_correlation,
    empirical_p_values,
    fit_serial,
    latent_share,
    permutations,
    serial_surrogates,
)


def weekdays(span):
    days = np.arange(span)
    return days[days % 7 < 5]


def random(seed=0):
    return np.random.Generator(np.random.PCG64(seed))


def search_cycles(counts, offsets, *, surrogates=99, seed=1):
    grid = frequency_grid(int(offsets[-1]) + 1, shortest=15, longest=180, oversampling=3)
    return search(random(seed), counts, offsets, grid, surrogates=surrogates)


@pytest.mark.parametrize("span", [60, 365, 731])
def test_power_is_that_of_scipy_on_weekdays(span):
    offsets = weekdays(span)
    counts = random(span).poisson(0.7, (3, len(offsets))).astype(float)
    grid = frequency_grid(span, shortest=2.5, longest=span, oversampling=3)
    for series, power in zip(counts, lomb_scargle(counts, offsets, grid), strict=True):
        expected = signal.lombscargle(
            offsets, series - series.mean(), 2 * np.pi * grid.frequencies, normalize=True
        )
        np.testing.assert_allclose(power, expected, rtol=0, atol=1e-8)


def test_power_of_every_day_is_that_of_a_fourier_transform():
    counts = random().poisson(2.0, 256).astype(float)
    grid = FrequencyGrid(np.arange(1, 128), 256)
    _, spectrum = signal.periodogram(counts, scaling="spectrum", detrend="constant")
    # A sinusoid of amplitude a has the spectrum a**2 / 2.
    np.testing.assert_allclose(
        lomb_scargle(counts, np.arange(256), grid), spectrum[1:128] / counts.var(), atol=1e-8
    )


def test_power_is_a_share_of_variance():
    offsets = weekdays(400)
    grid = frequency_grid(400, shortest=2, longest=400, oversampling=4)
    power = lomb_scargle(
        random().negative_binomial(0.3, 0.2, (20, len(offsets))) * 1.0, offsets, grid
    )
    assert power.min() >= 0
    assert power.max() <= 1 + 1e-12


def test_constant_series_have_no_power_and_no_cycle():
    offsets = weekdays(400)
    found = search_cycles(np.full((1, len(offsets)), 2.0), offsets)[0]
    assert found.cycles == ()
    assert found.p_value == 1


def test_grid_holds_the_periods_asked_for():
    grid = frequency_grid(1000, shortest=15, longest=250, oversampling=3)
    periods = 1 / grid.frequencies
    assert 15 <= periods.min() < 15.1
    assert 240 < periods.max() <= 250
    assert grid.length >= 3000


def test_planted_cycle_is_found_with_its_length():
    offsets = weekdays(1000)
    rate = 1 + 0.8 * np.cos(2 * np.pi * offsets / 30)
    found = search_cycles(random(5).poisson(rate)[None] * 1.0, offsets)[0]
    cycle = found.cycles[0]
    assert found.p_value == cycle.p_value == 0.01
    assert cycle.low < 30 < cycle.high
    assert cycle.high - cycle.low < 2
    assert cycle.amplitude == pytest.approx(0.8, abs=0.2)


def test_slow_waves_beat_the_null_that_knows_none_alone():
    offsets = weekdays(1000)
    level = np.zeros(len(offsets))
    draws = random(8).standard_normal(len(offsets))
    for step in range(1, len(level)):
        level[step] = 0.9 * level[step - 1] + np.sqrt(1 - 0.81) * draws[step]
    found = search_cycles(random(9).poisson(np.exp(level))[None] * 1.0, offsets)[0]
    assert found.share > 0
    assert min(cycle.p_independent for cycle in found.cycles) <= 0.05
    assert found.p_value > 0.05


def test_same_seed_same_answer_and_other_series_do_not_matter():
    offsets = weekdays(500)
    counts = random(3).poisson(0.5, (1, len(offsets))) * 1.0
    assert search_cycles(counts, offsets) == search_cycles(counts, offsets)


def test_surrogates_are_permutations():
    counts = random(1).negative_binomial(0.5, 0.2, (4, 100)) * 1.0
    fit = SerialFit(np.full(4, 0.8), np.full(4, 0.5))
    for series in (
        permutations(random(), counts, 5),
        serial_surrogates(random(), counts, fit, 5),
    ):
        assert series.shape == (4, 5, 100)
        np.testing.assert_array_equal(np.sort(series), np.sort(counts)[:, None].repeat(5, axis=1))


def test_serial_surrogates_have_the_dependence_asked_for():
    counts = random(2).negative_binomial(0.5, 0.3, (1, 2000)) * 1.0
    fit = SerialFit(np.array([0.8]), np.array([0.4]))
    series = serial_surrogates(random(3), counts, fit, 200)[0]
    centred = series - series.mean(axis=1, keepdims=True)
    for lag in (1, 2, 4):
        correlation = np.mean(centred[:, lag:] * centred[:, :-lag]) / np.mean(centred**2)
        assert correlation == pytest.approx(0.4 * 0.8**lag, abs=0.03)


def test_map_of_correlation_keeps_its_ends():
    counts = random(4).poisson(0.3, 500) * 1.0
    mapped = count_correlation(counts, np.linspace(0, 1, 50))
    assert mapped[0] == 0
    assert mapped[-1] == pytest.approx(1)
    assert np.all(np.diff(mapped) > 0)
    assert latent_share(counts, 0.5, 0.0) == 0
    # Counts of few values weaken correlation, so the process behind them has more.
    assert latent_share(counts, 0.5, 0.4) > 0.4


def test_fit_finds_dependence_where_it_is():
    rng = random(6)
    level = np.zeros((50, 1500))
    for step in range(1, 1500):
        level[:, step] = 0.8 * level[:, step - 1] + 0.6 * rng.standard_normal(50)
    fit = fit_serial(level)
    assert np.median(fit.phi) == pytest.approx(0.8, abs=0.05)
    assert np.median(fit.share) == 1
    independent = rng.poisson(1.0, (200, 500)) * 1.0
    assert np.mean(fit_serial(independent).is_dependent) < 0.15
    assert fit_serial(independent, dependent=True).is_dependent.all()


def test_p_values_count_the_surrogates_at_least_as_extreme():
    p_values = empirical_p_values([3.0, 0.0, 9.0], np.array([[1.0, 2, 3, 4]] * 3))
    np.testing.assert_allclose(p_values, [3 / 5, 1, 1 / 5])


def dates(*days):
    return np.array(days, dtype="datetime64[D]")


def test_weekday_grid_has_every_weekday_between_the_first_trade_and_the_last():
    # 2020-01-03 is a Friday, the 4th a Saturday.
    series = weekday_counts(dates("2020-01-07", "2020-01-03", "2020-01-04", "NaT", "2020-01-03"))
    assert series.days.tolist() == dates("2020-01-03", "2020-01-06", "2020-01-07").tolist()
    assert series.counts.tolist() == [2, 1, 1]
    assert series.offsets.tolist() == [0, 3, 4]


def test_weeks_begin_on_mondays():
    series = weekly_counts(dates("2020-01-05", "2020-01-06", "2020-01-20", "2020-01-26"))
    assert (
        series.days.tolist()
        == dates("2019-12-30", "2020-01-06", "2020-01-13", "2020-01-20").tolist()
    )
    assert series.counts.tolist() == [1, 1, 0, 2]


@pytest.mark.parametrize("count", [weekday_counts, weekly_counts])
def test_no_trades_no_series(count):
    assert len(count(dates())) == len(count(dates("NaT"))) == 0
