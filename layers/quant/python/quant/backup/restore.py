"""Put a backup in the place of a database, at once or not at all."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from pg8000.native import DatabaseError, identifier

from quant.backup.errors import IncompatibleBackupError, RestoreRefusedError
from quant.backup.load import compare, hand_over, load, require_server
from quant.backup.manifest import Manifest
from quant.backup.places import Place
from quant.backup.scratch import ensure_roles
from quant.backup.server import MAINTENANCE, Access
from quant.backup.tools import Tools
from quant.db.schema import SCHEMA_REVISION

# One restore at a time on a server; any number, as long as nothing else has it.
_LOCK: Final = 7_310_742_021
_TERMINATE_EVERY_S: Final = 0.1
# Postgres itself waits five seconds for sessions to end before it refuses to rename.
_RENAME_ATTEMPTS: Final = 3


@dataclass(frozen=True, slots=True)
class Restored:
    """A database that was put back.

    Attributes:
        manifest: The backup.
        seconds: From the start until the database served: what counts against the RTO.
        age: Seconds from the snapshot to the start: what was written in them is lost, the RPO.
        aside: Name of the database that was replaced; ``None`` where there was none.
        new_roles: Roles that were missing and have no password yet.
    """

    manifest: Manifest
    seconds: float
    age: float
    aside: str | None
    new_roles: tuple[str, ...]


def restore(
    access: Access, kept: Place, backup_id: str, tools: Tools, *, replace: bool = False
) -> Restored:
    """Restore a backup as the database that ``access`` names.

    It is loaded beside the one that serves, compared with the manifest, and takes the other's name
    in one transaction. Until then the old one serves; afterwards it is there under another name.

    Args:
        access: The database, as its owner with the right to make databases.
        kept: Where the backup is.
        backup_id: Which one.
        tools: Programs that read it.
        replace: Whether a database that holds anything may be set aside.

    Raises:
        BackupError: Nothing was restored; what served goes on serving.
    """
    started, now = time.monotonic(), datetime.now(UTC)
    manifest = kept.manifest(backup_id)
    _require_revision(manifest)
    with access.to(MAINTENANCE).session() as session, _alone(session):
        require_server(session, manifest)
        _require_owner(session, manifest)
        _require_consent(access, session, replace=replace)
        _drop_leftovers(session, access.database)
        name = f"{access.database}_restoring_{now:%Y%m%d%H%M%S}"
        with kept.fetch(backup_id) as folder:
            new_roles = ensure_roles(session, manifest.database.roles)
            try:
                load(access, name, manifest, folder, tools)
                compare(access.to(name), manifest)
                hand_over(session, name, manifest)
            except BaseException:
                with suppress(DatabaseError):
                    session.run(f"drop database if exists {identifier(name)} with (force)")
                raise
        aside = _swap(access, session, name, now)
    return Restored(
        manifest=manifest,
        seconds=round(time.monotonic() - started, 3),
        age=round((now - manifest.taken_at).total_seconds(), 3),
        aside=aside,
        new_roles=tuple(new_roles),
    )


def _require_revision(manifest: Manifest) -> None:
    if manifest.revision is not None and manifest.revision > SCHEMA_REVISION:
        msg = (
            f"backup {manifest.id} has the schema {manifest.revision}, this code knows"
            f" {SCHEMA_REVISION}: restore it with the code it was made with"
        )
        raise IncompatibleBackupError(msg)


def _require_owner(session: Any, manifest: Manifest) -> None:
    owner = manifest.database.owner
    [[user, superuser]] = session.run(
        "select rolname::text, rolsuper from pg_roles where rolname = current_user"
    )
    if user != owner and not superuser:
        msg = f"backup {manifest.id} is of a database of {owner}; log in as {owner}, not as {user}"
        raise RestoreRefusedError(msg)


def _require_consent(access: Access, session: Any, *, replace: bool) -> None:
    if replace or not _exists(session, access.database):
        return
    with access.session() as inside:
        [[objects]] = inside.run(
            "select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace"
            " where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'"
        )
    if objects:
        msg = f"the database {access.database} is not empty; --replace sets it aside"
        raise RestoreRefusedError(msg)


def _exists(session: Any, database: str) -> bool:
    return bool(session.run("select from pg_database where datname = :name", name=database))


@contextmanager
def _alone(session: Any) -> Iterator[None]:
    [[locked]] = session.run("select pg_try_advisory_lock(:key)", key=_LOCK)
    if not locked:
        msg = "another restore is running on this server"
        raise RestoreRefusedError(msg)
    # The session's end releases it, too.
    yield
    session.run("select pg_advisory_unlock(:key)", key=_LOCK)


def _drop_leftovers(session: Any, database: str) -> None:
    """Drop what restores have loaded that were killed: no other is running."""
    for (name,) in session.run(
        "select datname::text from pg_database where starts_with(datname, :prefix)",
        prefix=f"{database}_restoring_",
    ):
        session.run(f"drop database {identifier(name)} with (force)")


def _swap(access: Access, session: Any, name: str, now: datetime) -> str | None:
    """Give a database the name of the one that serves, and return the other's new name."""
    aside = f"{access.database}_replaced_{now:%Y%m%d%H%M%S}"
    if not _exists(session, access.database):
        session.run(f"alter database {identifier(name)} rename to {identifier(access.database)}")
        return None
    with _ending_sessions(access):
        for attempt in range(_RENAME_ATTEMPTS):
            session.run("start transaction")
            try:
                for old, new in ((access.database, aside), (name, access.database)):
                    session.run(f"alter database {identifier(old)} rename to {identifier(new)}")
                session.run("commit")
            except DatabaseError:
                session.run("rollback")
                if attempt == _RENAME_ATTEMPTS - 1:
                    raise
            else:
                break
    return aside


@contextmanager
def _ending_sessions(access: Access) -> Iterator[None]:
    """End the sessions in a database for as long as the body runs.

    Renaming keeps new ones out and waits for those that are there; clients that come back between
    an end of theirs and the renaming would otherwise win.
    """
    over = threading.Event()

    def end() -> None:
        with access.to(MAINTENANCE).session() as session:
            while not over.is_set():
                session.run(
                    "select pg_terminate_backend(a.pid) from pg_stat_activity a"
                    " join pg_roles r on r.oid = a.usesysid"
                    " where a.datname = :name and (not r.rolsuper or"
                    " (select rolsuper from pg_roles where rolname = current_user))",
                    name=access.database,
                )
                over.wait(_TERMINATE_EVERY_S)

    ending = threading.Thread(target=end, daemon=True)
    ending.start()
    try:
        yield
    finally:
        over.set()
        ending.join()
