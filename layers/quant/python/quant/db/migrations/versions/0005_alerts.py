"""Add watchlists and their alerts; docs/alerts.md describes them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

EVENTS = (
    "registered",
    "email_verified",
    "login_succeeded",
    "login_failed",
    "token_refreshed",
    "refresh_token_reused",
    "logged_out",
    "session_revoked",
    "password_changed",
    "api_token_created",
    "api_token_revoked",
    "tier_changed",
    "watchlist_created",
    "watchlist_changed",
    "watchlist_deleted",
    "webhook_secret_rotated",
    "webhook_disabled",
    "digests_stopped",
    "limit_exceeded",
    "admin_read",
    "exported",
    "signing_key_rotated",
    "audit_purged",
)


def _time(name: str, *, nullable: bool = True) -> sa.Column[object]:
    default = None if nullable else sa.text("now()")
    return sa.Column(name, sa.DateTime(timezone=True), server_default=default, nullable=nullable)


def _one_of(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def upgrade() -> None:
    op.create_table(
        "watchlists",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("account_id", sa.UUID(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("tickers", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("politicians", postgresql.ARRAY(sa.UUID()), nullable=False),
        sa.Column("committees", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("digest", sa.Boolean(), nullable=False),
        sa.Column("webhook_url", sa.Text(), nullable=True),
        sa.Column("secret_generation", sa.Integer(), server_default=sa.text("1"), nullable=False),
        _time("secret_rotated_at"),
        _time("created_at", nullable=False),
        _time("updated_at", nullable=False),
        _time("last_delivered_at"),
        _time("failing_since"),
        _time("webhook_disabled_at"),
        _time("disabled_notice_at"),
        sa.CheckConstraint(
            "secret_generation >= 1", name=op.f("ck_watchlists_secret_generation_range")
        ),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name=op.f("fk_watchlists_account_id_accounts"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_watchlists")),
    )
    op.create_index(
        "ix_watchlists_account_id_created_at_id", "watchlists", ["account_id", "created_at", "id"]
    )
    for column in ("tickers", "politicians", "committees"):
        op.create_index(f"ix_watchlists_{column}", "watchlists", [column], postgresql_using="gin")
    op.create_table(
        "alert_deliveries",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("watchlist_id", sa.UUID(), nullable=False),
        sa.Column("channel", _one_of("channel", "webhook", "digest"), nullable=False),
        sa.Column("trade_id", sa.UUID(), nullable=True),
        sa.Column("trade", postgresql.JSONB(), nullable=True),
        sa.Column("matched", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column(
            "state",
            _one_of("state", "pending", "delivered", "failed"),
            server_default="pending",
            nullable=False,
        ),
        _time("created_at", nullable=False),
        _time("queued_at"),
        sa.Column("attempts", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        _time("last_attempt_at"),
        sa.Column("status", sa.SmallInteger(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        _time("delivered_at"),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_alert_deliveries_attempts_range")),
        sa.ForeignKeyConstraint(
            ["watchlist_id"],
            ["watchlists.id"],
            name=op.f("fk_alert_deliveries_watchlist_id_watchlists"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_deliveries")),
        sa.UniqueConstraint(
            "trade_id",
            "watchlist_id",
            "channel",
            name=op.f("uq_alert_deliveries_trade_id_watchlist_id_channel"),
        ),
    )
    op.create_index(
        "ix_alert_deliveries_watchlist_id_created_at_id",
        "alert_deliveries",
        ["watchlist_id", "created_at", "id"],
    )
    op.create_index(
        "ix_alert_deliveries_waiting_digests",
        "alert_deliveries",
        ["watchlist_id"],
        postgresql_where=sa.text("channel = 'digest' and state = 'pending'"),
    )
    op.create_index("ix_alert_deliveries_created_at", "alert_deliveries", ["created_at"])
    events = ", ".join(f"'{event}'" for event in EVENTS)
    op.execute(
        "alter table audit_log drop constraint ck_audit_log_event,"
        f" add constraint ck_audit_log_event check (event in ({events}))"
    )


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
