"""Walk-forward folds: no training row was known too late, and every test row has one fold."""

from datetime import date
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.random import PCG64, Generator

from quant.ml.catalogue import Subject
from quant.ml.features.frame import Frame
from quant.ml.folds import inner_split, known_before, walk_forward

LABEL = "trades_next_month"
DAY = np.timedelta64(1, "D")


def frame(as_of, known_on, labels=None):
    n = len(as_of)
    return Frame(
        subject=Subject.TICKER_PAIR,
        dataset="v1-f1",
        as_of=as_of,
        keys={name: np.full(n, "a") for name in ("politician_id", "ticker")},
        names=("x",),
        x=np.zeros((n, 1)),
        labels={LABEL: np.zeros(n) if labels is None else labels},
        known_on={LABEL: known_on},
    )


def random_frame(seed, n, days, horizon, unknown=0.1):
    draw = Generator(PCG64(seed))
    as_of = np.sort(np.datetime64("2016-01-01") + draw.integers(0, days, n) * DAY)
    known_on = as_of + draw.integers(1, horizon + 1, n) * DAY
    labels = np.zeros(n)
    missing = draw.random(n) < unknown
    labels[missing], known_on[missing] = np.nan, np.datetime64("NaT", "D")
    return frame(as_of, known_on, labels)


class TestWalkForward:
    @settings(max_examples=60)
    @given(
        seed=st.integers(0, 10_000),
        n=st.integers(50, 400),
        horizon=st.integers(1, 90),
        folds=st.integers(1, 6),
        embargo=st.integers(0, 20),
    )
    def test_training_rows_were_known_before_the_embargo(self, seed, n, horizon, folds, embargo):
        rows = random_frame(seed, n, 600, horizon)
        found = walk_forward(rows, LABEL, folds=folds, embargo_days=embargo, minimum_train_rows=20)
        for fold in found:
            first = np.datetime64(fold.first_test_day)
            assert (rows.known_on[LABEL][fold.train] < first - embargo * DAY).all()
            assert not np.isnan(rows.labels[LABEL][fold.train | fold.test]).any()
            assert rows.as_of[fold.test].min() == first
            assert rows.as_of[fold.test].max() == np.datetime64(fold.last_test_day)
            # Nothing that could be trained on is left out.
            left = ~fold.train & known_before(rows, LABEL, first - embargo * DAY)
            assert not left.any()

    @settings(max_examples=60)
    @given(seed=st.integers(0, 10_000), n=st.integers(80, 400), folds=st.integers(1, 6))
    def test_folds_part_the_test_rows_by_whole_days(self, seed, n, folds):
        rows = random_frame(seed, n, 900, 30)
        found = walk_forward(rows, LABEL, folds=folds, embargo_days=5, minimum_train_rows=20)
        assert [fold.number for fold in found] == list(range(folds + 1))
        total = np.sum([fold.test for fold in found], axis=0)
        assert total.max() == 1
        first = np.datetime64(found[0].first_test_day)
        np.testing.assert_array_equal(
            total == 1, ~np.isnan(rows.labels[LABEL]) & (rows.as_of >= first)
        )
        for earlier, later in pairwise(found):
            assert earlier.last_test_day < later.first_test_day
            assert not (earlier.train & ~later.train).any()

    def test_the_first_fold_has_the_rows_it_needs(self):
        as_of = np.datetime64("2020-01-01") + np.arange(100) * DAY
        rows = frame(as_of, as_of + 10 * DAY)
        found = walk_forward(rows, LABEL, folds=2, embargo_days=3, minimum_train_rows=20)
        # The twentieth outcome is known on day 29, hence before day 30; three days of embargo.
        assert found[0].first_test_day == date(2020, 1, 1 + 30) + (3 * DAY).item()
        assert found[0].train.sum() == 20
        assert [int(fold.test.sum()) for fold in found] == [22, 23, 22]

    @pytest.mark.parametrize(("n", "minimum"), [(10, 20), (24, 20)])
    def test_too_few_rows_give_no_folds(self, n, minimum):
        as_of = np.datetime64("2020-01-01") + np.arange(n) * DAY
        rows = frame(as_of, as_of + DAY)
        found = walk_forward(rows, LABEL, folds=3, embargo_days=0, minimum_train_rows=minimum)
        assert found == []

    def test_a_day_is_not_divided(self):
        as_of = np.repeat(np.datetime64("2020-01-01") + np.arange(8) * 31 * DAY, 50)
        rows = frame(as_of, as_of + 40 * DAY)
        found = walk_forward(rows, LABEL, folds=2, embargo_days=0, minimum_train_rows=60)
        assert {int(fold.test.sum()) for fold in found} <= {50, 100}


class TestInnerSplit:
    def test_rows_to_fit_were_known_before_those_to_validate(self):
        rows = random_frame(3, 500, 700, 60)
        train = known_before(rows, LABEL, np.datetime64("2017-06-01"))
        inner, validation = inner_split(rows, LABEL, train)
        first = rows.as_of[validation].min()
        assert (rows.known_on[LABEL][inner] < first).all()
        assert not (inner & validation).any()
        assert not ((inner | validation) & ~train).any()
        assert 0.15 < validation.sum() / train.sum() < 0.25
