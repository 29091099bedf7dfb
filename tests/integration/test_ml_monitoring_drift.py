"""Drift over real files: features of synthetic disclosures, an artifact, a run's record."""

import uuid
from datetime import UTC, date, datetime, time, timedelta

import lightgbm
import ml_feature_support as made
import numpy as np
import pytest
from sqlalchemy import create_engine, insert, select, text
from sqlalchemy.pool import NullPool

from quant.db.ml_models import FeatureDrift, Prediction
from quant.db.models import Politician, Ticker
from quant.ml import layout, registry
from quant.ml.artifact import Artifact
from quant.ml.catalogue import MODELS
from quant.ml.features.build import build
from quant.ml.features.read import read
from quant.ml.monitoring import drift, measurement, monitor
from quant.ml.monitoring.performance import performance
from quant.ml.monitoring.stability import Reference
from quant.ml.objects import Folder
from quant.ml.pipeline import record
from quant.ml.training.record import Record
from quant.vocabulary import Verdict

MODEL = "abnormal-return-21"
SPEC = MODELS[MODEL]
TRAINED_THROUGH = date(2020, 3, 31)
MONTH = date(2020, 5, 31)  # the last whole one
LAST_DISCLOSURE = np.datetime64("2020-06-10")


def disclosures():
    """Disclosures of 30 synthetic politicians, with prices as long as there are trades."""
    tables = made.synthetic_tables(politicians=30, tickers=12, trades=12_000, days=960)
    trades = tables["trades"]
    tables["trades"] = trades[trades["disclosure_date"] <= LAST_DISCLOSURE]
    return tables


@pytest.fixture(scope="module")
def objects(tmp_path_factory):
    """The features of the disclosures."""
    folder = Folder(tmp_path_factory.mktemp("ml"))
    made.write_snapshot(folder, disclosures())
    build(folder, made.DATASET)
    return folder


@pytest.fixture(scope="module")
def artifact(objects):
    """A small model of the rows up to ``TRAINED_THROUGH``, stored with its run's record."""
    frame = read(objects, made.DATASET, SPEC.subject, last=TRAINED_THROUGH)
    outcome = frame.labels[SPEC.label]
    known = np.isfinite(outcome)
    booster = lightgbm.train(
        {"objective": "regression", "num_leaves": 6, "verbose": -1, "num_threads": 1},
        lightgbm.Dataset(frame.x[known], outcome[known], feature_name=list(frame.names)),
        10,
    )
    value = np.asarray(booster.predict(frame.x))
    columns = dict(zip(frame.names, frame.x.T, strict=True))
    found = Artifact(
        model=MODEL,
        family="lightgbm",
        dataset=made.DATASET,
        run="run-1",
        trained_through=TRAINED_THROUGH,
        code_version="test",
        seed=1,
        features=frame.names,
        settings={},
        booster=booster.model_to_string(),
        calibration=None,
        interval=None,
        baselines={"zero": {}},
        reference={
            name: Reference.measure(values).document()
            for name, values in {**columns, drift.PREDICTION: value}.items()
        },
        synthetic=True,
    )
    rows = Record(
        rows=np.arange(len(frame)),
        fold=np.ones(len(frame), dtype=np.int64),
        value=value,
        lower=value - 0.1,
        upper=value + 0.1,
        outcome=outcome,
        baselines={"zero": np.zeros(len(frame))},
    )
    content = found.dump()
    objects.publish(layout.artifact_key(MODEL, layout.sha256(content)), content)
    objects.publish(layout.run_key("run-1", MODEL, "record.parquet"), record.write(frame, rows))
    return found


