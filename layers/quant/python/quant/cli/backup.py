"""``quant backup``: dumps of the database that are known to restore (docs/recovery.md)."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from quant.backup.manifest import Manifest
    from quant.backup.places import Place
    from quant.backup.server import Access

app = typer.Typer(no_args_is_help=True, help="Backups of the database.")

# SQLAlchemy and boto3 are imported by the commands that use them.

Target = Annotated[
    str, typer.Argument(help="A folder, or s3://<bucket>/<prefix>, with backups in it.")
]
Id = Annotated[
    str | None, typer.Option("--id", help="Which backup; without it the newest.", metavar="ID")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("create")
def create_command(target: Target, as_json: Json = False) -> None:
    """Dump the database in one snapshot; needs the right to read all of it."""
    from quant.backup.dump import create  # noqa: PLC0415
    from quant.backup.tools import Tools  # noqa: PLC0415

    with _failures():
        kept = _place(target)
        with kept.workspace() as folder:
            manifest = create(_access(), folder, Tools.find())
            kept.keep(folder, manifest)
    if as_json:
        typer.echo(json.dumps(_summary(manifest)))
    else:
        typer.echo(f"backup {manifest.id}: {_content(manifest)}, made in {manifest.seconds:.1f} s")
        typer.echo(f"content {manifest.content_sha256}")


@app.command("list")
def list_command(target: Target, as_json: Json = False) -> None:
    """Show the backups, oldest first."""
    with _failures():
        kept = _place(target)
        manifests = [kept.manifest(backup_id) for backup_id in kept.ids()]
    if as_json:
        typer.echo(json.dumps([_summary(manifest) for manifest in manifests]))
        return
    for manifest in manifests:
        typer.echo(f"{manifest.id}  schema {manifest.revision}  {_content(manifest)}")


@app.command("verify")
def verify_command(target: Target, backup_id: Id = None, as_json: Json = False) -> None:
    """Restore a backup into a server of its own and compare all; exit with 1 if it is not whole.

    Needs no access to the database.
    """
    from quant.backup.tools import Tools  # noqa: PLC0415
    from quant.backup.verify import verify  # noqa: PLC0415

    with _failures():
        kept = _place(target)
        found = verify(kept, _chosen(kept, backup_id), Tools.find(server=True))
    if as_json:
        answer = {
            **_summary(found.manifest),
            "restore_seconds": found.restore_seconds,
            "audit_entries": found.audit_entries,
        }
        typer.echo(json.dumps(answer))
    else:
        typer.echo(
            f"backup {found.manifest.id} is whole: {_content(found.manifest)},"
            f" {found.audit_entries} audit entries, restored in {found.restore_seconds:.1f} s"
        )


@app.command("restore")
def restore_command(
    target: Target,
    backup_id: Id = None,
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Set a database that is not empty aside; it is kept."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON; needs --yes.")] = False,
) -> None:
    """Put a backup in the place of the database; needs the credentials of the schema's owner.

    Until it is loaded and compared the old database serves; then its sessions are ended.
    """
    from quant.backup.restore import restore  # noqa: PLC0415
    from quant.backup.tools import Tools  # noqa: PLC0415

    with _failures():
        kept, access = _place(target), _access()
        chosen = _chosen(kept, backup_id)
        manifest = kept.manifest(chosen)
        if not yes:
            typer.confirm(
                f"Restore backup {chosen} ({_content(manifest)}) as {access.database} on"
                f" {access.host}:{access.port}?",
                abort=True,
            )
        restored = restore(access, kept, chosen, Tools.find(), replace=replace)
    if as_json:
        answer = {
            **_summary(restored.manifest),
            "rto_seconds": restored.seconds,
            "rpo_seconds": restored.age,
            "aside": restored.aside,
            "new_roles": restored.new_roles,
        }
        typer.echo(json.dumps(answer))
        return
    typer.echo(f"restored {_content(restored.manifest)}; every table's digest is the backup's")
    typer.echo(f"content {restored.manifest.content_sha256}")
    typer.echo(f"RTO {restored.seconds:.1f} s: from the command until the database served")
    typer.echo(f"RPO {restored.age:.1f} s: what was written since the snapshot is lost")
    if restored.aside:
        typer.echo(f"what was replaced is the database {restored.aside}")
    if restored.new_roles:
        typer.echo(f"roles made without a password: {', '.join(restored.new_roles)}")


@app.command("prune")
def prune_command(
    target: Target,
    keep_daily: Annotated[int, typer.Option(min=0, help="Newest of each of so many days.")],
    keep_monthly: Annotated[int, typer.Option(min=0, help="Newest of each of so many months.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
) -> None:
    """Remove the backups that neither a day nor a month keeps."""
    from quant.backup.retention import expendable  # noqa: PLC0415

    with _failures():
        kept = _place(target)
        try:
            ids = expendable(kept.ids(), keep_daily=keep_daily, keep_monthly=keep_monthly)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error
        for backup_id in ids:
            if not dry_run:
                kept.remove(backup_id)
            typer.echo(backup_id)


@app.command("drill")
def drill_command(target: Target) -> None:
    """Dump, restore the dump in a server of its own, compare, and only then keep it.

    Prints one line of JSON, a record of CloudWatch's embedded metric format.
    """
    from quant.backup.drill import drill, log_line  # noqa: PLC0415
    from quant.backup.tools import Tools  # noqa: PLC0415

    with _failures():
        done = drill(_access(), _place(target), Tools.find(server=True))
    typer.echo(json.dumps(log_line(done)))


def _access() -> "Access":
    from quant.backup.server import Access  # noqa: PLC0415
    from quant.settings import database_settings  # noqa: PLC0415

    return Access.of(database_settings())


def _place(target: str) -> "Place":
    from quant.backup.places import place  # noqa: PLC0415

    return place(target)


def _chosen(kept: "Place", backup_id: str | None) -> str:
    from quant.backup.places import newest  # noqa: PLC0415

    return backup_id or newest(kept)


def _content(manifest: "Manifest") -> str:
    return (
        f"{manifest.rows} rows in {len(manifest.tables)} tables,"
        f" {manifest.size / 1e6:.1f} MB compressed"
    )


def _summary(manifest: "Manifest") -> dict[str, Any]:
    return {
        "id": manifest.id,
        "taken_at": manifest.taken_at.isoformat(),
        "seconds": manifest.seconds,
        "rows": manifest.rows,
        "tables": len(manifest.tables),
        "bytes": manifest.size,
        "revision": manifest.revision,
        "audit_head": manifest.audit_head,
        "content_sha256": manifest.content_sha256,
    }


@contextmanager
def _failures() -> Iterator[None]:
    """Exit with 1 and one line where a backup or the server is at fault."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415
    from pg8000.exceptions import Error  # noqa: PLC0415

    from quant.errors import QuantError  # noqa: PLC0415

    try:
        yield
    except (QuantError, BotoCoreError, ClientError, Error, OSError) as error:
        typer.echo(f"backup: {error}", err=True)
        raise typer.Exit(1) from error
