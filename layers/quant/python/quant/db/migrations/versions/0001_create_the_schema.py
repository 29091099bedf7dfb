"""Create the schema."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

FIRST_PRICE_YEAR, LAST_PRICE_YEAR = 2010, 2030

# Statement-level with transition tables: a bulk load costs one grouped update, not one a row.
ACTIVITY_TRIGGERS = """
create function count_trades() returns trigger language plpgsql as $$
begin
    if tg_op <> 'INSERT' then
        update politician_activity a set trade_count = a.trade_count - o.trades
        from (select politician_id, count(*) as trades from old_rows group by 1) o
        where a.politician_id = o.politician_id;
    end if;
    if tg_op <> 'DELETE' then
        insert into politician_activity as a (politician_id, trade_count)
        select politician_id, count(*) from new_rows group by 1 order by 1
        on conflict (politician_id) do update
            set trade_count = a.trade_count + excluded.trade_count;
    end if;
    return null;
end $$;
create trigger trades_inserted after insert on trades
    referencing new table as new_rows for each statement execute function count_trades();
create trigger trades_updated after update on trades
    referencing old table as old_rows new table as new_rows
    for each statement execute function count_trades();
create trigger trades_deleted after delete on trades
    referencing old table as old_rows for each statement execute function count_trades();

create function add_politician_activity() returns trigger language plpgsql as $$
begin
    insert into politician_activity (politician_id) select id from new_rows
    on conflict (politician_id) do nothing;
    return null;
end $$;
create trigger politicians_inserted after insert on politicians
    referencing new table as new_rows for each statement execute function add_politician_activity();
"""

# On RDS the owner creates the role here; a password is set by the deployment, never in a migration.
APPLICATION_ROLE = """
do $$ begin
    if not exists (select from pg_roles where rolname = 'quant_app') then
        create role quant_app login;
    end if;
    -- Imports stage their rows in temporary tables.
    execute format('grant connect, temporary on database %I to quant_app', current_database());
end $$;
grant usage on schema public to quant_app;
grant select, insert, update, delete on all tables in schema public to quant_app;
revoke insert, update, delete on alembic_version from quant_app;
alter default privileges in schema public
    grant select, insert, update, delete on tables to quant_app;
