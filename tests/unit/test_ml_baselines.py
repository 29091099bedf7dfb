"""Baselines beside statsmodels, SciPy and a loop, and what they may not know."""

import json

import numpy as np
import pytest
import statsmodels.api as sm
from numpy.random import PCG64, Generator
from scipy.optimize import minimize

from quant.ml import baselines, credibility, linear
from quant.ml.catalogue import KEYS, MODELS, Baseline, Subject
from quant.ml.features.frame import Frame

DAY = np.timedelta64(1, "D")
RETURN = MODELS["abnormal-return-21"]
PROBABILITY = MODELS["trades-ticker-next-month"]
COUNT = MODELS["trade-count-regime"]


def generator(seed=1):
    return Generator(PCG64(seed))


def frame(spec, x, outcome, *, as_of=None, known_on=None, keys=None, names=None):
    n = len(outcome)
    as_of = np.datetime64("2018-01-01") + np.arange(n) * DAY if as_of is None else as_of
    return Frame(
        subject=spec.subject,
        dataset="v1-f1",
        as_of=as_of,
        keys=keys or {name: np.full(n, "a") for name in KEYS[spec.subject]},
        names=names or tuple(f"x{place}" for place in range(x.shape[1])),
        x=x,
        labels={spec.label: outcome},
        known_on={spec.label: as_of + 30 * DAY if known_on is None else known_on},
    )


def every(rows):
    return np.ones(len(rows), dtype=np.bool_)


class TestLinear:
    def test_ridge_is_that_of_statsmodels(self):
        draw = generator()
        x = draw.normal(size=(200, 5)) * [1, 2, 3, 4, 5]
        y = x @ [1, 0, -1, 0.5, 0] + draw.normal(size=200)
        rows = frame(RETURN, x, y)
        z = linear.matrix(linear.fit_columns(rows, every(rows), frozenset()), rows)
        intercept, found = linear.ridge(z, y, 0.3)
        penalties = np.r_[0.0, np.full(5, 0.3)]
        expected = sm.OLS(y, sm.add_constant(z)).fit_regularized(alpha=penalties, L1_wt=0)
        np.testing.assert_allclose([intercept, *found], expected.params, rtol=1e-8, atol=1e-10)

    @pytest.mark.parametrize("penalty", [1e-4, 0.05, 3.0])
    def test_logistic_is_the_minimum_that_scipy_finds(self, penalty):
        draw = generator(2)
        z = draw.normal(size=(300, 4))
        y = (draw.random(300) < linear.expit(z @ [2, -1, 0, 0.5] - 1)).astype(float)
        x = np.column_stack([np.ones(300), z])
        weight = np.r_[0.0, np.full(4, penalty)]

        def cost(beta):
            margin = x @ beta
            value = np.mean(np.logaddexp(0, margin) - y * margin) + weight @ beta**2 / 2
            return value, x.T @ (linear.expit(margin) - y) / 300 + weight * beta

        expected = minimize(cost, np.zeros(5), jac=True, method="BFGS", options={"gtol": 1e-11}).x
        intercept, found = linear.logistic(z, y, penalty)
        np.testing.assert_allclose([intercept, *found], expected, rtol=1e-8, atol=1e-8)

    def test_without_a_penalty_to_speak_of_it_is_statsmodels_logit(self):
        draw = generator(3)
        z = draw.normal(size=(400, 3))
        y = (draw.random(400) < linear.expit(z @ [1, -1, 0.5])).astype(float)
        intercept, found = linear.logistic(z, y, 1e-12)
        expected = sm.Logit(y, sm.add_constant(z)).fit(disp=False, tol=1e-12).params
        np.testing.assert_allclose([intercept, *found], expected, rtol=1e-8)

    def test_rare_events_that_are_easily_told_apart_still_converge(self):
        z = np.r_[np.full(5000, -0.1), np.full(5, 5.0)][:, None]
        y = np.r_[np.zeros(5000), np.ones(5)]
        intercept, found = linear.logistic(z, y, 1e-4)
        p = linear.expit(intercept + z[:, 0] * found[0])
        # At the minimum the mean of the predictions is the outcomes'.
        assert p.mean() == pytest.approx(y.mean(), rel=1e-8)

    def test_gaps_categories_and_constants_become_columns(self):
        x = np.array([[1, 0, 7, np.nan], [3, 1, 7, np.nan], [np.nan, 2, 7, 4], [4, np.nan, 7, 9]])
        rows = frame(RETURN, x, np.zeros(4), names=("number", "party", "same", "gaps"))
        columns = linear.fit_columns(rows, every(rows), frozenset({"party"}))
        named = [(c["feature"], c.get("code"), c.get("median"), c.get("missing")) for c in columns]
        assert named == [
            ("number", None, 3.0, None),
            ("number", None, None, True),
            ("party", 0.0, None, None),
            ("party", 1.0, None, None),
            ("party", 2.0, None, None),
            ("gaps", None, 6.5, None),
            ("gaps", None, None, True),
        ]
        z = linear.matrix(columns, rows)
        np.testing.assert_allclose(z.mean(axis=0), 0, atol=1e-12)
        np.testing.assert_allclose(z.std(axis=0), 1)
        # A code that was never seen has no column; a number far out counts as five deviations.
        odd = frame(RETURN, np.array([[1e9, 17, 7, 6.5]]), np.zeros(1), names=rows.names)
        z = linear.matrix(columns, odd)[0]
        assert z[0] == 5
        assert (z[2:5] < 0).all()


