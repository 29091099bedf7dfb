"""Alembic environment: migrations run online, each in its own transaction."""

from alembic import context
from sqlalchemy import create_engine, pool, text

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

# A migration must rather fail than queue behind a long query and block every reader behind it.
LOCK_TIMEOUT = "5s"


def run() -> None:
    """Apply the migrations to the database named by the configuration."""
    engine = create_engine(context.config.attributes["url"], poolclass=pool.NullPool)
    with engine.connect() as connection:
        connection.execute(text(f"set lock_timeout = '{LOCK_TIMEOUT}'"))
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            transaction_per_migration=True,
            compare_type=True,
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


run()
