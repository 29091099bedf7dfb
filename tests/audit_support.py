"""What tests of the audit log share."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, create_engine
from sqlalchemy.pool import NullPool
from supervisor.database import APP_ROLE
from support import Database

import quant.db.session
import quant.settings
from quant.audit.chain import Verified
from quant.audit.maintenance import verify_log
from quant.origin import Origin

ORIGIN = Origin("request-1", "203.0.113.0/24", "9f86d081884c7d65")


def forget_database() -> None:
    """Drop the process's connection and its settings."""
    if quant.db.session.engine.cache_info().currsize:
        quant.db.session.engine().dispose()
    quant.db.session.engine.cache_clear()
    quant.settings.database_settings.cache_clear()


@contextmanager
def application(database: Database) -> Iterator[pytest.MonkeyPatch]:
    """Let the process connect to ``database`` as a function does: as the application role."""
    with logged_in(database, APP_ROLE) as patch:
        yield patch


@contextmanager
def logged_in(database: Database, role: str) -> Iterator[pytest.MonkeyPatch]:
    """Let the process connect to ``database`` as a role."""
    credentials = json.dumps({"username": role, "password": database.passwords[role]})
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "QUANT_ENVIRONMENT": "local",
            "QUANT_DATABASE_HOST": "127.0.0.1",
            "QUANT_DATABASE_PORT": str(database.server.port),
            "QUANT_DATABASE_NAME": database.name,
            "QUANT_DATABASE_SECRET_ARN": "database",
            "QUANT_DATABASE_TLS": "false",
        }.items():
            patch.setenv(name, value)
        patch.setattr(quant.settings, "read_secret", lambda _arn: credentials)
        forget_database()
        try:
            yield patch
        finally:
            forget_database()


def engine_of(url: str) -> Engine:
    """An engine without a pool: tests kill the server under it."""
    return create_engine(url, poolclass=NullPool)


def verified(database: Database) -> Verified:
    """What verification by the application role, which may only read, finds."""
    return verify_log(engine_of(database.url))
