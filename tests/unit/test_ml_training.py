"""Training on made-up rows: what is found, what is not, and the same again in another process."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ml_support import disclosures, pair_months, politician_weeks, trained

from quant.ml import conformal
from quant.ml.artifact import Artifact
from quant.ml.catalogue import INTERVAL_LEVEL, MODELS, SEED, Family
from quant.ml.layout import canonical, sha256
from quant.ml.training.configs import CONFIGS
from quant.ml.training.finish import finish
from quant.ml.training.fit import FoldResult, fit_fold
from quant.ml.training.record import IncompleteRunError
from quant.vocabulary import Verdict

PROJECT = Path(__file__).resolve().parents[2]
RETURN = MODELS["abnormal-return-21"]
PROBABILITY = MODELS["trades-ticker-next-month"]
REGIME = MODELS["trade-count-regime"]


@pytest.fixture(scope="module")
def returns():
    return trained(RETURN, disclosures(seed=1, signal=0.0))


@pytest.fixture(scope="module")
def planted():
    return trained(RETURN, disclosures(seed=2, signal=0.5))


@pytest.fixture(scope="module")
def probabilities():
    return trained(PROBABILITY, pair_months(seed=3))


@pytest.fixture(scope="module")
def counts():
    return trained(REGIME, politician_weeks(seed=4))


@pytest.fixture(params=["returns", "planted", "probabilities", "counts"])
def every(request):
    return request.getfixturevalue(request.param)


class TestRecord:
    def test_covers_the_folds_after_the_warm_up(self, every):
        record = every.evaluation.record
        expected = np.flatnonzero(np.any([fold.test for fold in every.folds[1:]], axis=0))
        assert set(record.rows) <= set(expected)
        if every.spec.family is Family.LIGHTGBM:
            np.testing.assert_array_equal(record.rows, expected)
        np.testing.assert_array_equal(
            record.outcome, every.frame.labels[every.spec.label][record.rows]
        )
        assert set(record.fold) == {fold.number for fold in every.folds[1:]}

    def test_outcomes_from_a_day_on_change_no_earlier_prediction(self, every):
        # Other outcomes of the rows known from the fourth fold on: folds before stay as they were.
        spec, frame = every.spec, every.frame
        day = np.datetime64(every.folds[4].first_test_day)
        later = frame.known_on[spec.label] >= day
        changed = frame.labels[spec.label].copy()
        changed[later] = np.random.default_rng(1).permutation(changed[later])
        again = trained(spec, every.relabelled(changed))
        before = every.evaluation.record.rows[frame.as_of[every.evaluation.record.rows] < day]
        for name in ("value", "lower", "upper"):
            one, two = (
                getattr(each.evaluation.record, name)[np.isin(each.evaluation.record.rows, before)]
                for each in (every, again)
            )
            np.testing.assert_array_equal(one, two)

    def test_results_that_are_missing_are_noticed(self, returns):
        with pytest.raises(IncompleteRunError, match="on 6 folds"):
            trained(RETURN, returns.frame, results=returns.results[:-1])
        with pytest.raises(IncompleteRunError):
            trained(RETURN, returns.frame, results=[])

    def test_results_survive_json(self, every):
        for result in every.results:
            again = FoldResult.of(json.loads(canonical(result.document())))
            assert again == result


class TestEvaluation:
    def test_is_json(self, every):
        found = json.loads(canonical(every.evaluation.document()))
        assert found["metrics"]["rows"] == len(every.evaluation.record)
        assert len(found["metrics"]["folds"]) == len(every.folds) - 1
        assert sum(fold["rows"] for fold in found["metrics"]["folds"]) == found["metrics"]["rows"]

    def test_noise_is_refused_with_a_reason_for_each_baseline_not_beaten(self, returns):
        evaluation = returns.evaluation
        assert evaluation.verdict is Verdict.REFUSED
        beaten = [
            name
            for name, found in evaluation.metrics["comparisons"].items()
            if found["p_value"] <= 0.05
        ]
        assert len(evaluation.reasons) == len(RETURN.baselines) - len(beaten) > 0

    def test_a_planted_effect_beats_every_baseline(self, planted):
        evaluation = planted.evaluation
        assert evaluation.verdict is Verdict.ACCEPTED, evaluation.reasons
        assert evaluation.reasons == ()
        for found in evaluation.metrics["comparisons"].values():
            assert found["skill"]["difference"] > 0
            assert found["p_value"] <= 0.05

    def test_intervals_hold_what_they_are_made_to(self, every):
        coverage = every.evaluation.metrics.get("coverage")
        if coverage is None:
            assert every.spec is PROBABILITY
            return
        assert coverage["value"] == pytest.approx(INTERVAL_LEVEL, abs=0.03)
        # Counts have none before enough of them are known.
        assert 0.9 * len(every.evaluation.record) <= coverage["n"] <= len(every.evaluation.record)

    def test_too_few_outcomes_have_no_interval(self, returns, monkeypatch):
        monkeypatch.setattr(conformal, "LEAST_SCORES", len(returns.frame) + 1)
        found = trained(RETURN, returns.frame, results=returns.results).evaluation
        assert found.interval is None
        assert np.isnan(found.record.lower).all()
        assert json.loads(canonical(found.document()))["metrics"]["coverage"]["value"] is None

    def test_probabilities_are_calibrated(self, probabilities):
        evaluation = probabilities.evaluation
        error = evaluation.metrics["calibration"]
        assert error["value"] < 2 * error["expected_if_calibrated"]
        assert evaluation.calibration is not None
        value = evaluation.record.value
        assert value.min() > 0
        assert value.max() < 1

    def test_counts_before_two_years_are_not_judged(self, counts):
        said = {row for each in counts.results for row, v in zip(each.rows, each.value) if v}  # noqa: B905
        assert set(counts.evaluation.record.rows) <= said


def finished(run, **changes):
    settings = {"run": "0" * 16, "seed": SEED, "code_version": "1", "synthetic": True} | changes
    return finish(run.spec, run.frame, run.evaluation, **settings)


class TestFinish:
    def test_artifact_is_read_back_and_predicts(self, every):
        artifact = finished(every)
        again = Artifact.load(artifact.dump())
        rows = np.zeros(len(every.frame), dtype=np.bool_)
        rows[every.evaluation.record.rows[-50:]] = True
        found = again.predict(every.frame, rows)
        assert np.isfinite(found.value).all()
        assert set(found.baselines) == {str(name) for name in every.spec.baselines}
        if every.evaluation.interval is not None:
            assert (found.lower <= found.value).all()
            assert (found.value <= found.upper).all()
        assert set(artifact.reference) == {*every.frame.names, "prediction"}
        known = ~np.isnan(every.frame.labels[every.spec.label])
        assert artifact.trained_through == every.frame.as_of[known].max().item()

    def test_the_seed_is_part_of_it(self, planted):
        assert finished(planted, seed=1).dump() != finished(planted, seed=2).dump()


_SCRIPT = """
import sys
sys.path[:0] = {paths!r}
from ml_support import disclosures, trained
from quant.ml.catalogue import MODELS
from quant.ml.layout import sha256
from quant.ml.training.finish import finish
spec = MODELS["abnormal-return-21"]
run = trained(spec, disclosures(seed=2, signal=0.5))
artifact = finish(spec, run.frame, run.evaluation, run="0" * 16, seed=20120404, code_version="1",
                  synthetic=True)