class TestCredibility:
    def test_beta_binomial_strength_is_recovered(self):
        draw = generator(4)
        a, b, n = 2.0, 18.0, 40
        rates = draw.beta(a, b, 4000)
        outcome = (draw.random((4000, n)) < rates[:, None]).astype(float)
        found = credibility.fit(np.repeat(np.arange(4000), n), outcome.ravel())
        assert found.mean == pytest.approx(0.1, abs=0.004)
        assert found.strength == pytest.approx(a + b, rel=0.1)
        # The posterior mean of the beta-binomial model.
        total = outcome.sum(axis=1)
        np.testing.assert_allclose(
            found.rate(total, np.full(4000, float(n))), (total + a) / (n + a + b), atol=0.006
        )

    def test_gamma_poisson_strength_is_recovered(self):
        draw = generator(5)
        rates = draw.gamma(3.0, 1 / 1.5, 3000)
        outcome = draw.poisson(rates[:, None], (3000, 20)).astype(float)
        found = credibility.fit(np.repeat(np.arange(3000), 20), outcome.ravel())
        assert found.strength == pytest.approx(1.5, rel=0.1)

    def test_overlapping_outcomes_are_worth_less(self):
        draw = generator(6)
        rates = draw.gamma(2.0, 1.0, 2000)
        weekly = draw.poisson(rates[:, None], (2000, 103))
        windows = np.lib.stride_tricks.sliding_window_view(weekly, 4, axis=1).sum(axis=2)
        subject = np.repeat(np.arange(2000), windows.shape[1])
        found = credibility.fit(subject, windows.ravel().astype(float), overlap=4)
        # Of a four-week count with mean 8 and variance of the rates 32, times four.
        assert found.strength == pytest.approx(4 * 8 / 32, rel=0.15)

    def test_subjects_that_do_not_differ_have_the_mean(self):
        outcome = np.tile([0.0, 1.0], 50)
        found = credibility.fit(np.repeat(np.arange(10), 10), outcome)
        assert found.strength == np.inf
        assert found.rate(np.array([10.0]), np.array([10.0])) == pytest.approx([0.5])

    def test_one_row_each_has_the_mean(self):
        found = credibility.fit(np.arange(5), np.array([0.0, 0, 1, 0, 0]))
        assert found == credibility.Credibility(0.2, np.inf)


def pairs(seed=7, n=600):
    draw = generator(seed)
    as_of = np.sort(np.datetime64("2018-01-31") + 31 * draw.integers(0, 40, n) * DAY)
    keys = {
        "politician_id": draw.integers(0, 6, n).astype(str),
        "ticker": draw.integers(0, 4, n).astype(str),
    }
    outcome = (draw.random(n) < 0.1 + 0.1 * draw.integers(0, 4, n)).astype(float)
    known_on = as_of + 75 * DAY
    late = as_of > np.datetime64("2021-04-01")
    outcome[late], known_on[late] = np.nan, np.datetime64("NaT", "D")
    return frame(PROBABILITY, np.zeros((n, 1)), outcome, as_of=as_of, known_on=known_on, keys=keys)