@pytest.fixture(scope="module")
def engine(database, objects, artifact):
    """A database with the snapshot's politicians and tickers, and the model's version."""
    tables = disclosures()
    owner = create_engine(database.owner_url, poolclass=NullPool)
    with owner.begin() as connection:
        connection.execute(
            insert(Politician),
            [
                {
                    "id": uuid.UUID(each),
                    "full_name": f"Synthetic {number}",
                    "sort_name": f"synthetic {number}",
                    "chamber": "senate",
                    "synthetic": True,
                }
                for number, each in enumerate(tables["politicians"]["politician_id"])
            ],
        )
        connection.execute(
            insert(Ticker), [{"symbol": symbol} for symbol in tables["tickers"]["ticker"]]
        )
        registry.publish(
            connection,
            registry.NewVersion(
                model=MODEL,
                run="run-1",
                tracking_run=None,
                sha256=layout.sha256(artifact.dump()),
                dataset=made.DATASET,
                trained_through=TRAINED_THROUGH,
                verdict=Verdict.ACCEPTED,
                reasons=(),
                evaluation={"metrics": {"mean_loss": {"value": 0.0064, "standard_error": 0.0003}}},
                synthetic=True,
            ),
        )
    owner.dispose()
    engine = create_engine(database.url, poolclass=NullPool)
    yield engine
    engine.dispose()


@pytest.fixture
def connection(engine):
    """A transaction that is rolled back."""
    with engine.connect() as connection:
        yield connection


def measured(connection):
    rows = connection.execute(select(*FeatureDrift.__table__.columns)).all()
    return {(row.feature, row.measured_on): (row.rows, row.psi) for row in rows}


def test_every_whole_month_is_measured_against_training(connection, objects, artifact):
    assert measurement.measure(connection, objects, made.DATASET, MODEL) == 1
    found = measured(connection)
    days = sorted({day for _, day in found})
    assert len([day for day in days if day <= TRAINED_THROUGH]) >= drift.MINIMUM_MONTHS
    assert [day for day in days if day > TRAINED_THROUGH] == [date(2020, 4, 30), MONTH]
    frame = read(objects, made.DATASET, SPEC.subject, first=MONTH.replace(day=1), last=MONTH)
    for name in artifact.features:
        rows, psi = found[name, MONTH]
        assert rows == len(frame)
        expected = Reference.of(artifact.reference[name]).index(frame.column(name))
        assert psi == pytest.approx(expected, rel=1e-12)
    values = artifact.predict(frame).value
    expected = Reference.of(artifact.reference[drift.PREDICTION]).index(values)
    assert found[drift.PREDICTION, MONTH] == (len(frame), pytest.approx(expected, rel=1e-12))


def test_months_of_training_are_of_predictions_out_of_sample(connection, objects, artifact):
    measurement.measure(connection, objects, made.DATASET, MODEL)
    kept = record.read_outcomes(
        objects.get(layout.run_key("run-1", MODEL, "record.parquet")), ("politician_id", "ticker")
    )
    own = kept.as_of.astype("datetime64[M]") == np.datetime64("2020-02")
    expected = Reference.of(artifact.reference[drift.PREDICTION]).index(kept.value[own])
    rows, psi = measured(connection)[drift.PREDICTION, date(2020, 2, 29)]
    assert (rows, psi) == (own.sum(), pytest.approx(expected, rel=1e-12))


def test_measuring_again_changes_nothing(connection, objects, monkeypatch):
    measurement.measure(connection, objects, made.DATASET, MODEL)
    first = measured(connection)
    # Nor would it if the data had moved since.
    monkeypatch.setattr(measurement, "read", shifted(read, 4))
    measurement.measure(connection, objects, made.DATASET, MODEL)
    assert measured(connection) == first


def shifted(original, by, features=None):
    """Read features with some of them moved by so many standard deviations after training."""

    def read_shifted(objects, dataset, subject, *, first=None, last=None):
        frame = original(objects, dataset, subject, first=first, last=last)
        for place, name in enumerate(frame.names):
            if features is None or name in features:
                column = frame.x[:, place]
                spread = np.nanstd(column) if np.isfinite(column).any() else 0.0
                frame.x[:, place] += by * spread * (frame.as_of > np.datetime64(TRAINED_THROUGH))
        return frame

    return read_shifted