print(sha256(artifact.booster.encode()), sha256(artifact.dump()))
"""


def test_two_fresh_processes_give_the_same_bytes(planted):
    script = _SCRIPT.format(
        paths=[str(PROJECT / "tests"), str(PROJECT / "layers" / "quant" / "python")]
    )
    printed = [
        subprocess.run(
            [sys.executable, "-c", script], check=True, capture_output=True, text=True
        ).stdout.split()
        for _ in range(2)
    ]
    artifact = finished(planted)
    expected = [sha256(artifact.booster.encode()), sha256(artifact.dump())]
    assert printed == [expected, expected]


class TestFit:
    def test_only_training_rows_are_fitted(self, planted):
        fold, config = planted.folds[2], CONFIGS[RETURN.name][0]
        changed = planted.frame.labels[RETURN.label].copy()
        changed[~fold.train] = 99.0
        other = planted.relabelled(changed)
        one = fit_fold(RETURN, planted.frame, fold, config, seed=SEED)
        two = fit_fold(RETURN, other, fold, config, seed=SEED)
        assert one.value == two.value
        assert one.baselines == two.baselines
        assert one.trees == two.trees

    def test_says_what_it_was_trained_on(self, planted):
        fold = planted.folds[1]
        result = fit_fold(RETURN, planted.frame, fold, CONFIGS[RETURN.name][0], seed=SEED)
        assert result.trained_rows == fold.train.sum()
        assert result.trained_through == str(planted.frame.as_of[fold.train].max())
        assert result.rows == np.flatnonzero(fold.test).tolist()

    @pytest.mark.parametrize("model", MODELS)
    def test_every_model_has_configurations(self, model):
        configs = CONFIGS[model]
        assert configs
        for config in configs:
            json.loads(canonical(config))
