"""Models applied within a request: the champion, and what predicts when its artifact is lost."""

import json
import logging
import uuid

import boto3
import numpy as np
import pytest
from account_support import account_service
from ml_feature_support import synthetic_tables, write_snapshot
from ml_serving_support import publish, trained
from moto import mock_aws
from sqlalchemy import func, select, text

from quant.cache import AnswerCache
from quant.collectors import bucket as buckets
from quant.db.ml_models import Prediction
from quant.db.models import Politician, Ticker
from quant.ml import artifacts, layout, registry
from quant.ml.catalogue import MODELS, Task
from quant.ml.features.build import build
from quant.ml.features.read import read
from quant.ml.objects import MlBucket
from quant.ml.pipeline.predict import predict
from quant.ml.serving import arrays, inference
from quant.vocabulary import Role, Verdict

BUCKET = "quant-test-ml"
PREDICTIONS = "/api/v1/predictions"
RETURN = "abnormal-return-21"
TICKER = "trades-ticker-next-month"
COUNT = "trade-count-cycle"
REFUSED = "abnormal-return-63"


@pytest.fixture(scope="module")
def s3():
    kept = [each for each in vars(buckets).values() if hasattr(each, "cache_clear")]
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        for name, value in {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "QUANT_ML_BUCKET": BUCKET,
        }.items():
            patch.setenv(name, value)
        for function in kept:
            function.cache_clear()
        client = boto3.client("s3")
        client.create_bucket(Bucket=BUCKET)
        yield client
        for function in kept:
            function.cache_clear()


@pytest.fixture(scope="module")
def objects(s3):
    return MlBucket(BUCKET)


@pytest.fixture(scope="module")
def dataset(objects, disclosures):
    """Features of synthetic disclosures, whose politicians and tickers are in Postgres, too."""
    tables = synthetic_tables(days=1200, trades=2500)
    dataset = write_snapshot(objects, tables)
    build(objects, dataset)
    arrays.write(objects, dataset)
    disclosures.add_all(
        Politician(
            id=uuid.UUID(row.politician_id),
            full_name=f"Synthetic {place}",
            sort_name=f"synthetic {place}",
            chamber=row.chamber,
            synthetic=True,
        )
        for place, row in enumerate(tables["politicians"].itertuples())
    )
    disclosures.add_all(Ticker(symbol=symbol) for symbol in tables["tickers"].ticker)
    disclosures.commit()
    return dataset


@pytest.fixture(scope="module")
def versions(objects, dataset, disclosures):
    """Two versions of each model but one, the second the champion; artifacts by version."""
    found = {}
    for model in (RETURN, TICKER, COUNT):
        frame = read(objects, dataset, MODELS[model].subject)
        for version in (1, 2):
            artifact = trained(frame, model, version)
            content = artifact.dump()
            digest = layout.sha256(content)
            objects.publish(layout.artifact_key(model, digest), content)
            number = publish(
                disclosures,
                model,
                f"run-{version}",
                sha256=digest,
                dataset=dataset,
                trained_through=artifact.trained_through,
            )
            assert number == version
            found[model, version] = (digest, content)
    publish(disclosures, REFUSED, "run-1", verdict=Verdict.REFUSED, reasons=("Worse than zero.",))
    return found


@pytest.fixture(scope="module")
def stored(objects, dataset, versions, disclosures):
    """The daily batch's predictions."""
    for model in (RETURN, TICKER, COUNT):
        made = predict(disclosures.connection(), objects, model, dataset)
        assert made.version == 2
        assert made.stored > 0
    disclosures.commit()


@pytest.fixture(scope="module")
def somebody(stored, disclosures):
    """The politician with the most predictions of returns."""
    return str(
        disclosures.scalars(
            select(Prediction.politician_id)
            .where(Prediction.model == RETURN)
            .group_by(Prediction.politician_id)
            .order_by(func.count().desc(), Prediction.politician_id)
        ).first()
    )


@pytest.fixture(autouse=True)
def new_process(disclosures):
    """A process that has loaded nothing, and no cached answer."""
    artifacts.forget()
    inference.forget()
    bump(disclosures)


def bump(session):
    version = session.scalar(
        text("update data_version set version = version + 1 returning version")
    )
    session.commit()
    AnswerCache().announce(version)


