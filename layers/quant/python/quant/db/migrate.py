"""Schema migrations: bring a database forward to a revision, one migrator at a time.

Requests go on meanwhile, so that a migration waits for a lock only as long as requests may wait
behind it, gives up, and tries again (docs/adr/0025-schema-changes.md).
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, create_engine, make_url, pool, text
from sqlalchemy.exc import DBAPIError

from quant.db.schema import current_revision, is_beyond
from quant.errors import QuantError

# Shorter than a function waits for an answer (``DatabaseSettings.connect_timeout_s``): whoever
# wants the table queues behind a migration that waits for it.
LOCK_TIMEOUT_S: Final = 1.0
# Most seconds of a statement that may hold a lock; ``quant.db.online`` has what takes longer.
STATEMENT_TIMEOUT_S: Final = 5.0

# One per database, of the session; any number that nobody else locks.
_LOCK: Final = 20_250_925
_LOCK_POLL_S: Final = 0.2

_BESIDE: Final = Path(__file__).with_name("migrations")

# SQLSTATE (PostgreSQL manual, appendix A).
_LOCK_NOT_AVAILABLE: Final = "55P03"
_QUERY_CANCELED: Final = "57014"

# Characters of a statement that a message has.
_SHOWN: Final = 120


class LockedError(QuantError):
    """Somebody held what a migration needs for too long; nothing of that migration was applied."""


class TooSlowError(QuantError):
    """A statement took longer than a migration's may while it holds locks, or than there was."""


class OtherMigratorError(QuantError):
    """Another migrator did not end in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to wait, and how.

    Attributes:
        lock_timeout_s: For one lock, each time, seconds.
        first_pause_s: Between the first try of a migration and the second, seconds; doubled for
            each further one.
        longest_pause_s: Where the doubling ends, seconds.
        limit_s: For all of it, seconds.
    """

    lock_timeout_s: float = LOCK_TIMEOUT_S
    first_pause_s: float = 0.5
    longest_pause_s: float = 15.0
    limit_s: float = 600.0


_PATIENCE: Final = Patience()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a migration has led to.

    Attributes:
        before: Revision before, ``None`` of an empty database.
        after: Revision since.
        waits: How often it gave way to whoever held a lock.
    """

    before: str | None
    after: str
    waits: int = 0


def upgrade(
    database: str | URL | Engine,
    revision: str = "head",
    *,
    scripts: Path | None = None,
    patience: Patience = _PATIENCE,
) -> Outcome:
    """Migrate a database forward to ``revision``; one that is beyond it stays as it is.

    Each migration is a transaction of its own, and counts once that is committed: after a failure
    the database is at the last revision that was reached, and a further call goes on from there.

    Args:
        database: SQLAlchemy URL with the rights of the schema's owner, or an engine.
        revision: Target revision, the newest by default.
        scripts: Folder of the migrations, if not the platform's own.
        patience: How long to wait for others.

    Raises:
        LockedError: A lock was not to be had in time.
        TooSlowError: A statement took too long.
        OtherMigratorError: Another migrator has not ended in time.
        sqlalchemy.exc.DBAPIError: A migration failed otherwise.
    """
    deadline = time.monotonic() + patience.limit_s
    config = _config(scripts)
    wanted = _resolve(config, revision)
    with _connection(database) as connection:
        _wait_for_others(connection, deadline)
        before = current_revision(connection)
        connection.commit()
        if is_beyond(before, wanted):
            return Outcome(before=before, after=str(before))
        _set_timeouts(connection, patience)
        config.attributes.update(connection=connection, deadline=deadline)
        waits = _apply(config, wanted, patience, deadline)
        return Outcome(before=before, after=wanted, waits=waits)


def head(scripts: Path | None = None) -> str:
    """Return the newest revision the code knows."""
    return _resolve(_config(scripts), "head")


def sql_of(revision: str, scripts: Path | None = None) -> str:
    """Return the SQL of one migration, as it is run; what it asks the database for is not in it."""
    config = _config(scripts)
    config.output_buffer = sql = StringIO()
    script = ScriptDirectory.from_config(config).get_revision(revision)
    command.upgrade(config, f"{script.down_revision or 'base'}:{revision}", sql=True)
    return sql.getvalue()


def _config(scripts: Path | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(scripts or _own_scripts()))
    config.set_main_option("path_separator", "os")
    return config


def _own_scripts() -> Path:
    # The layer of all functions lacks them: they are in the code of the one that migrates.
    return _BESIDE if _BESIDE.is_dir() else Path(os.environ["LAMBDA_TASK_ROOT"], _BESIDE.name)


def _resolve(config: Config, revision: str) -> str:
    found = ScriptDirectory.from_config(config).get_revision(revision)
    if found is None:
        msg = f"no migrations in {config.get_main_option('script_location')}"
        raise RuntimeError(msg)
    return found.revision


@contextmanager
def _connection(database: str | URL | Engine) -> Iterator[Connection]:
    """Yield a connection that nobody uses afterwards: the session's settings and locks end."""
    engine = database
    if not isinstance(engine, Engine):
        engine = create_engine(make_url(engine), poolclass=pool.NullPool)
    with engine.connect() as connection:
        try:
            yield connection.execution_options(isolation_level="READ COMMITTED")
        finally:
            connection.invalidate()


def _wait_for_others(connection: Connection, deadline: float) -> None:
    """Take what only one migrator has, until the connection ends.

    Asked for again and again: a statement that waited for it would be a transaction, for whose end
    the index waits that the other migrator builds concurrently.

    Raises:
        OtherMigratorError: Another one has it for too long.
    """
    while not connection.scalar(text("select pg_try_advisory_lock(:key)"), {"key": _LOCK}):
        connection.commit()
        if time.monotonic() > deadline:
            msg = "another migrator is at work on this database"
            raise OtherMigratorError(msg)
        time.sleep(_LOCK_POLL_S)
    connection.commit()


def _set_timeouts(connection: Connection, patience: Patience) -> None:
    milliseconds = {
        "lock_timeout": patience.lock_timeout_s * 1000,
        "statement_timeout": STATEMENT_TIMEOUT_S * 1000,
    }
    for name, value in milliseconds.items():
        connection.execute(text(f"set {name} = {value:.0f}"))
    connection.commit()


def _apply(config: Config, wanted: str, patience: Patience, deadline: float) -> int:
    """Apply what is missing; return how often a lock was not to be had."""
    waits = 0
    pause = patience.first_pause_s
    while True:
        try:
            command.upgrade(config, wanted)
        except DBAPIError as error:
            state = sqlstate(error)
            if state == _QUERY_CANCELED:
                msg = f"{_statement(error)!r} took too long; what does belongs in quant.db.online"
                raise TooSlowError(msg) from error
            if state != _LOCK_NOT_AVAILABLE:
                raise
            if time.monotonic() + pause > deadline:
                msg = f"{_statement(error)!r} waits for a transaction of somebody else's"
                raise LockedError(msg) from error
        else:
            return waits
        waits += 1
        time.sleep(pause)
        pause = min(2 * pause, patience.longest_pause_s)


def _statement(error: DBAPIError) -> str:
    return " ".join((error.statement or "a commit").split())[:_SHOWN]


def sqlstate(error: DBAPIError) -> str:
    """Return the SQLSTATE of what Postgres answered, empty where it did not."""
    arguments = getattr(error.orig, "args", ())
    if arguments and isinstance(arguments[0], dict):
        return str(arguments[0].get("C", ""))
    return ""