def varied(objects, month=MONTH):
    """Features of more than ten values within the month."""
    frame = read(objects, made.DATASET, SPEC.subject, first=month.replace(day=1), last=month)
    return [name for name in frame.names if len(np.unique(frame.column(name))) > 10]


def test_without_drift_few_features_are_shifted(connection, objects):
    measurement.measure(connection, objects, made.DATASET, MODEL)
    document = drift.summary(connection, MODEL, 1)
    assert document["features"] >= 10
    assert document["measured_on"] == MONTH.isoformat()
    assert document["share_shifted"] <= 0.2


def test_planted_drift_is_found_and_logged(connection, objects, monkeypatch, caplog):
    measurement.measure(connection, objects, made.DATASET, MODEL)
    before = {each["feature"]: each for each in drift.latest(connection, MODEL, 1)}
    connection.execute(text("delete from feature_drift"))
    planted = varied(objects)
    assert len(planted) >= 5
    monkeypatch.setattr(measurement, "read", shifted(read, 4, planted))
    with caplog.at_level("WARNING", "quant"):
        document = monitor.run(connection, objects, made.DATASET)
    found = {each["feature"]: each for each in drift.latest(connection, MODEL, 1)}
    # What has moved as far in months of training is none.
    large = [name for name in planted if found[name]["level"] == "large"]
    assert len(large) > 0.8 * len(planted)
    for name, each in found.items():
        if name not in {*planted, drift.PREDICTION}:
            assert each == before[name]
    summary = document["models"][MODEL]["drift"]
    assert summary["shifted"] >= len(large)
    assert summary["worst_psi"] >= max(found[name]["psi"] for name in large)
    assert found[summary["worst_feature"]]["psi"] == summary["worst_psi"]
    (logged,) = [each for each in caplog.records if each.event == "model_drift"]
    assert logged.model == MODEL


def test_a_feature_that_is_no_longer_known_has_drifted(connection, objects, monkeypatch):
    def without_prices(objects, dataset, subject, *, first=None, last=None):
        frame = read(objects, dataset, subject, first=first, last=last)
        later = frame.as_of > np.datetime64(TRAINED_THROUGH)
        frame.x[later, frame.names.index("volatility_63")] = np.nan
        return frame

    monkeypatch.setattr(measurement, "read", without_prices)
    measurement.measure(connection, objects, made.DATASET, MODEL)
    found = {each["feature"]: each for each in drift.latest(connection, MODEL, 1)}
    assert found["volatility_63"]["level"] == "large"


def test_a_small_month_is_not_measured(connection, objects, monkeypatch):
    def few(objects, dataset, subject, *, first=None, last=None):
        frame = read(objects, dataset, subject, first=first, last=last)
        return frame.take(np.arange(measurement.MINIMUM_ROWS - 1)) if last == MONTH else frame

    monkeypatch.setattr(measurement, "read", few)
    measurement.measure(connection, objects, made.DATASET, MODEL)
    assert MONTH not in {day for _, day in measured(connection)}
    assert drift.latest(connection, MODEL, 1)[0]["measured_on"] == date(2020, 4, 30)


def test_a_model_without_champion_has_no_drift(connection, objects):
    other = "abnormal-return-63"
    assert measurement.measure(connection, objects, made.DATASET, other) is None
    assert drift.latest(connection, other, 1) == []
    assert drift.summary(connection, other, 1) is None


def test_a_run_joins_outcomes_of_real_features_and_repeats_itself(connection, objects):
    frame = read(objects, made.DATASET, SPEC.subject)
    known = np.flatnonzero(np.isfinite(frame.labels[SPEC.label]))[::40]
    rows = [stored(frame, place) for place in known.tolist()]
    connection.execute(insert(Prediction), rows)
    found = monitor.run(connection, objects)
    assert found["dataset"] == made.DATASET
    assert found["models"][MODEL]["problem"] is None
    assert found["models"][MODEL]["outcomes"] == {
        "closed": len(rows),
        "missing": 0,
        "open": 0,
        "differing": 0,
    }
    kept = {
        row.id: (row.outcome, row.outcome_on)
        for row in connection.execute(select(Prediction.__table__))
    }
    for row, place in zip(rows, known, strict=True):
        assert kept[row["id"]] == (
            frame.labels[SPEC.label][place],
            frame.known_on[SPEC.label][place].item(),
        )
    again = monitor.run(connection, objects)
    assert again["models"][MODEL]["outcomes"]["closed"] == 0
    assert again["models"][MODEL]["drift"] == found["models"][MODEL]["drift"]


