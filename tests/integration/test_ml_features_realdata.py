"""Features of the real disclosures, with the prices of twenty stocks to the end of 2022."""

from datetime import date

import numpy as np
import pytest
from realdata_support import import_everything
from sqlalchemy import text
from tests.import_support import fresh_engine
from tests.unit.test_ml_features_lookahead import PLANTED, planted

from quant.ml.catalogue import Subject
from quant.ml.features.build import build
from quant.ml.features.declared import FEATURES
from quant.ml.features.lookahead import LookAheadError, check
from quant.ml.features.read import read
from quant.ml.objects import Folder
from quant.ml.snapshot import manifest_of, take

pytestmark = pytest.mark.realdata

LAST_PRICE = np.datetime64("2022-12-28")


@pytest.fixture(scope="module")
def connection(postgres, migrated_template, data_dir):
    with fresh_engine(postgres, migrated_template) as engine:
        import_everything(engine, data_dir)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            yield connection


@pytest.fixture(scope="module")
def objects(tmp_path_factory):
    return Folder(tmp_path_factory.mktemp("objects"))


@pytest.fixture(scope="module")
def dataset(connection, objects):
    dataset = take(connection, objects)
    build(objects, dataset)
    return dataset


@pytest.mark.parametrize("day", [date(2020, 6, 30), date(2021, 11, 5), date(2022, 9, 10)], ids=str)
def test_no_feature_looks_ahead(objects, dataset, day):
    check(objects, dataset, day)


@pytest.mark.parametrize("name", ["return_ahead", "trades_by_day_of_transaction"])
def test_a_planted_future_column_is_named(objects, dataset, name):
    subject = Subject.DISCLOSURE
    features = {subject: (*FEATURES[subject], planted(name, PLANTED[name][1]))}
    with pytest.raises(LookAheadError) as caught:
        check(objects, dataset, date(2021, 11, 5), features=features)
    assert caught.value.moved == {subject.value: (name,)}


def test_real_rows_are_not_synthetic(objects, dataset):
    assert build(objects, dataset)["synthetic"] is False


def test_the_benchmark_is_the_index(objects, dataset):
    assert manifest_of(objects, dataset)["benchmark"] == "SP500"


def test_outcomes_end_with_the_prices(objects, dataset):
    frame = read(objects, dataset, Subject.DISCLOSURE)
    assert frame.as_of.max() > LAST_PRICE
    for label, values in frame.labels.items():
        known = np.isfinite(values)
        assert known.sum() > 200
        assert frame.known_on[label][known].max() <= LAST_PRICE
        assert np.isnan(values[frame.as_of >= LAST_PRICE]).all()
    stale = frame.as_of > LAST_PRICE + np.timedelta64(7, "D")
    assert np.isnan(frame.column("momentum_21")[stale]).all()
    assert np.isfinite(frame.column("politician_trades_365")[stale]).all()


def test_seats_are_unknown_for_all_that_is_past(objects, dataset):
    frame = read(objects, dataset, Subject.SECTOR_PAIR)
    collected = np.datetime64(manifest_of(objects, dataset)["seats_since"])
    seat = frame.column("committee_over_sector")
    assert np.isnan(seat[frame.as_of < collected]).all()


def test_weekly_counts_are_those_that_sql_counts(connection, objects, dataset):
    frame = read(objects, dataset, Subject.POLITICIAN)
    busiest = connection.scalars(
        text(
            "select politician_id::text from trades where disclosure_date is not null"
            " group by 1 order by count(*) desc, 1 limit 5"
        )
    ).all()
    for member in busiest:
        own = frame.take(frame.keys["politician_id"] == member)
        counted = connection.execute(
            text(
                "select (date_trunc('week', disclosure_date) + interval '6 days')::date, count(*)"
                " from trades where politician_id = cast(:member as uuid)"
                " and disclosure_date <= :last group by 1"
            ),
            {"member": member, "last": own.as_of.max().item()},
        ).all()
        weeks = own.column("trades_disclosed_week")
        found = dict(zip(own.as_of[weeks > 0].tolist(), weeks[weeks > 0].tolist(), strict=True))
        assert found == dict(map(tuple, counted))


def test_rows_of_pairs_are_those_that_sql_finds(connection, objects, dataset):
    frame = read(objects, dataset, Subject.TICKER_PAIR)
    for month in (date(2021, 3, 31), date(2023, 10, 31)):
        expected = connection.execute(
            text(
                "select politician_id::text, ticker, exists (select from trades n"
                " where n.politician_id = t.politician_id and n.ticker = t.ticker"
                " and n.transaction_date between cast(:month as date) + 1"
                " and (cast(:month as date) + 1 + interval '1 month - 1 day')::date"
                " and n.disclosure_date <= (cast(:month as date) + 1"
                " + interval '1 month - 1 day')::date + 45)"
                " from trades t where ticker is not null and disclosure_date <= :month"
                " and disclosure_date > cast(:month as date) - 730 group by 1, 2, t.politician_id"
            ),
            {"month": month},
        ).all()
        rows = frame.take(frame.as_of == np.datetime64(month))
        found = zip(
            rows.keys["politician_id"].tolist(),
            rows.keys["ticker"].tolist(),
            rows.labels["trades_next_month"].astype(bool).tolist(),
            strict=True,
        )
        assert len(expected) > 500
        assert sorted(found) == sorted(map(tuple, expected))
