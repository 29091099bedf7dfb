"""Snapshots out of Postgres, and features of them, beside the reports that read Postgres."""

from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import numpy as np
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool
from tests.import_support import scalar

from quant.analytics.performance.event_study import abnormal_returns
from quant.analytics.performance.vocabulary import Event, Model
from quant.errors import NotFoundError
from quant.ingest.bulk import count_up_data_version
from quant.ingest.seed import seed
from quant.ingest.synthetic import write_sample
from quant.ml.catalogue import Subject
from quant.ml.features.build import build
from quant.ml.features.lookahead import check
from quant.ml.features.read import read
from quant.ml.objects import Folder
from quant.ml.snapshot import TABLES, manifest_of, take
from quant.reports.load import load_prices, load_trades


@pytest.fixture(scope="module")
def engine(database):
    """The synthetic sample in a database, as the application sees it."""
    owner = create_engine(database.owner_url, poolclass=NullPool)
    with TemporaryDirectory() as folder:
        write_sample(Path(folder))
        seed(owner, Path(folder))
    return create_engine(database.url, poolclass=NullPool, isolation_level="AUTOCOMMIT")


@pytest.fixture(scope="module")
def objects(tmp_path_factory):
    return Folder(tmp_path_factory.mktemp("objects"))


@pytest.fixture(scope="module")
def dataset(engine, objects):
    with engine.connect() as connection:
        dataset = take(connection, objects)
    build(objects, dataset)
    return dataset


def table(objects, dataset, name):
    path = objects.root / manifest_of(objects, dataset)["tables"][name]["key"]
    return duckdb.read_parquet(str(path)).df()


def test_a_snapshot_has_the_rows_of_postgres(engine, objects, dataset):
    version = scalar(engine, "select version from data_version")
    manifest = manifest_of(objects, dataset)
    assert dataset == f"v{version}-f{manifest['feature_version']}"
    assert manifest["benchmark"] == "SYNIX"
    assert manifest["seats_since"] == scalar(engine, "select now()::date").isoformat()
    for each in TABLES:
        assert len(table(objects, dataset, each.name)) == manifest["tables"][each.name]["rows"] > 0
    trades = table(objects, dataset, "trades")
    assert len(trades) == scalar(
        engine, "select count(*) from trades where disclosure_date is not null"
    )
    assert trades.side.sum() == scalar(
        engine,
        "select sum(case operation when 'purchase' then 1 when 'exchange' then 0 else -1 end)"
        " from trades where disclosure_date is not null",
    )
    assert (trades.ticker.isna() & trades.stock).sum() == scalar(
        engine,
        "select count(*) from trades where disclosure_date is not null and ticker is null"
        " and asset_type = 'stock'",
    )
    assert set(table(objects, dataset, "terms").party) == {
        "democrat",
        "republican",
        "independent",
    }


def test_what_is_there_is_not_taken_again(engine, objects, dataset, monkeypatch):
    def refuse(*_):
        raise AssertionError

    monkeypatch.setattr("quant.ml.snapshot.write_file", refuse)
    with engine.connect() as connection:
        assert take(connection, objects) == dataset


def test_a_snapshot_is_as_of_one_moment(engine, database, dataset, tmp_path):
    class Busy(Folder):
        """A folder beside which the data change."""

        def publish(self, key, content):
            super().publish(key, content)
            if key.endswith("trades.parquet"):
                with create_engine(database.owner_url, poolclass=NullPool).begin() as other:
                    other.execute(text("delete from prices where ticker = 'SYN01'"))
                    count_up_data_version(other)

    objects = Busy(tmp_path)
    with engine.connect() as connection:
        assert take(connection, objects) == dataset
        assert "SYN01" in set(table(objects, dataset, "prices").ticker)
        later = take(connection, objects)
    assert later != dataset
    assert "SYN01" not in set(table(objects, later, "prices").ticker)


def test_a_connection_in_a_transaction_is_refused(database, tmp_path):
    with create_engine(database.url, poolclass=NullPool).connect() as connection:
        connection.execute(text("select 1"))
        with pytest.raises(DBAPIError, match="before any query"):
            take(connection, Folder(tmp_path))


def test_features_of_absent_snapshots_are_not_built(objects):
    with pytest.raises(NotFoundError):
        build(objects, "v0-f1")


def test_rows_and_outcomes_are_those_of_the_reports(engine, objects, dataset, tmp_path):
    # Of the data as they are now.
    with engine.connect() as connection:
        now = take(connection, Folder(tmp_path))
        trades = load_trades(connection)
        panel = load_prices(connection, trades.tickers)
    build(Folder(tmp_path), now, subjects=[Subject.DISCLOSURE])
    frame = read(Folder(tmp_path), now, Subject.DISCLOSURE)
    study = abnormal_returns(
        trades.arrays,
        panel,
        event=Event.DISCLOSURE,
        model=Model.MARKET_ADJUSTED,
        is_stock=trades.is_stock,
        horizons=(21, 63),
    )
    priced = np.isfinite(panel.close).any(axis=0)
    arrays = trades.arrays
    expected = {
        (str(trades.members[who].id), trades.tickers[what], day): returns
        for who, what, day, side, stock, returns in zip(
            arrays.politician,
            arrays.ticker,
            arrays.disclosure_day,
            arrays.side,
            trades.is_stock,
            study.bhar.tolist(),
            strict=True,
        )
        if what >= 0 and priced[what] and stock and side and not np.isnat(day)
    }
    found = zip(frame.keys["politician_id"], frame.keys["ticker"], frame.as_of, strict=True)
    labels = np.column_stack([frame.labels[f"abnormal_return_{days}"] for days in (21, 63)])
    keys = [(str(who), str(what), day) for who, what, day in found]
    assert set(keys) == set(expected)
    assert np.isfinite(labels).mean() > 0.5
    np.testing.assert_allclose(labels, [expected[key] for key in keys], rtol=0, atol=1e-12)


def test_no_feature_looks_ahead(objects, dataset):
    for day in (date(2020, 12, 31), date(2023, 3, 5)):
        check(objects, dataset, day)


def test_synthetic_rows_say_so(objects, dataset):
    manifest = build(objects, dataset)
    assert manifest["synthetic"] is True
    file = next(iter(manifest["subjects"]["politician"]["files"].values()))
    assert duckdb.read_parquet(str(objects.root / file["key"])).df().synthetic.all()