def stored(frame, place):
    as_of = frame.as_of[place].item()
    return {
        "id": uuid.uuid4(),
        "model": MODEL,
        "version": 1,
        "as_of": as_of,
        "politician_id": uuid.UUID(str(frame.keys["politician_id"][place])),
        "ticker": str(frame.keys["ticker"][place]),
        "value": 0.0,
        "lower": -0.1,
        "upper": 0.1,
        "baselines": {"zero": 0.0},
        "base_value": 0.0,
        "attributions": {},
        "dataset": made.DATASET,
        "made_at": datetime.combine(as_of, time(12), UTC),
    }


def test_without_features_nothing_is_monitored(connection, tmp_path):
    assert monitor.run(connection, Folder(tmp_path)) == {"dataset": None, "models": {}}


def test_what_is_wrong_with_a_model_is_said_and_keeps_no_other(connection, objects, caplog):
    connection.execute(text("update model_versions set sha256 = :digest"), {"digest": "0" * 64})
    found = monitor.run(connection, objects, made.DATASET)["models"]
    assert "no version" in found[MODEL]["problem"]
    assert found[MODEL]["outcomes"] is not None
    assert all(each["problem"] is None for name, each in found.items() if name != MODEL)
    assert "model_not_monitored" in [getattr(each, "event", "") for each in caplog.records]


def history(rng, error, weeks=52, a_week=8):
    """Closed predictions that miss by a normal error, with intervals of an error of 0.08."""
    half = 0.08 * 1.6449
    for number in range(weeks * a_week):
        as_of = date(2020, 1, 6) + timedelta(days=7 * (number // a_week) + number % 5)
        yield {
            "as_of": as_of,
            "ticker": f"SYN{number % a_week}",
            "lower": -half,
            "upper": half,
            "outcome": float(rng.normal(0, error)),
            "outcome_on": as_of + timedelta(days=32),
            "closes_on": as_of + timedelta(days=32),
            "made_at": datetime.combine(as_of, time(12), UTC),
        }


def keep(connection, frame, rows):
    connection.execute(text("delete from predictions"))
    template = stored(frame, 0)
    connection.execute(
        insert(Prediction), [{**template, **row, "id": uuid.uuid4()} for row in rows]
    )


def test_performance_is_worse_where_errors_have_grown(connection, objects):
    frame = read(objects, made.DATASET, SPEC.subject)
    rng = np.random.Generator(np.random.PCG64(9))
    keep(connection, frame, history(rng, 0.16))
    found = performance(connection, MODEL, 1)
    assert found["worse"] is True
    assert found["mean_loss"] > 2 * found["record_mean_loss"]
    assert found["loss_q_value"] < 0.01
    assert found["coverage"] < 0.8
    assert found["coverage_q_value"] < 0.05


def test_performance_like_that_of_the_record_is_seldom_worse(connection, objects):
    frame = read(objects, made.DATASET, SPEC.subject)
    rng = np.random.Generator(np.random.PCG64(10))
    worse = 0
    for _ in range(40):
        keep(connection, frame, history(rng, 0.08))
        found = performance(connection, MODEL, 1)
        assert found["n"] == 416
        worse += found["worse"]
    # At most 7 of 40 with probability 0.998 where one in twenty is.
    assert worse <= 7


def test_performance_of_few_outcomes_is_not_judged(connection, objects):
    frame = read(objects, made.DATASET, SPEC.subject)
    keep(connection, frame, history(np.random.Generator(np.random.PCG64(9)), 0.08, weeks=12))
    assert performance(connection, MODEL, 1) is None
