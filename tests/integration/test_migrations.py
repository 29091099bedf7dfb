import re

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text
from sqlalchemy.exc import ProgrammingError

from quant.db import (  # noqa: F401 - registers tables
    account_models,
    analysis_models,
    export_models,
    ml_models,
    pipeline_models,
)
from quant.db.migrate import head, upgrade
from quant.db.models import Base
from quant.db.schema import SCHEMA_REVISION, current_revision


@pytest.fixture(scope="module")
def owner(database):
    engine = create_engine(database.owner_url)
    yield engine
    engine.dispose()


def test_code_needs_the_newest_revision(owner):
    assert head() == SCHEMA_REVISION
    with owner.connect() as connection:
        assert current_revision(connection) == SCHEMA_REVISION


def test_models_and_migrations_agree(owner):
    def ours(_object, name, kind, _reflected, _compare_to):
        # Partitions are no models of their own.
        return not (
            kind in {"table", "index"}
            and re.match(r"(prices|audit_log)_(\d{4}|default)", name or "")
        )

    with owner.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "include_object": ours}
        )
        assert compare_metadata(context, Base.metadata) == []


def test_upgrading_again_changes_nothing(database):
    upgrade(database.owner_url)


def test_prices_land_in_the_partition_of_their_year(owner):
    with owner.begin() as connection:
        connection.execute(text("insert into tickers (symbol) values ('AAA')"))
        connection.execute(
            text(
                "insert into prices (ticker, day, close, adjusted_close, source)"
                " select 'AAA', day, 1, 1, 'test' from unnest(array[date '2019-12-31',"
                " '2020-01-01', '1999-01-01']) day"
            )
        )
        found = connection.execute(
            text("select day::text, tableoid::regclass::text from prices order by day")
        ).all()
    assert found == [
        ("1999-01-01", "prices_default"),
        ("2019-12-31", "prices_2019"),
        ("2020-01-01", "prices_2020"),
    ]


def test_a_year_reads_one_partition(owner):
    with owner.connect() as connection:
        plan = "\n".join(
            connection.scalars(
                text(
                    "explain select * from prices where ticker = 'AAA'"
                    " and day between '2020-01-01' and '2020-12-31'"
                )
            )
        )
    assert re.findall(r"prices_\w+?(?= )", plan)
    assert "prices_2019" not in plan


@pytest.mark.parametrize(
    "statement",
    [
        "drop table trades",
        "alter table trades add column x int",
        "update alembic_version set version_num = 'x'",
    ],
)
def test_application_role_cannot_change_the_schema(database, statement):
    engine = create_engine(database.url)
    with engine.connect() as connection, pytest.raises(ProgrammingError, match="42501"):
        connection.execute(text(statement))
    engine.dispose()


def test_trade_counts_follow_inserts_moves_and_deletes(owner):
    counts = text("select trade_count from politician_activity order by politician_id")
    people = [f"00000000-0000-0000-0000-00000000000{n}" for n in (1, 2)]
    with owner.begin() as connection:
        for person in people:
            connection.execute(
                text(
                    "insert into politicians (id, full_name, sort_name, chamber)"
                    " values (:id, 'x', 'x', 'house')"
                ),
                {"id": person},
            )
        connection.execute(
            text(
                "insert into filings (id, source, doc_id, politician_id)"
                " values (gen_random_uuid(), 'house_clerk', '1', :id)"
            ),
            {"id": people[0]},
        )
        connection.execute(
            text(
                "insert into trades (id, politician_id, filing_id, line_hash, asset, operation,"
                " transaction_date, amount_min, raw) select gen_random_uuid(), :id, f.id, n::text,"
                " 'a', 'purchase', '2020-01-01', 1, '{}' from filings f, generate_series(1, 5) n"
            ),
            {"id": people[0]},
        )
        assert connection.scalars(counts).all() == [5, 0]
        connection.execute(
            text("update trades set politician_id = :id where line_hash in ('1', '2')"),
            {"id": people[1]},
        )
        assert connection.scalars(counts).all() == [3, 2]
        connection.execute(text("delete from trades where line_hash in ('1', '3')"))
        assert connection.scalars(counts).all() == [2, 1]
        connection.rollback()


def test_chamber_and_party_of_trades_follow_their_politician(owner):
    found = text("select chamber, party from trades order by line_hash")
    person, other = (f"00000000-0000-0000-0000-00000000000{n}" for n in (1, 2))
    with owner.begin() as connection:
        connection.execute(
            text(
                "insert into politicians (id, full_name, sort_name, chamber, party) values"
                " (:id, 'x', 'x', 'house', 'democrat'), (:other, 'x', 'x', 'senate', null)"
            ),
            {"id": person, "other": other},
        )
        connection.execute(
            text(
                "insert into filings (id, source, doc_id, politician_id)"
                " values (gen_random_uuid(), 'house_clerk', '1', :id)"
            ),
            {"id": person},
        )
        connection.execute(
            text(
                "insert into trades (id, politician_id, filing_id, line_hash, asset, operation,"
                " transaction_date, amount_min, raw) select gen_random_uuid(), :id, f.id, n::text,"
                " 'a', 'purchase', '2020-01-01', 1, '{}' from filings f, generate_series(1, 2) n"
            ),
            {"id": person},
        )
        assert connection.execute(found).all() == [("house", "democrat")] * 2
        connection.execute(
            text("update trades set politician_id = :id where line_hash = '1'"), {"id": other}
        )
        assert connection.execute(found).all() == [("senate", None), ("house", "democrat")]
        connection.execute(
            text("update politicians set chamber = 'senate', party = 'independent' where id = :id"),
            {"id": person},
        )
        assert connection.execute(found).all() == [("senate", None), ("senate", "independent")]
        # What is said of a trade itself does not count.
        connection.execute(text("update trades set party = 'republican'"))
        assert connection.execute(found).all() == [("senate", None), ("senate", "independent")]
        connection.rollback()
