"""Add the registry of models, predictions and drift, and the audit events of promotion.

The application role gets its rights on the tables by the default privileges of 0001.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
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
    "model_promoted",
    "model_rolled_back",
    "model_switched",
)
VERDICTS = ("accepted", "refused")
MODEL_EVENTS = ("promoted", "refused", "rolled_back", "disabled", "enabled")


def _now(name: str) -> sa.Column[object]:
    return sa.Column(
        name, sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
    )


def _one_of(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def _false(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.Boolean(), server_default=sa.text("false"), nullable=False)


def _of_version(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["model", "version"],
        ["model_versions.model", "model_versions.version"],
        name=op.f(f"fk_{table}_model_model_versions"),
    )


def upgrade() -> None:
    op.create_table(
        "model_versions",
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("tracking_run", sa.Text(), nullable=True),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("dataset", sa.Text(), nullable=False),
        sa.Column("trained_through", sa.Date(), nullable=False),
        sa.Column("verdict", _one_of("verdict", *VERDICTS), nullable=False),
        sa.Column(
            "reasons", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("evaluation", postgresql.JSONB(), nullable=False),
        _false("synthetic"),
        _now("created_at"),
        sa.CheckConstraint("version > 0", name=op.f("ck_model_versions_version_range")),
        sa.CheckConstraint(
            "sha256 ~ '^[0-9a-f]{64}$'", name=op.f("ck_model_versions_sha256_format")
        ),
        sa.PrimaryKeyConstraint("model", "version", name=op.f("pk_model_versions")),
    )
    op.create_index("uq_model_versions_model_run", "model_versions", ["model", "run"], unique=True)
    op.create_table(
        "champions",
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        _now("since"),
        _false("disabled"),
        sa.Column("disabled_reason", sa.Text(), nullable=True),
        _of_version("champions"),
        sa.PrimaryKeyConstraint("model", name=op.f("pk_champions")),
    )
    op.create_table(
        "model_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("kind", _one_of("kind", *MODEL_EVENTS), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("previous_version", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("actor", sa.UUID(), nullable=True),
        _now("occurred_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_events")),
    )
    op.create_index("ix_model_events_model_id", "model_events", ["model", "id"])
    _create_predictions()
    op.create_table(
        "feature_drift",
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("feature", sa.Text(), nullable=False),
        sa.Column("measured_on", sa.Date(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("psi", sa.Double(), nullable=False),
        _of_version("feature_drift"),
        sa.PrimaryKeyConstraint(
            "model", "version", "feature", "measured_on", name=op.f("pk_feature_drift")
        ),
    )
    # The partitions inherit the constraint.
    names = ", ".join(f"'{event}'" for event in EVENTS)
    op.execute("alter table audit_log drop constraint ck_audit_log_event")
    op.execute(
        f"alter table audit_log add constraint ck_audit_log_event check (event in ({names}))"
    )


def _create_predictions() -> None:
    op.create_table(
        "predictions",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("politician_id", sa.UUID(), nullable=False),
        sa.Column("ticker", sa.Text(), nullable=True),
        sa.Column("sector", sa.Text(), nullable=True),
        sa.Column("closes_on", sa.Date(), nullable=True),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("lower", sa.Double(), nullable=True),
        sa.Column("upper", sa.Double(), nullable=True),
        sa.Column("baselines", postgresql.JSONB(), nullable=False),
        sa.Column("base_value", sa.Double(), nullable=False),
        sa.Column("attributions", postgresql.JSONB(), nullable=False),
        sa.Column("dataset", sa.Text(), nullable=False),
        _now("made_at"),
        sa.Column("outcome", sa.Double(), nullable=True),
        sa.Column("outcome_on", sa.Date(), nullable=True),
        sa.Column("outcome_missing", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "lower <= value and value <= upper", name=op.f("ck_predictions_interval_holds_value")
        ),
        sa.CheckConstraint(
            "(outcome is null) = (outcome_on is null)",
            name=op.f("ck_predictions_outcome_has_a_day"),
        ),
        _of_version("predictions"),
        sa.ForeignKeyConstraint(
            ["politician_id"],
            ["politicians.id"],
            name=op.f("fk_predictions_politician_id_politicians"),
        ),
        sa.ForeignKeyConstraint(
            ["ticker"], ["tickers.symbol"], name=op.f("fk_predictions_ticker_tickers")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_predictions")),
    )
    op.create_index(
        "uq_predictions_subject",
        "predictions",
        ["model", "version", "as_of", "politician_id", "ticker", "sector"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    op.create_index("ix_predictions_as_of_id", "predictions", ["as_of", "id"])
    op.create_index("ix_predictions_model_as_of_id", "predictions", ["model", "as_of", "id"])
    op.create_index(
        "ix_predictions_politician_id_as_of_id", "predictions", ["politician_id", "as_of", "id"]
    )
    op.create_index(
        "ix_predictions_ticker_model_as_of", "predictions", ["ticker", "model", "as_of"]
    )
    op.create_index(
        "ix_predictions_open",
        "predictions",
        ["model", "closes_on"],
        postgresql_where=sa.text("outcome is null and outcome_missing is null"),
    )


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
