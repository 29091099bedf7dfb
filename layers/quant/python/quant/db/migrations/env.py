"""Alembic environment: each migration in its own transaction, on the migrator's connection."""

from alembic import context

from quant.db import (  # noqa: F401 - registers their tables
    account_models,
    alert_models,
    analysis_models,
    audit_models,
    export_models,
    ml_models,
    pipeline_models,
)
from quant.db.models import Base


def run() -> None:
    """Apply the migrations on the connection of ``quant.db.migrate``, or write their SQL."""
    attributes = context.config.attributes
    offline = context.is_offline_mode()
    context.configure(
        **(
            {"dialect_name": "postgresql", "literal_binds": True}
            if offline
            else {"connection": attributes["connection"]}
        ),
        target_metadata=Base.metadata,
        transaction_per_migration=True,
        compare_type=True,
        deadline=attributes.get("deadline"),
    )
    with context.begin_transaction():
        context.run_migrations()


run()