@pytest.fixture
def applied(api):
    """What a model predicts of somebody."""

    def ask(somebody, model=RETURN):
        answer = api.get(f"{PREDICTIONS}/{somebody}")
        assert answer.status == 200, answer.body
        [found] = [each for each in answer.json["data"]["models"] if each["name"] == model]
        return found

    return ask


@pytest.fixture
def without(s3, versions):
    """Takes the artifact of a version away, or puts other bytes in its place, for a test."""
    touched = []

    def spoil(model, version, content=None):
        digest, _ = versions[model, version]
        key = layout.artifact_key(model, digest)
        touched.append((key, versions[model, version][1]))
        if content is None:
            s3.delete_object(Bucket=BUCKET, Key=key)
        else:
            s3.put_object(Bucket=BUCKET, Key=key, Body=content)

    yield spoil
    for key, content in touched:
        s3.put_object(Bucket=BUCKET, Key=key, Body=content)


def direct(objects, dataset, versions, model, version, somebody):
    """What an artifact says of somebody's open rows, without the service: value by day and key."""
    artifact = artifacts.Artifact.load(versions[model, version][1])
    spec = MODELS[model]
    frame = read(objects, dataset, spec.subject)
    value = artifact.predict(frame).value
    own = frame.keys["politician_id"] == somebody
    return {
        (str(frame.as_of[row]), str(frame.keys["ticker"][row])): value[row]
        for row in np.flatnonzero(own & np.isnan(frame.labels[spec.label]))
    }


@pytest.mark.parametrize("model", [RETURN, TICKER, COUNT])
def test_the_champion_applied_now_says_what_the_batch_stored(applied, disclosures, somebody, model):
    found = applied(somebody, model)
    assert (found["state"], found["used_version"], found["skipped"]) == ("champion", 2, [])
    rows = disclosures.scalars(
        select(Prediction).where(Prediction.model == model, Prediction.politician_id == somebody)
    )
    expected = {str(row.id): row for row in rows}
    assert expected
    assert {each["id"] for each in found["predictions"]} == set(expected)
    for each in found["predictions"]:
        row = expected[each["id"]]
        assert each["value"] == pytest.approx(row.value, rel=1e-12)
        assert each["as_of"] == row.as_of.isoformat()
        assert (each["ticker"], each["closes_on"]) == (
            row.ticker,
            row.closes_on and row.closes_on.isoformat(),
        )
        assert each["baselines"] == pytest.approx(row.baselines, rel=1e-12)
        assert (each["lower"] is None) is (MODELS[model].task is Task.PROBABILITY)
        assert each["made_at"] is not None
    assert [each["as_of"] for each in found["predictions"]] == sorted(
        (each["as_of"] for each in found["predictions"]), reverse=True
    )


def test_without_the_champions_artifact_the_one_before_predicts(
    applied, objects, dataset, versions, somebody, without, caplog
):
    without(RETURN, 2)
    with caplog.at_level(logging.ERROR, logger="quant"):
        found = applied(somebody)
    assert (found["version"], found["used_version"]) == (2, 1)
    assert found["skipped"] == [{"version": 2, "reason": "it is missing"}]
    expected = direct(objects, dataset, versions, RETURN, 1, somebody)
    other = direct(objects, dataset, versions, RETURN, 2, somebody)
    assert found["predictions"]
    for each in found["predictions"]:
        key = each["as_of"], each["ticker"]
        assert each["version"] == 1
        assert each["value"] == pytest.approx(expected[key], rel=1e-12)
        assert expected[key] != other[key]
        # The batch has stored the champion's: these are no part of the record.
        assert (each["id"], each["made_at"]) == (None, None)
    # What alarms count.
    assert [each.event for each in caplog.records if hasattr(each, "event")] == [
        artifacts.ARTIFACT_UNUSABLE
    ]
    # The other models are what they were.
    assert applied(somebody, TICKER)["used_version"] == 2


def test_a_damaged_artifact_is_not_applied(applied, versions, somebody, without):
    content = versions[RETURN, 2][1]
    without(RETURN, 2, content.replace(b'"seed":2', b'"seed":3'))
    found = applied(somebody)
    assert found["used_version"] == 1
    [skipped] = found["skipped"]
    assert skipped["version"] == 2
    assert "damaged" in skipped["reason"]


