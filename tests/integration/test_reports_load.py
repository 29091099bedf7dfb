"""Arrays from Postgres: the same trades, prices and factors that the tables hold."""

import json
from datetime import date, timedelta

import numpy as np
import pytest
from sqlalchemy import create_engine, select, text
from sqlalchemy.pool import NullPool

from quant.db.models import Trade
from quant.errors import NotFoundError
from quant.reports import store
from quant.reports.documents import dump_document, estimate, sample
from quant.reports.load import find_member, load_factors, load_prices, load_trades

FIRST = date(2020, 1, 1)


@pytest.fixture(scope="module")
def connection(database, disclosures):
    """A connection of the application's role, to 60 trades, prices and factors."""
    disclosures.execute(
        text(
            "insert into tickers (symbol, sector) values ('SPY', null), ('EMPTY', null);"
            "update tickers set sector = 'Energy' where symbol = 'AAA';"
            "insert into committees (id, name, chamber) values ('SSEG', 'Energy', 'senate');"
            "insert into committee_memberships (committee_id, politician_id)"
            " select 'SSEG', id from politicians where bioguide_id = 'W000001';"
            "insert into factor_returns values"
            " ('daily', '2020-01-02', 0.01, -0.002, 0.003, 0.0001),"
            " ('daily', '2020-01-03', -0.01, 0, 0, 0.0001)"
        )
    )
    rows = []
    for number in range(10):
        rows.append(("SPY", FIRST + timedelta(days=number), 300.1 + number))
        if number != 4:
            rows.append(("AAA", FIRST + timedelta(days=number), 10.0 / 3 + number))
    rows.append(("AAA", FIRST - timedelta(days=1), 1.0))  # no day of the benchmark's
    disclosures.execute(
        text(
            "insert into prices (ticker, day, close, adjusted_close, source)"
            " values (:ticker, :day, :close, :close, 'test')"
        ),
        [dict(zip(("ticker", "day", "close"), row, strict=True)) for row in rows],
    )
    disclosures.commit()
    engine = create_engine(database.url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection


def test_trades_are_those_of_the_table(connection, disclosures):
    loaded = load_trades(connection)
    rows = disclosures.scalars(select(Trade).order_by(Trade.transaction_date, Trade.id)).all()
    assert loaded.ids.tolist() == [str(row.id) for row in rows]
    arrays = loaded.arrays
    assert [loaded.members[code].id for code in arrays.politician] == [
        row.politician_id for row in rows
    ]
    assert [loaded.tickers[code] if code >= 0 else None for code in arrays.ticker] == [
        row.ticker for row in rows
    ]
    assert arrays.side.tolist() == [1 if row.operation == "purchase" else -1 for row in rows]
    assert arrays.transaction_day.tolist() == [row.transaction_date for row in rows]
    assert arrays.disclosure_day.tolist() == [row.disclosure_date for row in rows]
    assert arrays.amount_min.tolist() == [float(row.amount_min) for row in rows]
    np.testing.assert_array_equal(
        arrays.amount_max, [float(row.amount_max or "nan") for row in rows]
    )
    assert loaded.tickers == ("AAA", "BBB")
    assert loaded.sectors == ("Energy", None)
    assert loaded.is_stock.all()
    assert not loaded.synthetic


def test_members_come_with_their_seats(connection):
    member = find_member(connection, "w000001")
    assert member.committees == ("SSEG",)
    assert find_member(connection, str(member.id)) == member
    assert member in load_trades(connection).members
    with pytest.raises(NotFoundError):
        find_member(connection, "Z000000")


def test_only_what_was_public_by_then(connection):
    everything = load_trades(connection).arrays
    last = date(2020, 2, 5)
    public = load_trades(connection, as_of=last).arrays
    assert 0 < len(public) == (everything.disclosure_day <= np.datetime64(last)).sum()
    earlier = load_trades(connection, as_of=last, disclosed_to=date(2020, 2, 3)).arrays
    assert earlier.disclosure_day.max() == np.datetime64("2020-02-03")
    later = load_trades(connection, disclosed_from=date(2020, 2, 6)).arrays
    assert len(later) + len(public) == (~np.isnat(everything.disclosure_day)).sum()


def test_trades_of_some_and_of_none(connection):
    member = find_member(connection, "H000001")
    loaded = load_trades(connection, politicians=[member.id])
    assert loaded.members == (member,)
    assert set(loaded.arrays.politician) == {0}
    nothing = load_trades(connection, politicians=[])
    assert len(nothing.arrays) == len(nothing.ids) == len(nothing.members) == 0
    described = sample(nothing)
    assert described["trades"] == 0
    assert described["first_transaction"] is None


def test_prices_stand_on_the_days_of_the_benchmark(connection):
    panel = load_prices(connection, ["AAA", "EMPTY"], last=FIRST + timedelta(days=8))
    assert panel.benchmark == "SPY"
    assert panel.days.tolist() == [FIRST + timedelta(days=number) for number in range(9)]
    np.testing.assert_array_equal(panel.benchmark_close, 300.1 + np.arange(9))
    expected = 10.0 / 3 + np.arange(9)
    expected[4] = np.nan
    np.testing.assert_array_equal(panel.close[:, 0], expected)
    assert np.isnan(panel.close[:, 1]).all()


def test_without_a_benchmark_every_day_with_a_price_counts(connection, monkeypatch):
    monkeypatch.setattr("quant.reports.load.BENCHMARKS", ("NONE",))
    panel = load_prices(connection, ["AAA"])
    assert panel.benchmark is None
    assert np.isnan(panel.benchmark_close).all()
    assert len(panel.days) == 10
    assert load_prices(connection, []).close.shape == (0, 0)


def test_factors(connection):
    factors = load_factors(connection)
    assert factors.days.tolist() == [date(2020, 1, 2), date(2020, 1, 3)]
    assert factors.market.tolist() == [0.01, -0.01]
    assert factors.smb.tolist() == [-0.002, 0]
    assert load_factors(connection, "monthly") is None


def test_documents_are_kept_until_the_data_change(connection, disclosures):
    calls = []

    def compute(_connection):
        calls.append(1)
        return {"": {"data": {"value": np.float64("nan"), "count": np.arange(3)}}}

    kind = store.Precomputation("test", "1", compute)
    fresh = store.stored_or_computed(connection, kind)
    assert fresh["is_current"]
    version = fresh["data_version"]
    store.replace(connection, kind, compute(connection), version)
    assert store.is_current(connection, kind)
    stored = store.stored_or_computed(connection, kind)
    assert stored["data"] == {"value": None, "count": [0, 1, 2]}
    assert len(calls) == 2
    assert not store.is_current(connection, store.Precomputation("test", "2", compute))
    store.replace(connection, kind, {"": {"data": "older"}}, version - 1)
    assert store.stored_document(connection, "test")["data"] == stored["data"]
    disclosures.execute(text("update data_version set version = version + 1"))
    disclosures.commit()
    assert not store.is_current(connection, kind)
    late = store.stored_or_computed(connection, kind)
    assert (late["data_version"], late["is_current"]) == (version, False)
    store.replace(connection, kind, {}, version + 1)
    assert store.stored_document(connection, "test") is None


def test_what_is_no_number_is_null():
    document = {"e": estimate(float("nan"), n=0, low=float("inf")), "a": np.array(["x"])}
    assert json.loads(dump_document(document)) == {
        "e": {
            "value": None,
            "standard_error": None,
            "low": None,
            "high": None,
            "p_value": None,
            "q_value": None,
            "n": 0,
        },
        "a": ["x"],
    }
