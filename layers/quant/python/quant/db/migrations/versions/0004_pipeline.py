"""Create the pipeline's tables, and columns for what official documents say besides."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

COLLECTION_OUTCOMES = ("completed", "refused", "throttled", "layout_changed", "unreachable")
SOURCES = ("house_clerk", "senate_efd", "synthetic")
CHAMBERS = ("house", "senate")
KINDS = (
    "house-index",
    "house-ptr",
    "senate-index",
    "senate-ptr",
    "senate-paper",
    "legislators",
    "legislators-historical",
    "committees",
    "committee-membership",
    "prices",
)
DOCUMENT_OUTCOMES = ("loaded", "paper", "rejected")
STATUSES = ("new", "amended", "deleted")
OWNERS = ("self", "spouse", "joint", "dependent_child")
ASSET_TYPES = (
    "stock",
    "stock_option",
    "corporate_bond",
    "government_security",
    "municipal_security",
    "fund",
    "non_public_stock",
    "cryptocurrency",
    "other",
)
OPERATIONS = ("purchase", "sale", "sale_full", "sale_partial", "exchange")
OPTION_TYPES = ("call", "put")
LINE_OUTCOMES = ("trade", "repeated", "superseded", "deletion", "unmatched_deletion")


def _one_of(name: str, values: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def upgrade() -> None:
    op.create_table(
        "collections",
        sa.Column("run_id", sa.UUID(), nullable=False),
        sa.Column("collector", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", _one_of("outcome", COLLECTION_OUTCOMES), nullable=False),
        sa.Column("requests", sa.Integer(), nullable=False),
        sa.Column("stored", sa.Integer(), nullable=False),
        sa.Column("unchanged", sa.Integer(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_collections")),
    )
    op.create_index(
        "ix_collections_collector_finished_at",
        "collections",
        ["collector", "finished_at"],
        unique=False,
    )
    op.create_table(
        "filing_documents",
        sa.Column("filing_id", sa.UUID(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("source", _one_of("source", SOURCES), nullable=False),
        sa.Column("doc_id", sa.Text(), nullable=False),
        sa.Column("collected_on", sa.Date(), nullable=False),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("parser", sa.Text(), nullable=False),
        sa.Column("paper", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("chamber", _one_of("chamber", CHAMBERS), nullable=True),
        sa.Column("alias", sa.Text(), nullable=True),
        sa.Column("filer", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("district", sa.SmallInteger(), nullable=True),
        sa.Column("signed_date", sa.Date(), nullable=True),
        sa.Column("filed_date", sa.Date(), nullable=True),
        sa.Column("amends", sa.Text(), nullable=True),
        sa.Column("amendment_number", sa.SmallInteger(), nullable=True),
        sa.CheckConstraint(
            "sha256 ~ '^[0-9a-f]{64}$'", name=op.f("ck_filing_documents_sha256_format")
        ),
        sa.PrimaryKeyConstraint("filing_id", "sha256", name=op.f("pk_filing_documents")),
    )
    op.create_index(
        "ix_filing_documents_chamber_alias", "filing_documents", ["chamber", "alias"], unique=False
    )
    op.create_index(
        "ix_filing_documents_source_doc_id", "filing_documents", ["source", "doc_id"], unique=False
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("topic", "key", name=op.f("uq_outbox_topic_key")),
    )
    op.create_index(
        "ix_outbox_pending",
        "outbox",
        ["id"],
        unique=False,
        postgresql_where=sa.text("sent_at is null"),
    )
    op.create_table(
        "raw_documents",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", _one_of("kind", KINDS), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("collected_on", sa.Date(), nullable=False),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("source", _one_of("source", SOURCES), nullable=True),
        sa.Column("doc_id", sa.Text(), nullable=True),
        sa.Column("outcome", _one_of("outcome", DOCUMENT_OUTCOMES), nullable=False),
        sa.Column("parser", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("rows", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("accepted", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("rejected", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "reject_reasons",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column(
            "unmatched_names",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column(
            "unmatched_tickers",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column(
            "counts",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column(
            "processed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "sha256 ~ '^[0-9a-f]{64}$'", name=op.f("ck_raw_documents_sha256_format")
        ),
        sa.CheckConstraint(
            "rows = accepted + rejected", name=op.f("ck_raw_documents_counts_add_up")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_raw_documents")),
    )
    op.create_index(
        "ix_raw_documents_processed_at_key", "raw_documents", ["processed_at", "key"], unique=False
    )
    op.create_index(
        "ix_raw_documents_source_doc_id", "raw_documents", ["source", "doc_id"], unique=False
    )
    op.create_table(
        "reference_documents",
        sa.Column("kind", _one_of("kind", KINDS), nullable=False),
        sa.Column("collected_on", sa.Date(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("kind", name=op.f("pk_reference_documents")),
    )
    op.create_table(
        "review_decisions",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("accepted", sa.Boolean(), nullable=False),
        sa.Column(
            "value",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column(
            "decided_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "kind in ('ticker', 'amendment', 'scan', 'document')",
            name=op.f("ck_review_decisions_kind_vocabulary"),
        ),
        sa.PrimaryKeyConstraint("kind", "subject", name=op.f("pk_review_decisions")),
    )
    op.create_table(
        "work_items",
        sa.Column("source", _one_of("source", SOURCES), nullable=False),
        sa.Column("doc_id", sa.Text(), nullable=False),
        sa.Column("year", sa.SmallInteger(), nullable=True),
        sa.Column("filed_date", sa.Date(), nullable=True),
        sa.Column("paper", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("chamber", _one_of("chamber", CHAMBERS), nullable=False),
        sa.Column("alias", sa.Text(), nullable=True),
        sa.Column("filer", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("district", sa.SmallInteger(), nullable=True),
        sa.Column("index_collected_on", sa.Date(), nullable=False),
        sa.Column("index_sha256", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "index_sha256 ~ '^[0-9a-f]{64}$'", name=op.f("ck_work_items_index_sha256_format")
        ),
        sa.PrimaryKeyConstraint("source", "doc_id", name=op.f("pk_work_items")),
    )
    op.create_table(
        "filing_lines",
        sa.Column("filing_id", sa.UUID(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("line_number", sa.SmallInteger(), nullable=False),
        sa.Column("trade_id", sa.UUID(), nullable=False),
        sa.Column("line_hash", sa.Text(), nullable=False),
        sa.Column("occurrence", sa.SmallInteger(), nullable=False),
        sa.Column("status", _one_of("status", STATUSES), nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("owner", _one_of("owner", OWNERS), nullable=True),
        sa.Column("asset", sa.Text(), nullable=False),
        sa.Column("asset_key", sa.Text(), nullable=False),
        sa.Column("ticker", sa.Text(), nullable=True),
        sa.Column("ticker_confidence", sa.Numeric(precision=3, scale=2), nullable=True),
        sa.Column("asset_code", sa.Text(), nullable=True),
        sa.Column("asset_type", _one_of("asset_type", ASSET_TYPES), nullable=True),
        sa.Column("operation", _one_of("operation", OPERATIONS), nullable=False),
        sa.Column("transaction_date", sa.Date(), nullable=False),
        sa.Column("notification_date", sa.Date(), nullable=True),
        sa.Column("amount_min", sa.Numeric(precision=16, scale=2), nullable=False),
        sa.Column("amount_max", sa.Numeric(precision=16, scale=2), nullable=True),
        sa.Column("capital_gains_over_200", sa.Boolean(), nullable=True),
        sa.Column("subholding_of", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("option_type", _one_of("option_type", OPTION_TYPES), nullable=True),
        sa.Column("option_strike", sa.Numeric(precision=16, scale=4), nullable=True),
        sa.Column("option_expires", sa.Date(), nullable=True),
        sa.Column("option_contracts", sa.Integer(), nullable=True),
        sa.Column("option_shares", sa.BigInteger(), nullable=True),
        sa.Column("option_exercised", sa.Boolean(), nullable=True),
        sa.Column(
            "notes", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("raw", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("resolved_ticker", sa.Text(), nullable=True),
        sa.Column("resolved_confidence", sa.Numeric(precision=3, scale=2), nullable=True),
        sa.Column("outcome", _one_of("outcome", LINE_OUTCOMES), nullable=True),
        sa.Column("counterpart_id", sa.UUID(), nullable=True),
        sa.CheckConstraint(
            "transaction_date >= date '1990-01-01'",
            name=op.f("ck_filing_lines_transaction_date_range"),
        ),
        sa.CheckConstraint("amount_max >= amount_min", name=op.f("ck_filing_lines_amount_order")),
        sa.CheckConstraint("amount_min >= 0", name=op.f("ck_filing_lines_amount_min_range")),
        sa.CheckConstraint("line_number >= 1", name=op.f("ck_filing_lines_line_number_range")),
        sa.CheckConstraint(
            "ticker_confidence between 0 and 1",
            name=op.f("ck_filing_lines_ticker_confidence_range"),
        ),
        sa.ForeignKeyConstraint(
            ["filing_id", "sha256"],
            ["filing_documents.filing_id", "filing_documents.sha256"],
            name="fk_filing_lines_document_filing_documents",
        ),
        sa.PrimaryKeyConstraint("filing_id", "sha256", "line_number", name=op.f("pk_filing_lines")),
    )
    op.create_index("ix_filing_lines_asset_key", "filing_lines", ["asset_key"], unique=False)
    op.create_index(
        "ix_filing_lines_counterpart_id", "filing_lines", ["counterpart_id"], unique=False
    )
    op.create_index("ix_filing_lines_trade_id", "filing_lines", ["trade_id"], unique=False)
    op.add_column("rejects", sa.Column("document", sa.Text(), nullable=True))
    op.create_index(op.f("ix_rejects_document"), "rejects", ["document"], unique=False)
    op.add_column("trades", sa.Column("status", _one_of("status", STATUSES), nullable=True))
    op.add_column("trades", sa.Column("asset_code", sa.Text(), nullable=True))
    op.add_column(
        "trades", sa.Column("ticker_confidence", sa.Numeric(precision=3, scale=2), nullable=True)
    )
    op.add_column("trades", sa.Column("subholding_of", sa.Text(), nullable=True))
    op.add_column(
        "trades", sa.Column("option_type", _one_of("option_type", OPTION_TYPES), nullable=True)
    )
    op.add_column(
        "trades", sa.Column("option_strike", sa.Numeric(precision=16, scale=4), nullable=True)
    )
    op.add_column("trades", sa.Column("option_expires", sa.Date(), nullable=True))
    op.add_column("trades", sa.Column("option_contracts", sa.Integer(), nullable=True))
    op.add_column("trades", sa.Column("option_shares", sa.BigInteger(), nullable=True))
    op.add_column("trades", sa.Column("option_exercised", sa.Boolean(), nullable=True))
    op.add_column("prices", sa.Column("collected_on", sa.Date(), nullable=True))
    op.create_check_constraint(
        op.f("ck_trades_ticker_confidence_range"), "trades", "ticker_confidence between 0 and 1"
    )


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
