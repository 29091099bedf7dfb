"""Cycle and regime models of all politicians at once, beside one at a time."""

import numpy as np
import pytest
from numpy.random import PCG64, Generator

from quant.analytics.ensemble import components
from quant.analytics.ensemble.pool import FIRST_ORIGIN
from quant.analytics.ensemble.regime import regime_moments
from quant.ml.catalogue import Family, Subject
from quant.ml.counts import WEEK_COUNT, moments
from quant.ml.features.frame import Frame

WEEKS = 4
SUNDAY = np.datetime64("2025-11-30")
LENGTHS = (60, 104, 130, 156, 200, 261)


def generator(seed=1):
    return Generator(PCG64(seed))


def series(seed=1):
    draw = generator(seed)
    return [draw.poisson(np.where((np.arange(n) // 30) % 2, 6.0, 0.5)) for n in LENGTHS]


def frame(counts, *, last=SUNDAY, shuffled=False):
    politicians = np.repeat([f"p{place}" for place in range(len(counts))], list(map(len, counts)))
    ends = [last - np.arange(len(y))[::-1] * np.timedelta64(7, "D") for y in counts]
    rows = Frame(
        subject=Subject.POLITICIAN,
        dataset="v1-f1",
        as_of=np.concatenate(ends),
        keys={"politician_id": politicians},
        names=(WEEK_COUNT,),
        x=np.concatenate(counts)[:, None].astype(float),
        labels={},
        known_on={},
    )
    # By day and then by politician, as features are.
    order = np.lexsort((politicians, rows.as_of))
    return rows.take(generator(9).permutation(len(rows)) if shuffled else order)


def of(rows, values, place):
    own = rows.keys["politician_id"] == f"p{place}"
    return values[own][np.argsort(rows.as_of[own])]


def test_cycles_are_those_of_one_series():
    counts = series()
    rows = frame(counts)
    mean, variance = moments(Family.CYCLE, {"weeks": WEEKS}, rows)
    for place, y in enumerate(counts):
        own_mean, own_variance = of(rows, mean, place), of(rows, variance, place)
        assert np.isnan(own_mean[: FIRST_ORIGIN - 1]).all()
        if len(y) < FIRST_ORIGIN:
            continue
        expected = components.cycle(y, FIRST_ORIGIN, (WEEKS,))
        np.testing.assert_allclose(own_mean[FIRST_ORIGIN - 1 :], expected.mean[:, 0], rtol=1e-8)
        np.testing.assert_allclose(
            own_variance[FIRST_ORIGIN - 1 :], expected.variance[:, 0], rtol=1e-8
        )


@pytest.mark.parametrize("start", [104, 156])
def test_regimes_are_those_of_one_series_that_ends_at_the_estimate(start):
    counts = series()
    rows = frame(counts)
    mean, variance = moments(Family.REGIME, {"weeks": WEEKS}, rows)
    for place, y in enumerate(counts):
        if len(y) < start:
            continue
        expected = regime_moments(y[:start], start, (WEEKS,))
        found = of(rows, mean, place)[start - 1], of(rows, variance, place)[start - 1]
        np.testing.assert_allclose(found, [each[0, 0] for each in expected], rtol=1e-8)


@pytest.mark.parametrize("family", [Family.CYCLE, Family.REGIME])
def test_no_later_week_and_no_other_politician_changes_a_forecast(family):
    counts = series()
    rows = frame(counts)
    mean, variance = moments(family, {"weeks": WEEKS}, rows)
    # The last politician alone, with sixty weeks fewer.
    alone = frame([counts[-1][:-60]], last=rows.as_of.max() - 60 * np.timedelta64(7, "D"))
    again = moments(family, {"weeks": WEEKS}, alone)
    for values, other in zip((mean, variance), again, strict=True):
        np.testing.assert_allclose(of(rows, values, 5)[:-60], other, rtol=1e-10)


@pytest.mark.parametrize("family", [Family.CYCLE, Family.REGIME])
def test_forecasts_of_a_few_rows_are_those_of_all(family):
    rows = frame(series())
    wanted = np.zeros(len(rows), dtype=np.bool_)
    wanted[:: len(rows) // 7] = True
    everything = moments(family, {"weeks": WEEKS}, rows)
    some = moments(family, {"weeks": WEEKS}, rows, wanted)
    for values, other in zip(everything, some, strict=True):
        np.testing.assert_array_equal(values[wanted], other[wanted])


@pytest.mark.parametrize("family", [Family.CYCLE, Family.REGIME])
def test_the_order_of_rows_does_not_matter(family):
    counts = series(2)
    one, two = frame(counts), frame(counts, shuffled=True)
    found = [moments(family, {"weeks": WEEKS}, rows)[0] for rows in (one, two)]
    for place in range(len(counts)):
        np.testing.assert_array_equal(of(one, found[0], place), of(two, found[1], place))


def test_a_missing_week_is_refused():
    rows = frame(series())
    gap = rows.take(np.arange(len(rows)) != len(rows) - 20)
    with pytest.raises(ValueError, match="gaps"):
        moments(Family.REGIME, {"weeks": WEEKS}, gap)


def test_no_rows_have_no_forecasts():
    rows = frame(series())
    empty = rows.take(np.zeros(len(rows), dtype=np.bool_))
    for family in (Family.CYCLE, Family.REGIME):
        assert [len(part) for part in moments(family, {"weeks": WEEKS}, empty)] == [0, 0]
