"""Add export jobs and research datasets; docs/export.md describes them.

The application role gets its rights on both by the default privileges of 0001.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

FORMATS = ("csv", "json", "parquet")
KINDS = ("trades", "analysis", "all_politicians", "research_dataset")
STATES = ("queued", "running", "succeeded", "failed", "expired")
SHA256 = "sha256 ~ '^[0-9a-f]{64}$'"


def _time(name: str, *, nullable: bool = True) -> sa.Column[object]:
    default = None if nullable else sa.text("now()")
    return sa.Column(name, sa.DateTime(timezone=True), server_default=default, nullable=nullable)


def _one_of(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def upgrade() -> None:
    op.create_table(
        "export_jobs",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("account_id", sa.UUID(), nullable=False),
        sa.Column("kind", _one_of("kind", *KINDS), nullable=False),
        sa.Column("parameters", postgresql.JSONB(), nullable=False),
        sa.Column("state", _one_of("state", *STATES), server_default="queued", nullable=False),
        _time("created_at", nullable=False),
        _time("queued_at"),
        sa.Column("attempts", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("lease_holder", sa.UUID(), nullable=True),
        _time("lease_until"),
        _time("started_at"),
        _time("finished_at"),
        sa.Column("progress", sa.Double(), server_default=sa.text("0"), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=True),
        sa.Column("bytes", sa.BigInteger(), nullable=True),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("data_version", sa.BigInteger(), nullable=True),
        sa.Column("files", postgresql.JSONB(), server_default=sa.text("'[]'"), nullable=False),
        _time("expires_at"),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.CheckConstraint("progress between 0 and 1", name=op.f("ck_export_jobs_progress_range")),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_export_jobs_attempts_range")),
        sa.CheckConstraint("rows >= 0", name=op.f("ck_export_jobs_rows_range")),
        sa.CheckConstraint("bytes >= 0", name=op.f("ck_export_jobs_bytes_range")),
        sa.CheckConstraint(SHA256, name=op.f("ck_export_jobs_sha256_format")),
        sa.CheckConstraint(
            "state <> 'succeeded' or (finished_at is not null and sha256 is not null"
            " and rows is not null and bytes is not null and data_version is not null)",
            name=op.f("ck_export_jobs_succeeded_has_result"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_export_jobs")),
    )
    op.create_index(
        "ix_export_jobs_account_id_created_at_id",
        "export_jobs",
        ["account_id", "created_at", "id"],
    )
    op.create_index("ix_export_jobs_created_at", "export_jobs", ["created_at"])
    op.create_table(
        "datasets",
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("format", _one_of("format", *FORMATS), nullable=False),
        sa.Column("schema_version", sa.SmallInteger(), nullable=False),
        sa.Column("data_version", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("files", postgresql.JSONB(), nullable=False),
        sa.Column("code_version", sa.Text(), nullable=False),
        _time("created_at", nullable=False),
        sa.CheckConstraint(SHA256, name=op.f("ck_datasets_sha256_format")),
        sa.PrimaryKeyConstraint("version", "format", name=op.f("pk_datasets")),
    )


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
