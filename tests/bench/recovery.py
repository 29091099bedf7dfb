"""Time of backup, verification and restore by size of the database: a table for docs/recovery.md.

``python tests/bench/recovery.py`` starts a Postgres of its own; ``--rows`` are trades besides those
of the synthetic sample.
"""

import argparse
import os
import platform
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(PROJECT / "tests"), str(PROJECT / "localstack")]

from sqlalchemy import create_engine  # noqa: E402
from supervisor.database import OWNER_ROLE, ensure_database, ensure_roles  # noqa: E402
from supervisor.servers import PostgresServer  # noqa: E402
from support import server_directory  # noqa: E402

from quant.backup.dump import create  # noqa: E402
from quant.backup.places import FolderPlace  # noqa: E402
from quant.backup.restore import restore  # noqa: E402
from quant.backup.server import Access  # noqa: E402
from quant.backup.tools import Tools  # noqa: E402
from quant.backup.verify import verify  # noqa: E402
from quant.db.migrate import upgrade  # noqa: E402
from quant.ingest.seed import seed  # noqa: E402
from quant.secrets import SecretStr  # noqa: E402
from quant.settings import Credentials  # noqa: E402

HEADER = (
    "| rows | database, MB | backup, MB | create, s | verify, s | RTO, s |",
    "|---:|---:|---:|---:|---:|---:|",
)
# Copies of the sample's trades under other identifiers; the rest of a row is the sample's.
GROW = """
insert into trades ({columns})
select {values} from trades t cross join generate_series(1, {copies}) as g
"""
COLUMNS = """
select column_name::text from information_schema.columns
where table_name = 'trades' and is_generated = 'NEVER' order by ordinal_position
"""
OTHERS = {
    "id": "gen_random_uuid()",
    "line_hash": "encode(sha256(gen_random_uuid()::text::bytea), 'hex')",
}


@contextmanager
def served() -> Iterator[tuple[Access, Path]]:
    password = secrets.token_urlsafe(16)
    with server_directory("recovery") as directory:
        server = PostgresServer(directory / "data", secrets.token_urlsafe(16))
        server.start()
        try:
            server.wait_ready()
            ensure_roles(server, password, secrets.token_urlsafe(16))
            ensure_database(server)
            engine = create_engine(server.url("quant", OWNER_ROLE, password))
            upgrade(engine)
            seed(engine)
            engine.dispose()
            access = Access(
                host=server.host,
                port=server.port,
                database="quant",
                tls=False,
                credentials=lambda: Credentials(username=OWNER_ROLE, password=SecretStr(password)),
            )
            yield access, directory / "backups"
        finally:
            server.stop()


def grow(access: Access, rows: int) -> None:
    with access.session() as session:
        [[there]] = session.run("select count(*)::int from trades")
        columns = [name for (name,) in session.run(COLUMNS)]
        values = [OTHERS.get(name, f"t.{name}") for name in columns]
        statement = GROW.format(
            columns=", ".join(columns), values=", ".join(values), copies=rows // there
        )
        session.run(statement)
        session.run("analyze")


def measure(access: Access, folder: Path) -> str:
    tools, kept = Tools.find(server=True), FolderPlace(folder)
    with kept.workspace() as work:
        manifest = create(access, work, tools)
        kept.keep(work, manifest)
    started = time.monotonic()
    verify(kept, manifest.id, tools)
    verified = time.monotonic() - started
    with access.session() as session:
        [[size]] = session.run("select pg_database_size(current_database())")
    restored = restore(access, kept, manifest.id, tools, replace=True)
    return (
        f"| {manifest.rows:,} | {size / 1e6:,.0f} | {manifest.size / 1e6:,.1f}"
        f" | {manifest.seconds:.1f} | {verified:.1f} | {restored.seconds:.1f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="*", default=[100_000, 1_000_000])
    rows = parser.parse_args().rows
    print(f"{os.cpu_count()} processors, {platform.machine()}\n\n" + "\n".join(HEADER))
    with served() as (access, folder):
        print(measure(access, folder), flush=True)
        for number in rows:
            grow(access, number)
            print(measure(access, folder), flush=True)


if __name__ == "__main__":
    main()