class TestSubjectRate:
    def fitted(self, rows, day="2019-06-01"):
        train = rows.known_on[PROBABILITY.label] < np.datetime64(day)
        found = baselines.fit(Baseline.SUBJECT_RATE, PROBABILITY, rows, train, frozenset())
        return json.loads(json.dumps(found, allow_nan=False))

    def test_counts_each_outcome_known_by_the_day_as_a_loop_does(self):
        rows = pairs()
        parameters = self.fitted(rows)
        found = baselines.predict(Baseline.SUBJECT_RATE, parameters, rows)
        later = np.flatnonzero(rows.as_of >= np.datetime64("2019-06-01"))
        label, known_on = rows.labels[PROBABILITY.label], rows.known_on[PROBABILITY.label]
        for row in later[::7]:
            same = np.logical_and(*(column == column[row] for column in rows.keys.values())) & (
                known_on <= rows.as_of[row]
            )
            n, total = same.sum(), label[same].sum()
            strength = parameters["strength"]
            if strength is None:
                expected = parameters["mean"]
            else:
                expected = (total + strength * parameters["mean"]) / (n + strength)
            assert found[row] == pytest.approx(expected, rel=1e-9)

    def test_is_not_the_mean_for_everybody(self):
        rows = pairs()
        parameters = self.fitted(rows)
        parameters["strength"] = 10.0
        found = baselines.predict(Baseline.SUBJECT_RATE, parameters, rows)
        assert len(np.unique(found.round(6))) > 24

    def test_an_outcome_after_the_day_changes_nothing(self):
        rows = pairs()
        parameters = {**self.fitted(rows), "strength": 10.0}
        day = np.datetime64("2020-03-01")
        changed = rows.labels[PROBABILITY.label].copy()
        after = rows.known_on[PROBABILITY.label] > day
        changed[after] = 1 - changed[after]
        other = frame(
            PROBABILITY,
            rows.x,
            changed,
            as_of=rows.as_of,
            known_on=rows.known_on[PROBABILITY.label],
            keys=rows.keys,
        )
        before = rows.as_of <= day
        one, two = (baselines.predict("subject_rate", parameters, each) for each in (rows, other))
        np.testing.assert_array_equal(one[before], two[before])
        assert (one[~before] != two[~before]).any()

    def test_rows_alone_have_what_the_parameters_know(self):
        rows = pairs()
        parameters = {**self.fitted(rows), "strength": 10.0}
        [n, total] = parameters["subjects"]["3|2"]
        which = (rows.keys["politician_id"] == "3") & (rows.keys["ticker"] == "2")
        latest = rows.take(which & np.isnan(rows.labels[PROBABILITY.label]))
        found = baselines.predict("subject_rate", parameters, latest)
        expected = (total + 10 * parameters["mean"]) / (n + 10)
        np.testing.assert_allclose(found, expected)


class TestFit:
    @pytest.mark.parametrize(
        ("spec", "name"),
        [(spec, name) for spec in (RETURN, PROBABILITY) for name in spec.baselines],
        ids=lambda value: getattr(value, "name", str(value)),
    )
    def test_is_json_and_predicts_every_row(self, spec, name):
        draw = generator(8)
        x = draw.normal(size=(300, 3))
        x[draw.random(x.shape) < 0.2] = np.nan
        outcome = draw.normal(size=300)
        if spec is PROBABILITY:
            outcome = (outcome > 0.5).astype(float)
        rows = frame(spec, x, outcome)
        found = baselines.fit(name, spec, rows, every(rows), frozenset())
        again = json.loads(json.dumps(found, allow_nan=False))
        np.testing.assert_array_equal(
            baselines.predict(name, found, rows), baselines.predict(str(name), again, rows)
        )
        assert np.isfinite(baselines.predict(name, found, rows)).all()

    def test_zero_and_mean_are_what_they_are_called(self):
        rows = frame(RETURN, np.zeros((3, 1)), np.array([0.1, 0.2, 0.6]))
        assert baselines.predict(Baseline.ZERO, {}, rows).tolist() == [0, 0, 0]
        found = baselines.fit(Baseline.HISTORICAL_MEAN, RETURN, rows, every(rows), frozenset())
        assert baselines.predict(Baseline.HISTORICAL_MEAN, found, rows) == pytest.approx([0.3] * 3)

    def test_the_penalty_is_great_where_there_is_nothing_to_learn(self):
        draw = generator(9)
        rows = frame(RETURN, draw.normal(size=(400, 30)), draw.normal(size=400))
        noise = baselines.fit(Baseline.RIDGE, RETURN, rows, every(rows), frozenset())
        assert noise["penalty"] == max(baselines.RIDGE_PENALTIES)
        told = frame(RETURN, rows.x, rows.x[:, 0] + 0.1 * draw.normal(size=400))
        signal = baselines.fit(Baseline.RIDGE, RETURN, told, every(told), frozenset())
        assert signal["penalty"] == min(baselines.RIDGE_PENALTIES)
        assert baselines.predict(Baseline.RIDGE, signal, told) == pytest.approx(
            rows.x[:, 0], abs=0.2
        )

    def test_one_outcome_alone_is_predicted_with_caution(self):
        rows = frame(PROBABILITY, generator().normal(size=(100, 2)), np.zeros(100))
        found = baselines.fit(Baseline.LOGISTIC, PROBABILITY, rows, every(rows), frozenset())
        predicted = baselines.predict(Baseline.LOGISTIC, found, rows)
        np.testing.assert_allclose(predicted, 0.5 / 101)

    def test_every_declared_baseline_of_counts_is_known(self):
        assert COUNT.baselines == (Baseline.SUBJECT_RATE,)
        assert KEYS[Subject.POLITICIAN] == ("politician_id",)