def test_without_any_artifact_nothing_is_predicted(applied, somebody, without):
    without(RETURN, 1)
    without(RETURN, 2)
    found = applied(somebody)
    assert (found["predictions"], found["used_version"]) == ([], None)
    assert "artifact" in found["reason"]


def test_a_process_keeps_the_artifact_it_has_checked(applied, disclosures, somebody, without):
    before = applied(somebody)
    without(RETURN, 2)
    bump(disclosures)
    assert applied(somebody) == before


def test_without_the_features_nothing_is_predicted(applied, disclosures, somebody, dataset):
    change = text("update predictions set dataset = :to where dataset = :was")
    disclosures.execute(change, {"was": dataset, "to": "v99-f1"})
    disclosures.commit()
    try:
        found = applied(somebody)
    finally:
        disclosures.execute(change, {"was": "v99-f1", "to": dataset})
        disclosures.commit()
    assert found["predictions"] == []
    assert "v99-f1" in found["reason"]


def test_a_store_that_is_away_is_a_503(api, somebody, monkeypatch):
    monkeypatch.setenv("QUANT_ML_BUCKET", "quant-test-nowhere")
    answer = api.get(f"{PREDICTIONS}/{somebody}")
    assert answer.status == 503
    assert "retry-after" in answer.headers


def test_a_model_that_does_not_predict_says_why(applied, somebody):
    found = applied(somebody, REFUSED)
    assert (found["state"], found["predictions"]) == ("refused", [])
    assert "Worse than zero." in found["reason"]
    assert applied(somebody, "trade-count-regime")["state"] == "none"


def test_a_politician_without_rows_has_no_predictions(api, somebody):
    # Of the disclosures that have no features.
    document = api.get(f"{PREDICTIONS}/W000001").json
    [model] = [each for each in document["data"]["models"] if each["name"] == RETURN]
    assert (model["state"], model["used_version"], model["predictions"]) == ("champion", 2, [])
    assert document["synthetic"] is False
    assert api.get(f"{PREDICTIONS}/{somebody}").json["synthetic"] is True


def test_the_answer_has_the_members_that_are_documented(api, somebody):
    from predictions._models import PoliticianPredictionsAnswer

    document = api.get(f"{PREDICTIONS}/{somebody}").json
    dumped = PoliticianPredictionsAnswer.model_validate(document).model_dump(mode="json")
    for place, model in enumerate(document["data"]["models"]):
        assert dumped["data"]["models"][place].keys() == model.keys()
        for row, shown in zip(
            dumped["data"]["models"][place]["predictions"], model["predictions"], strict=True
        ):
            assert row.keys() == shown.keys()
    assert dumped.keys() == document.keys()


def test_somebody_unknown_is_not_found(api):
    assert api.get(f"{PREDICTIONS}/Z999999").status == 404


def test_a_roll_back_applies_the_other_version_at_once(
    api, database, applied, disclosures, somebody
):
    assert applied(somebody)["used_version"] == 2
    with account_service(api, database) as accounts:
        admin = accounts.sign_in(accounts.person(role=Role.ADMIN))
        path = f"/api/v1/models/{RETURN}"
        body = {"version": 2, "reason": "A trial."}
        assert admin.call("POST", f"{path}/rollback", body).json["changed"]
        assert applied(somebody)["used_version"] == 1
        assert admin.call("PUT", f"{path}/switch", {"disabled": True, "reason": "A trial."}).json[
            "changed"
        ]
        found = applied(somebody)
        assert (found["state"], found["predictions"]) == ("disabled", [])
    connection = disclosures.connection()
    registry.switch(connection, RETURN, False, None, None)
    registry.promote(connection, RETURN, 2, None, "As it was.")
    disclosures.commit()


def test_attributions_of_the_answer_add_up_to_the_margin(applied, somebody, versions):
    artifact = json.loads(versions[RETURN, 2][1])
    assert artifact["calibration"] is None
    for each in applied(somebody)["predictions"]:
        shown = sum(part["value"] for part in each["attributions"])
        total = each["base_value"] + shown + each["attributions_rest"]
        # Of a return the margin is the value.
        assert total == pytest.approx(each["value"], abs=1e-12)
        assert {part["feature"] for part in each["attributions"]} <= set(artifact["features"])
