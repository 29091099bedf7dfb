"""Means over dependent rows: by hand, beside the pool's test, and their errors in simulation."""

import json

import numpy as np
import pytest
from numpy.random import PCG64, Generator
from scipy import stats
from scipy.fft import dct

from quant.analytics.ensemble.pool import accuracy
from quant.ml.catalogue import MODELS
from quant.ml.compare import mean, paired, periods


def generator(seed=1):
    return Generator(PCG64(seed))


class TestMean:
    @pytest.mark.parametrize("horizon", [1, 4])
    def test_one_row_a_period_is_the_pools_test(self, horizon):
        draw = generator()
        a, b = draw.normal(size=(2, 150))
        found = paired(a, b, np.arange(150), overlap=horizon)
        # Scores are better where higher, losses where lower.
        expected = accuracy(-a, -b, horizon)
        assert found.difference == pytest.approx(expected.difference, rel=1e-8)
        assert found.standard_error == pytest.approx(expected.standard_error, rel=1e-8)
        assert found.p_value == pytest.approx(expected.p_value, rel=1e-8)

    def test_several_rows_a_period_are_summed(self):
        draw = generator(2)
        week = np.sort(draw.integers(10, 110, 700))
        values = draw.normal(0.1, 1, 700) + draw.normal(size=120)[week]
        found = mean(values, week, overlap=3)
        span = week.max() - week.min() + 1
        sums = np.zeros(span)
        np.add.at(sums, week - week.min(), values - values.mean())
        degrees = int(min(0.4 * span ** (2 / 3), span / 6))
        # SciPy's orthonormal cosines without the constant one.
        projected = dct(sums, norm="ortho")[1 : degrees + 1]
        error = np.sqrt(span * np.mean(projected**2)) / 700
        assert found.degrees == degrees
        assert found.standard_error == pytest.approx(error, rel=1e-8)
        assert found.p_value == pytest.approx(stats.t.sf(values.mean() / error, degrees), rel=1e-8)
        half = error * stats.t.ppf(0.975, degrees)
        assert found.lower == pytest.approx(values.mean() - half, rel=1e-8)
        assert found.upper == pytest.approx(values.mean() + half, rel=1e-8)
        assert (found.n, found.clusters) == (700, span)

    def test_the_order_of_rows_and_the_first_period_do_not_matter(self):
        draw = generator(3)
        week, values = draw.integers(0, 80, 300), draw.normal(size=300)
        shuffled = draw.permutation(300)
        found = mean(values, week)
        again = mean(values[shuffled], week[shuffled] + 2600)
        assert again.standard_error == pytest.approx(found.standard_error, rel=1e-10)
        assert again.p_value == pytest.approx(found.p_value, rel=1e-10)

    def test_what_rows_of_a_week_share_is_not_counted_twice(self):
        week = np.arange(200)
        values = generator(4).normal(size=200)
        once = mean(values, week)
        tenfold = mean(np.repeat(values, 10), np.repeat(week, 10))
        assert tenfold.standard_error == pytest.approx(once.standard_error, rel=1e-10)

    def test_equal_losses_are_not_better(self):
        values = generator(5).random(200)
        found = paired(values, values.copy(), np.arange(200))
        assert found.difference == 0
        assert np.isnan(found.p_value)

    @pytest.mark.parametrize("n", [0, 1, 5])
    def test_too_few_periods_have_no_test(self, n):
        found = mean(np.ones(n), np.arange(n), overlap=2)
        assert np.isnan(found.p_value)
        assert json.loads(json.dumps(found.document(), allow_nan=False))["p_value"] is None

    def test_the_level_is_kept_where_windows_overlap(self):
        draw = generator(6)
        simulations, weeks, overlap = 2000, 300, 13
        noise = draw.standard_t(6, (simulations, weeks + overlap - 1))
        rejected = 0
        for row in noise:
            values = np.convolve(row, np.ones(overlap) / overlap, mode="valid")
            rejected += mean(values, np.arange(weeks), overlap=overlap).p_value <= 0.05
        assert 0.035 <= rejected / simulations <= 0.065


class TestPeriods:
    def test_returns_are_by_week_and_overlap_as_long_as_their_window(self):
        days = np.array(["2020-01-02", "2020-01-08", "2020-01-09"], dtype="datetime64[D]")
        week, overlap = periods(MODELS["abnormal-return-63"], days)
        assert (week - week[0]).tolist() == [0, 0, 1]
        # 64 trading days, as the window begins a day later, are thirteen weeks.
        assert overlap == 13
        assert periods(MODELS["abnormal-return-21"], days)[1] == 5

    def test_probabilities_are_by_month(self):
        days = np.array(["2020-01-31", "2020-02-29", "2021-01-31"], dtype="datetime64[D]")
        month, overlap = periods(MODELS["trades-ticker-next-month"], days)
        assert (month - month[0]).tolist() == [0, 1, 12]
        assert overlap == 1

    def test_counts_are_by_week_and_overlap_by_four(self):
        sundays = np.datetime64("2020-01-05") + np.arange(6) * np.timedelta64(7, "D")
        week, overlap = periods(MODELS["trade-count-regime"], sundays)
        assert np.diff(week).tolist() == [1] * 5
        assert overlap == 4
