"""Add password resets, and the audit events of resets and of deleted accounts."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
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
    "password_reset_requested",
    "password_reset",
    "api_token_created",
    "api_token_revoked",
    "tier_changed",
    "account_deleted",
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


def upgrade() -> None:
    op.create_table(
        "password_resets",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("account_id", sa.UUID(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_password_resets")),
    )
    op.create_index(op.f("ix_password_resets_account_id"), "password_resets", ["account_id"])
    op.create_index(
        "ix_accounts_unverified",
        "accounts",
        ["created_at"],
        postgresql_where=sa.text("email_verified_at is null"),
    )
    # The partitions inherit the constraint.
    names = ", ".join(f"'{event}'" for event in EVENTS)
    op.execute("alter table audit_log drop constraint ck_audit_log_event")
    op.execute(
        f"alter table audit_log add constraint ck_audit_log_event check (event in ({names}))"
    )


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
