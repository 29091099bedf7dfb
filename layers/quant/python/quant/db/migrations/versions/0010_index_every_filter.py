"""Index every filter of trades with every sort; note each trade's chamber and party."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from quant.db import online

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

change = "expand"

# A row at a time, since it is the row that they change, before it is written.
TRIGGERS = """
create or replace function note_politician() returns trigger language plpgsql as $$
begin
    select p.chamber, p.party into new.chamber, new.party
    from politicians p where p.id = new.politician_id;
    return new;
end $$;
create or replace trigger trades_note_politician
    before insert or update of politician_id, chamber, party on trades
    for each row execute function note_politician();

create or replace function note_changed_politician() returns trigger language plpgsql as $$
begin
    update trades set chamber = new.chamber, party = new.party where politician_id = new.id;
    return null;
end $$;
create or replace trigger politicians_note_change
    after update of chamber, party on politicians for each row
    when ((old.chamber, old.party) is distinct from (new.chamber, new.party))
    execute function note_changed_politician()
"""

DISCLOSURE = sa.text("coalesce(disclosure_date, '0001-01-01')")
# Postgres reads an expression from an index alone only where its columns are there, too.
SORTS: tuple[tuple[str, str | sa.TextClause, list[str]], ...] = (
    ("disclosure", DISCLOSURE, ["disclosure_date"]),
    ("transaction", "transaction_date", []),
    ("amount", "amount_min", []),
)
UPPER = sa.text("coalesce(amount_max, 'Infinity')")
CATEGORY = sa.text(
    "width_bucket(amount_min, '{1001,15001,50001,100001,250001,500001,1000001,5000001,25000001,"
    "50000001}'::numeric[])"
)
IS_RANGE = sa.text("amount_max is distinct from amount_min")
IS_EXACT = sa.text("amount_max = amount_min")


def _weeks(column: str) -> sa.TextClause:
    return sa.text(f"(({column} - '2000-01-01') / 28)")


def upgrade() -> None:
    for column in ("chamber", "party"):
        op.add_column("trades", sa.Column(column, sa.Text(), nullable=True), if_not_exists=True)
    op.execute(TRIGGERS)
    online.update_in_batches("trades", "id", "chamber = chamber", where="chamber is null")
    for column in ("chamber", "party", "operation", "owner", "asset_type"):
        # Of either chamber there are many trades of every amount.
        for name, key, included in SORTS[: 2 if column == "chamber" else 3]:
            online.create_index(
                f"ix_trades_{column}_{name}",
                "trades",
                [column, key, "id"],
                postgresql_include=included,
            )
    for name, column in (("politician", "politician_id"), ("ticker", "ticker")):
        online.create_index(f"ix_trades_{name}_amount", "trades", [column, "amount_min", "id"])
    _index_dates()
    _index_amounts()


def _index_dates() -> None:
    transaction, disclosure = "transaction_date", "disclosure_date"
    for name, columns, included in (
        (
            "transaction_weeks_disclosure",
            [_weeks(transaction), DISCLOSURE],
            [transaction, disclosure],
        ),
        ("transaction_weeks_amount", [_weeks(transaction), "amount_min"], [transaction]),
        ("disclosure_weeks_transaction", [_weeks(disclosure), transaction], [disclosure]),
        ("disclosure_weeks_amount", [_weeks(disclosure), "amount_min"], [disclosure]),
    ):
        online.create_index(
            f"ix_trades_{name}", "trades", [*columns, "id"], postgresql_include=included
        )


def _index_amounts() -> None:
    for name, keys, included in (
        ("range_disclosure", [UPPER, DISCLOSURE], ["amount_max", "disclosure_date"]),
        ("range_transaction", [UPPER, "transaction_date"], ["amount_max"]),
        ("range_amount", [UPPER], ["amount_max"]),
    ):
        _index_part(name, ["amount_min", *keys], included, IS_RANGE)
    _index_part("exact_disclosure", [CATEGORY, DISCLOSURE], ["amount_min", "disclosure_date"])
    _index_part("exact_transaction", [CATEGORY, "transaction_date"], ["amount_min"])
    _index_part("exact_amount", ["amount_min"], [])


def _index_part(
    name: str,
    keys: Sequence[str | sa.TextClause],
    included: list[str],
    where: sa.TextClause = IS_EXACT,
) -> None:
    online.create_index(
        f"ix_trades_{name}",
        "trades",
        [*keys, "id"],
        postgresql_include=included,
        postgresql_where=where,
    )
