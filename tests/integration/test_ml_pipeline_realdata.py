"""Two trainings on real disclosures: versions, verdicts, and the record that they are judged by."""

import json

import numpy as np
import pytest
from realdata_support import import_everything
from realdata_training import train
from sqlalchemy import text
from tests.import_support import fresh_engine

from quant.ml import layout
from quant.ml.catalogue import KEYS, MODELS
from quant.ml.metrics import loss
from quant.ml.objects import Folder
from quant.ml.pipeline.record import read_outcomes
from quant.ml.pipeline.settings import RunSettings

pytestmark = [pytest.mark.realdata, pytest.mark.slow]


@pytest.fixture(scope="module")
def real(postgres, migrated_template, data_dir, tmp_path_factory):
    """The database, the folder, and the runs: one, the same again, and one with another seed."""
    objects = Folder(tmp_path_factory.mktemp("objects"))
    with fresh_engine(postgres, migrated_template) as engine:
        import_everything(engine, data_dir)
        runs = [train(engine, objects, RunSettings(seed=seed)) for seed in (1, 1, 2)]
        yield engine, objects, runs


def test_the_same_run_makes_no_second_version(real) -> None:
    engine, _, (first, again, other) = real
    assert first == again
    assert not first.synthetic
    assert first.run != other.run
    query = "select model, version, run from model_versions order by model, version"
    with engine.connect() as connection:
        found = [tuple(row) for row in connection.execute(text(query))]
    assert set(first.models) == set(MODELS)
    assert found == [
        (model, version, run.run)
        for model in sorted(first.models)
        for version, run in ((1, first), (2, other))
    ]


def test_who_leads_has_beaten_all_and_who_does_not_is_told_why(real) -> None:
    engine, _, _ = real
    query = (
        "select v.model, v.version, v.verdict, v.reasons, v.evaluation, c.version as leader"
        " from model_versions v left join champions c using (model) order by 1, 2"
    )
    with engine.connect() as connection:
        rows = connection.execute(text(query)).all()
    for row in rows:
        against = dict(row.evaluation["metrics"]["comparisons"])
        assert set(against) == set(MODELS[row.model].baselines)
        if row.evaluation["champion"] is not None:
            against["champion"] = row.evaluation["champion"]["comparison"]
        p_values = [each["p_value"] for each in against.values()]
        beaten = all(p_value is not None and p_value <= 0.05 for p_value in p_values)
        assert (row.verdict == "accepted") == beaten == (not row.reasons)
        if beaten:
            assert row.leader >= row.version
        else:
            assert row.leader != row.version


def test_the_mean_loss_is_that_of_the_record(real) -> None:
    _, objects, (run, *_) = real
    for model in run.models:
        spec = MODELS[model]
        kept = json.loads(objects.get(layout.run_key(run.run, model, "evaluation.json")))
        content = objects.get(layout.run_key(run.run, model, "record.parquet"))
        found = read_outcomes(content, KEYS[spec.subject])
        assert not np.isnan(found.outcome).any()
        mean = loss(spec.task, found.value, found.outcome).mean()
        metrics = kept["evaluation"]["metrics"]
        assert mean == pytest.approx(metrics["mean_loss"]["value"], rel=1e-12)
        assert len(found) == metrics["rows"]
