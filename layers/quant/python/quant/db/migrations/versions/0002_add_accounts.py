"""Add accounts, login sessions and tokens."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def _id() -> sa.Column[object]:
    return sa.Column("id", sa.UUID(), nullable=False)


def _time(name: str, *, nullable: bool = False, now: bool = False) -> sa.Column[object]:
    default = sa.text("now()") if now else None
    return sa.Column(name, sa.DateTime(timezone=True), server_default=default, nullable=nullable)


def _owned_by(table: str, parent: str, column: str) -> tuple[sa.schema.SchemaItem, ...]:
    return (
        sa.Column(column, sa.UUID(), nullable=False),
        sa.ForeignKeyConstraint(
            [column],
            [f"{parent}.id"],
            name=op.f(f"fk_{table}_{column}_{parent}"),
            ondelete="CASCADE",
        ),
    )


def upgrade() -> None:
    op.create_table(
        "accounts",
        _id(),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("tier", sa.Text(), server_default="free", nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "user",
                "admin",
                name="role",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            server_default="user",
            nullable=False,
        ),
        _time("created_at", now=True),
        _time("email_verified_at", nullable=True),
        _time("password_changed_at", now=True),
        _time("disabled_at", nullable=True),
        sa.CheckConstraint("tier in ('free', 'basic', 'premium')", name=op.f("ck_accounts_tier")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("email", name=op.f("uq_accounts_email")),
    )
    op.create_table(
        "email_verifications",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        *_owned_by("email_verifications", "accounts", "account_id"),
        sa.Column("password_hash", sa.Text(), nullable=False),
        _time("expires_at"),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_email_verifications")),
    )
    op.create_table(
        "login_sessions",
        _id(),
        *_owned_by("login_sessions", "accounts", "account_id"),
        _time("created_at", now=True),
        _time("last_used_at", now=True),
        _time("expires_at"),
        _time("revoked_at", nullable=True),
        sa.Column("revoked_because", sa.Text(), nullable=True),
        sa.Column("user_agent_hash", sa.Text(), nullable=True),
        sa.Column("network", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_sessions")),
    )
    op.create_index(
        "ix_login_sessions_revoked_at",
        "login_sessions",
        ["revoked_at"],
        postgresql_where=sa.text("revoked_at is not null"),
    )
    op.create_table(
        "refresh_tokens",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        *_owned_by("refresh_tokens", "login_sessions", "session_id"),
        _time("issued_at", now=True),
        _time("expires_at"),
        _time("used_at", nullable=True),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_refresh_tokens")),
    )
    op.create_table(
        "api_tokens",
        _id(),
        *_owned_by("api_tokens", "accounts", "account_id"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        _time("created_at", now=True),
        _time("expires_at"),
        _time("last_used_at", nullable=True),
        _time("revoked_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_tokens")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_api_tokens_token_hash")),
    )
    for table, column in (
        ("email_verifications", "account_id"),
        ("login_sessions", "account_id"),
        ("refresh_tokens", "session_id"),
        ("api_tokens", "account_id"),
    ):
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column])
    op.create_table(
        "attempt_counters",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        _time("last_at"),
        _time("locked_until", nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_attempt_counters")),
    )
    op.create_index("ix_attempt_counters_last_at", "attempt_counters", ["last_at"])


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
