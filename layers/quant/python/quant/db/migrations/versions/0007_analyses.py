"""Add factor returns and answers computed ahead.

The application role gets its rights on both by the default privileges of 0001.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "factor_returns",
        sa.Column(
            "frequency",
            sa.Enum(
                "daily",
                "monthly",
                name="frequency",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("day", sa.Date(), nullable=False),
        *(
            sa.Column(name, sa.Double(), nullable=False)
            for name in ("market", "smb", "hml", "risk_free")
        ),
        sa.CheckConstraint(
            "least(market, smb, hml, risk_free) > -1", name=op.f("ck_factor_returns_range")
        ),
        sa.PrimaryKeyConstraint("frequency", "day", name=op.f("pk_factor_returns")),
    )
    op.create_table(
        "analyses",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("data_version", sa.BigInteger(), nullable=False),
        sa.Column("method_version", sa.Text(), nullable=False),
        sa.Column("document", postgresql.JSONB(), nullable=False),
        sa.Column(
            "computed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("kind", "key", name=op.f("pk_analyses")),
    )


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
