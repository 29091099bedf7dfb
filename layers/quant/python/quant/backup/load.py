"""Load a dump into a new database, and compare what is there with the manifest."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pg8000.native import identifier, literal

from quant.audit.chain import Anchor, Verified
from quant.audit.maintenance import verify_log
from quant.backup import content
from quant.backup.definitions import DEFINITIONS
from quant.backup.dump import DUMP
from quant.backup.errors import ContentMismatchError, IncompatibleBackupError
from quant.backup.manifest import Kind, Manifest, Table
from quant.backup.server import MAINTENANCE, Access
from quant.backup.tools import Tools

_JOBS: Final = 2
_PUBLIC: Final = "public"


def require_server(session: Any, manifest: Manifest) -> None:
    """Check that a server is not older than the one that was dumped.

    Raises:
        IncompatibleBackupError: It is.
    """
    [[version]] = session.run("select current_setting('server_version_num')::int")
    mine, theirs = version // 10_000, manifest.server_version // 10_000
    if theirs > mine:
        msg = f"backup {manifest.id} is of PostgreSQL {theirs}, this server is {mine}"
        raise IncompatibleBackupError(msg)


def load(access: Access, name: str, manifest: Manifest, folder: Path, tools: Tools) -> None:
    """Make a database of a backup: content, owner, rights, settings.

    Args:
        access: The server, as the backup's owner or a superuser.
        name: Of the new database.
        manifest: The backup.
        folder: Its files, checked.
        tools: Programs that read it.

    Raises:
        ToolError: pg_restore failed; the database is as far as it came.
    """
    with access.to(MAINTENANCE).session() as session:
        session.run(
            f"create database {identifier(name)} owner {identifier(manifest.database.owner)}"
            " template template0 encoding 'UTF8'"
        )
        # Nobody else gets in before it is known to be right.
        session.run(f"revoke all on database {identifier(name)} from public")
    arguments = [
        "--exit-on-error",
        "--no-password",
        f"--jobs={_JOBS}",
        f"--dbname={name}",
        str(folder / DUMP),
    ]
    tools.run("pg_restore", arguments, access.environment())
    with access.to(name).session() as session:
        session.run("analyze")


def hand_over(session: Any, database: str, manifest: Manifest) -> None:
    """Give a database the rights, settings and comment that the one dumped had."""
    database = identifier(database)
    for grantee, privilege in manifest.database.grants:
        role = grantee if grantee == _PUBLIC else identifier(grantee)
        session.run(f"grant {privilege} on database {database} to {role}")
    for setting in manifest.database.settings:
        parameter, _, value = setting.partition("=")
        name = ".".join(map(identifier, parameter.split(".")))
        session.run(f"alter database {database} set {name} to {literal(value)}")
    if manifest.database.comment is not None:
        session.run(f"comment on database {database} is {literal(manifest.database.comment)}")


def compare(access: Access, manifest: Manifest) -> None:
    """Compare a restored database with the manifest, down to every row and right.

    Raises:
        ContentMismatchError: They differ; the error says in what.
    """
    with access.session() as session:
        content.prepare(session)
        session.run("start transaction isolation level repeatable read read only")
        [[version]] = session.run("select current_setting('server_version_num')::int")
        tables = content.tables(session)
        sequences = content.sequences(session)
        landmarks = content.landmarks(session)
        kinds = content.schema(session, DEFINITIONS)
        session.run("rollback")
    differences = list(_tables(manifest.tables, tables))
    differences += [
        f"sequence {name} is before {value}"
        for name, value in manifest.sequences.items()
        if sequences.get(name, value - 1) < value
    ]
    # Another major version may print the same definition in another way.
    if version // 10_000 == manifest.server_version // 10_000:
        differences += _kinds(manifest.schema_kinds, kinds)
    if landmarks.revision != manifest.revision:
        differences.append(
            f"the schema is at revision {landmarks.revision} instead of {manifest.revision}"
        )
    if differences:
        raise ContentMismatchError(differences)


def verify_audit(access: Access, manifest: Manifest) -> Verified | None:
    """Verify the restored audit log up to the end that the manifest names.

    Returns:
        What was found whole; ``None`` where the backup has no audit log.

    Raises:
        ChainBrokenError: The log was changed, before or after the backup.
    """
    if manifest.audit_head is None:
        return None
    engine = access.engine()
    try:
        return verify_log(engine, (Anchor.parse(manifest.audit_head),))
    finally:
        engine.dispose()


def _tables(expected: Mapping[str, Table], found: Mapping[str, Table]) -> list[str]:
    differences = []
    for name in sorted(expected.keys() | found.keys()):
        mine, theirs = found.get(name), expected.get(name)
        if mine is None:
            differences.append(f"table {name} is missing")
        elif theirs is None:
            differences.append(f"table {name} is not of the backup")
        elif mine.rows != theirs.rows:
            differences.append(f"table {name} has {mine.rows} rows instead of {theirs.rows}")
        elif mine != theirs:
            differences.append(f"table {name} has other rows")
    return differences


def _kinds(expected: Mapping[str, Kind], found: Mapping[str, Kind]) -> list[str]:
    return [
        f"objects of kind {kind}: {found[kind].count} instead of {known.count}"
        if found[kind].count != known.count
        else f"objects of kind {kind} have other definitions"
        for kind, known in expected.items()
        if kind in found and found[kind] != known
    ]
