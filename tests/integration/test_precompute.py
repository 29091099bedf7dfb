"""The batch that computes ahead what is of everybody."""

import logging
from dataclasses import replace

import numpy as np
import performance_disclosures as made_up
import pytest
from sqlalchemy import text

from quant.cache import AnswerCache
from quant.errors import StoreUnavailableError
from quant.reports import performance, precompute
from quant.reports.performance_query import CONFIGURATIONS, Grouping
from quant.reports.store import Precomputation

POLITICIANS, GROUPS = performance.PRECOMPUTATIONS


@pytest.fixture(scope="module")
def market(api, disclosures):
    """A dozen members with trades that prices can measure."""
    rng = np.random.default_rng(83)
    disclosures.execute(text("delete from trades"))
    made_up.add_members(disclosures)
    made_up.add_prices(disclosures, rng)
    made_up.add_trades(disclosures, rng)
    disclosures.commit()
    return disclosures


@pytest.fixture
def nothing_stored(market):
    """No document stored, and a session to look and to change data with."""
    market.execute(text("delete from analyses"))
    market.commit()
    return market


def stored(session, kind):
    """Versions and time of a kind's documents, by key."""
    rows = session.execute(
        text(
            "select key, data_version, method_version, computed_at from analyses where kind = :kind"
        ),
        {"kind": kind},
    ).all()
    session.commit()
    return {row.key: tuple(row)[1:] for row in rows}


def data_version(session):
    version = session.scalar(text("select version from data_version"))
    session.commit()
    return version


def change_data(session):
    """Count up the data version, as every change of the data does, and say so."""
    version = session.scalar(
        text("update data_version set version = version + 1 returning version")
    )
    session.commit()
    AnswerCache().announce(version)


def counted(documents, calls):
    """A kind that notes when it is computed."""

    def compute(_connection):
        calls.append(1)
        return documents

    return Precomputation("test.counted", "1", compute)


def test_what_is_current_is_not_computed_again(nothing_stored):
    calls = []
    kind = counted({"": {"data": 1}, "other": {"data": 2}}, calls)
    assert precompute.run([kind]) == {"test.counted": "computed"}
    first = stored(nothing_stored, "test.counted")
    assert precompute.run([kind]) == {"test.counted": "current"}
    assert stored(nothing_stored, "test.counted") == first
    assert len(calls) == 1

    change_data(nothing_stored)
    fewer = counted({"": {"data": 3}}, calls)
    assert precompute.run([fewer]) == {"test.counted": "computed"}
    assert list(stored(nothing_stored, "test.counted")) == [""]
    assert precompute.run([replace(fewer, method_version="2")]) == {"test.counted": "computed"}
    assert stored(nothing_stored, "test.counted")[""][:2] == (data_version(nothing_stored), "2")
    assert len(calls) == 3


def test_a_kind_that_fails_leaves_its_documents_and_the_others(nothing_stored, caplog):
    calls = []
    kind = counted({"": {"data": 1}}, calls)
    precompute.run([kind])
    before = stored(nothing_stored, "test.counted")
    change_data(nothing_stored)

    def fails(_connection):
        raise ZeroDivisionError

    after = Precomputation("test.after", "1", lambda _: {"": {"data": 5}})
    with caplog.at_level(logging.ERROR), pytest.raises(ExceptionGroup) as raised:
        precompute.run([replace(kind, compute=fails), after])
    assert [type(error) for error in raised.value.exceptions] == [ZeroDivisionError]
    assert "precomputation of test.counted failed" in caplog.text
    assert stored(nothing_stored, "test.counted") == before
    assert stored(nothing_stored, "test.after")[""][0] == data_version(nothing_stored)
    # The next run tries the one again, and finds the other done.
    assert precompute.run([kind, after]) == {"test.counted": "computed", "test.after": "current"}


def test_a_store_out_of_reach_ends_the_run(nothing_stored):
    def unreachable(_connection):
        raise StoreUnavailableError("postgres")

    calls = []
    kind = counted({"": {}}, calls)
    with pytest.raises(StoreUnavailableError):
        precompute.run([Precomputation("test.unreachable", "1", unreachable), kind])
    assert calls == []


def test_a_change_meanwhile_leaves_the_documents_out_of_date(nothing_stored):
    def compute(_connection):
        change_data(nothing_stored)
        return {"": {"data": 1}}

    kind = Precomputation("test.slow", "1", compute)
    assert precompute.run([kind]) == {"test.slow": "computed"}
    assert stored(nothing_stored, "test.slow")[""][0] == data_version(nothing_stored) - 1
    assert precompute.run([kind]) == {"test.slow": "computed"}


def test_all_kinds_are_computed_once(nothing_stored):
    kinds = [kind.kind for kind in precompute.precomputations()]
    assert len(set(kinds)) == len(kinds) > 2
    assert precompute.run() == dict.fromkeys(kinds, "computed")
    assert precompute.run() == dict.fromkeys(kinds, "current")
    assert all(stored(nothing_stored, kind) for kind in kinds)


def test_abnormal_returns_are_stored_for_each_configuration(nothing_stored):
    precompute.run([POLITICIANS, GROUPS])
    politicians, groups = (stored(nothing_stored, kind.kind) for kind in (POLITICIANS, GROUPS))
    assert "" in politicians
    assert len(politicians) == len(CONFIGURATIONS) == 6
    by = [key.partition(".")[0] for key in groups]
    assert {grouping: by.count(grouping) for grouping in Grouping} == dict.fromkeys(Grouping, 6)
    assert {row[0] for row in (*politicians.values(), *groups.values())} == {
        data_version(nothing_stored)
    }


def test_the_leaderboard_ranks_as_the_report_does(api, nothing_stored):
    precompute.run([POLITICIANS])
    board = api.get("/api/v1/stats/leaderboard", {"by": "return"}).json
    ranking = api.get("/api/v1/analytics/performance").json["data"]["ranking"]
    assert ranking["tested"] > 5
    assert [row["politician"]["id"] for row in board["data"]] == [
        row["politician"]["id"] for row in ranking["rows"]
    ]
    for row, ranked in zip(board["data"], ranking["rows"], strict=True):
        assert row["return"] == {"horizon": ranking["horizon"], "car": ranked["car"]}
