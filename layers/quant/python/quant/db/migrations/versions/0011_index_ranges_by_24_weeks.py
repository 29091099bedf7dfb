"""Index trades by 24 weeks of their days, for long ranges that are sorted by something else."""

import sqlalchemy as sa

from quant.db import online

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

change = "expand"

DISCLOSURE = sa.text("coalesce(disclosure_date, '0001-01-01')")
# Postgres reads an expression from an index alone only where its columns are there, too.
INDEXES: tuple[tuple[str, str, str | sa.TextClause, list[str]], ...] = (
    ("transaction_date", "disclosure", DISCLOSURE, ["transaction_date", "disclosure_date"]),
    ("transaction_date", "amount", "amount_min", ["transaction_date"]),
    ("disclosure_date", "transaction", "transaction_date", ["disclosure_date"]),
    ("disclosure_date", "amount", "amount_min", ["disclosure_date"]),
)


def upgrade() -> None:
    for column, sort, key, included in INDEXES:
        online.create_index(
            f"ix_trades_{column.removesuffix('_date')}_24_weeks_{sort}",
            "trades",
            [sa.text(f"(({column} - '2000-01-01') / 168)"), key, "id"],
            postgresql_include=included,
        )
