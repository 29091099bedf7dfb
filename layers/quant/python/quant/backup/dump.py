"""Make a backup: the database and what is known of it, both of one snapshot."""

import time
from datetime import UTC
from pathlib import Path
from typing import Any, Final

from quant.backup import content
from quant.backup.definitions import DATABASE, DATABASE_GRANTS, DEFINITIONS, ROLES
from quant.backup.manifest import FORMAT, MANIFEST, Database, File, Manifest
from quant.backup.server import Access
from quant.backup.tools import Tools

DUMP: Final = "database.dump"
# pg_dump must rather fail than queue behind a change of the schema.
_LOCK_WAIT_MS: Final = 30_000


def create(access: Access, folder: Path, tools: Tools) -> Manifest:
    """Dump a database into a folder and write the manifest last.

    pg_dump and the digests read the same exported snapshot: writes go on meanwhile, and none of
    them is in one of both alone.
    https://www.postgresql.org/docs/18/functions-admin.html#FUNCTIONS-SNAPSHOT-SYNCHRONIZATION

    Args:
        access: The database, with the right to read all of it.
        folder: An empty folder.
        tools: Programs at least as new as the server.

    Raises:
        ToolError: pg_dump failed, or is older than the server.
    """
    started = time.monotonic()
    with access.session() as session:
        content.prepare(session)
        # Sequences know no snapshots: read before the dump, they are never later than it.
        sequences = content.sequences(session)
        session.run("start transaction isolation level repeatable read read only")
        [[snapshot, taken_at, version]] = session.run(
            "select pg_export_snapshot(), transaction_timestamp(),"
            " current_setting('server_version_num')::int"
        )
        tools.require(version)
        path = folder / DUMP
        arguments = [
            "--format=custom",
            # What every build of the programs can read.
            "--compress=gzip:6",
            "--no-subscriptions",
            "--no-password",
            f"--lock-wait-timeout={_LOCK_WAIT_MS}",
            f"--snapshot={snapshot}",
            f"--file={path}",
        ]
        with tools.running("pg_dump", arguments, access.environment()):
            tables = content.tables(session)
            kinds = content.schema(session, DEFINITIONS)
            database = _database(session, access.database)
            landmarks = content.landmarks(session)
        session.run("rollback")
    manifest = Manifest(
        format=FORMAT,
        taken_at=taken_at.astimezone(UTC),
        seconds=round(time.monotonic() - started, 3),
        server_version=version,
        dumped_by=".".join(map(str, tools.version)),
        revision=landmarks.revision,
        data_version=landmarks.data_version,
        audit_head=landmarks.audit_head,
        database=database,
        files=(File.of(path),),
        tables=tables,
        sequences=sequences,
        schema_kinds=kinds,
        content_sha256=content.total(tables),
    )
    (folder / MANIFEST).write_bytes(manifest.document())
    return manifest


def _database(session: Any, name: str) -> Database:
    [[owner, comment, settings]] = session.run(DATABASE)
    return Database(
        name=name,
        owner=owner,
        comment=comment,
        settings=tuple(settings),
        grants=tuple((grantee, privilege) for grantee, privilege in session.run(DATABASE_GRANTS)),
        roles=tuple(role for (role,) in session.run(ROLES)),
    )