"""


def upgrade() -> None:
    op.execute("create extension if not exists pg_trgm")
    op.create_table(
        "committees",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("parent_id", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "chamber",
            sa.Enum(
                "house",
                "senate",
                "joint",
                name="chamber",
                native_enum=False,
                create_constraint=True,
            ),
            nullable=False,
        ),
        sa.Column("jurisdiction", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["committees.id"], name=op.f("fk_committees_parent_id_committees")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_committees")),
    )
    op.create_table(
        "data_version",
        sa.Column("id", sa.SmallInteger(), server_default=sa.text("1"), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("id = 1", name=op.f("ck_data_version_single_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_data_version")),
    )
    op.create_table(
        "import_runs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column(
            "started_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rows", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("inserted", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("existing", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("duplicates", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("rejected", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("matched", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint(
            "finished_at is null or rows = inserted + existing + duplicates + rejected",
            name=op.f("ck_import_runs_counts_add_up"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_runs")),
    )
    op.create_table(
        "politicians",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("bioguide_id", sa.Text(), nullable=True),
        sa.Column("full_name", sa.Text(), nullable=False),
        sa.Column("first_name", sa.Text(), nullable=True),
        sa.Column("last_name", sa.Text(), nullable=True),
        sa.Column("sort_name", sa.Text(), nullable=False),
        sa.Column(
            "chamber",
            sa.Enum(
                "house",
                "senate",
                name="chamber",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "party",
            sa.Enum(
                "democrat",
                "republican",
                "independent",
                "libertarian",
                name="party",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("district", sa.SmallInteger(), nullable=True),
        sa.Column("in_office", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("synthetic", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint(
            "bioguide_id ~ '^[A-Z][0-9]{6}$'", name=op.f("ck_politicians_bioguide_id_format")
        ),
        sa.CheckConstraint(
            "district is null or chamber = 'house'", name=op.f("ck_politicians_district_house_only")
        ),
        sa.CheckConstraint("state ~ '^[A-Z]{2}$'", name=op.f("ck_politicians_state_format")),
        sa.CheckConstraint("district between 0 and 99", name=op.f("ck_politicians_district_range")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_politicians")),
        sa.UniqueConstraint("bioguide_id", name=op.f("uq_politicians_bioguide_id")),
    )
    op.create_index(
        "ix_politicians_full_name_trgm",
        "politicians",
        ["full_name"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"full_name": "gin_trgm_ops"},
    )
    op.create_index("ix_politicians_sort_name_id", "politicians", ["sort_name", "id"], unique=False)
    op.create_table(
        "rejects",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("raw", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rejects")),
    )
    op.create_index(op.f("ix_rejects_source"), "rejects", ["source"], unique=False)
    op.create_table(
        "tickers",
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("sector", sa.Text(), nullable=True),
        sa.CheckConstraint("symbol ~ '^[A-Z0-9.^-]{1,24}$'", name=op.f("ck_tickers_symbol_format")),
        sa.PrimaryKeyConstraint("symbol", name=op.f("pk_tickers")),
    )
    op.create_table(
        "committee_memberships",
        sa.Column("committee_id", sa.Text(), nullable=False),
        sa.Column("politician_id", sa.UUID(), nullable=False),
        sa.Column("rank", sa.SmallInteger(), nullable=True),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("side", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["committee_id"],
            ["committees.id"],
            name=op.f("fk_committee_memberships_committee_id_committees"),
        ),
        sa.ForeignKeyConstraint(
            ["politician_id"],
            ["politicians.id"],
            name=op.f("fk_committee_memberships_politician_id_politicians"),
        ),
        sa.PrimaryKeyConstraint(
            "committee_id", "politician_id", name=op.f("pk_committee_memberships")
        ),
    )
    op.create_index(
        op.f("ix_committee_memberships_politician_id"),
        "committee_memberships",
        ["politician_id"],
        unique=False,
    )
    op.create_table(
        "filings",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column(
            "source",
            sa.Enum(
                "house_clerk",
                "senate_efd",
                "synthetic",
                name="source",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("doc_id", sa.Text(), nullable=False),
        sa.Column("politician_id", sa.UUID(), nullable=False),
        sa.Column("filed_date", sa.Date(), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("paper", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("amends_id", sa.UUID(), nullable=True),
        sa.CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name=op.f("ck_filings_sha256_format")),
        sa.ForeignKeyConstraint(
            ["amends_id"], ["filings.id"], name=op.f("fk_filings_amends_id_filings")
        ),
        sa.ForeignKeyConstraint(
            ["politician_id"], ["politicians.id"], name=op.f("fk_filings_politician_id_politicians")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_filings")),
        sa.UniqueConstraint("source", "doc_id", name=op.f("uq_filings_source_doc_id")),
    )
    op.create_index(op.f("ix_filings_politician_id"), "filings", ["politician_id"], unique=False)
    op.create_table(
        "legislator_records",
        sa.Column("politician_id", sa.UUID(), nullable=False),
        sa.Column("names", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("terms", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["politician_id"],
            ["politicians.id"],
            name=op.f("fk_legislator_records_politician_id_politicians"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("politician_id", name=op.f("pk_legislator_records")),
    )
    op.create_table(
        "politician_activity",
        sa.Column("politician_id", sa.UUID(), nullable=False),
        sa.Column("trade_count", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint(
            "trade_count >= 0", name=op.f("ck_politician_activity_trade_count_range")
        ),
        sa.ForeignKeyConstraint(
            ["politician_id"],
            ["politicians.id"],
            name=op.f("fk_politician_activity_politician_id_politicians"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("politician_id", name=op.f("pk_politician_activity")),
    )
    op.create_index(
        "ix_politician_activity_trade_count_politician_id",
        "politician_activity",
        ["trade_count", "politician_id"],
        unique=False,
    )
    op.create_table(
        "politician_aliases",
        sa.Column(
            "chamber",
            sa.Enum(
                "house",
                "senate",
                name="chamber",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("alias", sa.Text(), nullable=False),
        sa.Column("politician_id", sa.UUID(), nullable=False),
        sa.ForeignKeyConstraint(
            ["politician_id"],
            ["politicians.id"],
            name=op.f("fk_politician_aliases_politician_id_politicians"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("chamber", "alias", name=op.f("pk_politician_aliases")),
    )
    op.create_index(
        op.f("ix_politician_aliases_politician_id"),
        "politician_aliases",
        ["politician_id"],
        unique=False,
    )
    op.create_table(
        "prices",
        sa.Column("ticker", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("close", sa.Double(), nullable=False),
        sa.Column("adjusted_close", sa.Double(), nullable=False),
        sa.Column("volume", sa.BigInteger(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.CheckConstraint("close > 0", name=op.f("ck_prices_close_range")),
        sa.CheckConstraint("volume >= 0", name=op.f("ck_prices_volume_range")),
        sa.ForeignKeyConstraint(
            ["ticker"], ["tickers.symbol"], name=op.f("fk_prices_ticker_tickers")
        ),
        sa.PrimaryKeyConstraint("ticker", "day", name=op.f("pk_prices")),
        postgresql_partition_by="RANGE (day)",
    )
    op.create_table(
        "trades",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("politician_id", sa.UUID(), nullable=False),
        sa.Column("filing_id", sa.UUID(), nullable=False),
        sa.Column("line_hash", sa.Text(), nullable=False),
        sa.Column("occurrence", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("line_number", sa.SmallInteger(), nullable=True),
        sa.Column(
            "owner",
            sa.Enum(
                "self",
                "spouse",
                "joint",
                "dependent_child",
                name="owner",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("asset", sa.Text(), nullable=False),
        sa.Column("ticker", sa.Text(), nullable=True),
        sa.Column(
            "asset_type",
            sa.Enum(
                "stock",
                "stock_option",
                "corporate_bond",
                "government_security",
                "municipal_security",
                "fund",
                "non_public_stock",
                "cryptocurrency",
                "other",
                name="asset_type",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column(
            "operation",
            sa.Enum(
                "purchase",
                "sale",
                "sale_full",
                "sale_partial",
                "exchange",
                name="operation",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("transaction_date", sa.Date(), nullable=False),
        sa.Column("notification_date", sa.Date(), nullable=True),
        sa.Column("disclosure_date", sa.Date(), nullable=True),
        sa.Column("amount_min", sa.Numeric(precision=16, scale=2), nullable=False),
        sa.Column("amount_max", sa.Numeric(precision=16, scale=2), nullable=True),
        sa.Column("capital_gains_over_200", sa.Boolean(), nullable=True),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column(
            "notes", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("raw", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint(
            "transaction_date >= date '1990-01-01'", name=op.f("ck_trades_transaction_date_range")
        ),
        sa.CheckConstraint("amount_max >= amount_min", name=op.f("ck_trades_amount_order")),
        sa.CheckConstraint("amount_min >= 0", name=op.f("ck_trades_amount_min_range")),
        sa.CheckConstraint(
            "disclosure_date >= transaction_date", name=op.f("ck_trades_disclosure_order")
        ),
        sa.CheckConstraint("line_number >= 1", name=op.f("ck_trades_line_number_range")),
        sa.CheckConstraint(
            "notification_date >= transaction_date", name=op.f("ck_trades_notification_order")
        ),
        sa.CheckConstraint("occurrence >= 0", name=op.f("ck_trades_occurrence_range")),
        sa.ForeignKeyConstraint(
            ["filing_id"], ["filings.id"], name=op.f("fk_trades_filing_id_filings")
        ),
        sa.ForeignKeyConstraint(
            ["politician_id"], ["politicians.id"], name=op.f("fk_trades_politician_id_politicians")
        ),
        sa.ForeignKeyConstraint(
            ["ticker"], ["tickers.symbol"], name=op.f("fk_trades_ticker_tickers")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trades")),
        sa.UniqueConstraint(
            "filing_id",
            "line_hash",
            "occurrence",
            name=op.f("uq_trades_filing_id_line_hash_occurrence"),
        ),
    )
    op.create_index("ix_trades_amount", "trades", ["amount_min", "id"], unique=False)
    op.create_index(
        "ix_trades_disclosure",
        "trades",
        [sa.literal_column("coalesce(disclosure_date, '0001-01-01')"), "id"],
        unique=False,
    )
    op.create_index(
        "ix_trades_politician_disclosure",
        "trades",
        ["politician_id", sa.literal_column("coalesce(disclosure_date, '0001-01-01')"), "id"],
        unique=False,
    )
    op.create_index(
        "ix_trades_politician_transaction",
        "trades",
        ["politician_id", "transaction_date", "id"],
        unique=False,
    )
    op.create_index(
        "ix_trades_ticker_disclosure",
        "trades",
        ["ticker", sa.literal_column("coalesce(disclosure_date, '0001-01-01')"), "id"],
        unique=False,
    )
    op.create_index(
        "ix_trades_ticker_transaction", "trades", ["ticker", "transaction_date", "id"], unique=False
    )
    op.create_index("ix_trades_transaction", "trades", ["transaction_date", "id"], unique=False)
    op.create_table(
        "trade_duplicates",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("trade_id", sa.UUID(), nullable=False),
        sa.Column("filing_id", sa.UUID(), nullable=False),
        sa.Column("line_hash", sa.Text(), nullable=False),
        sa.Column("occurrence", sa.SmallInteger(), nullable=False),
        sa.Column("raw", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["filing_id"], ["filings.id"], name=op.f("fk_trade_duplicates_filing_id_filings")
        ),
        sa.ForeignKeyConstraint(
            ["trade_id"], ["trades.id"], name=op.f("fk_trade_duplicates_trade_id_trades")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trade_duplicates")),
        sa.UniqueConstraint(
            "filing_id",
            "line_hash",
            "occurrence",
            name=op.f("uq_trade_duplicates_filing_id_line_hash_occurrence"),
        ),
    )
    op.create_index(
        op.f("ix_trade_duplicates_trade_id"), "trade_duplicates", ["trade_id"], unique=False
    )
    op.create_index(op.f("ix_prices_day"), "prices", ["day"], postgresql_using="brin")
    op.execute("create table prices_default partition of prices default")
    for year in range(FIRST_PRICE_YEAR, LAST_PRICE_YEAR + 1):
        op.execute(
            f"create table prices_{year} partition of prices "
            f"for values from ('{year}-01-01') to ('{year + 1}-01-01')"
        )
    op.execute(ACTIVITY_TRIGGERS)
    op.execute("insert into data_version default values")
    op.execute(APPLICATION_ROLE)


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
