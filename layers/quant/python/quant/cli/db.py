"""``quant db``: the schema of the database."""

import typer

app = typer.Typer(no_args_is_help=True, help="The schema of the database.")

# Alembic is imported by the commands that use it: it would cost every other command a second.


@app.command("upgrade")
def upgrade_command() -> None:
    """Migrate the database to the newest revision; needs the credentials of the schema's owner."""
    from quant.db.migrate import head, upgrade  # noqa: PLC0415
    from quant.db.session import database_url  # noqa: PLC0415
    from quant.settings import database_settings  # noqa: PLC0415

    upgrade(database_url(database_settings()))
    typer.echo(f"the schema is at revision {head()}")


@app.command("head")
def head_command() -> None:
    """Print the newest revision this code knows."""
    from quant.db.migrate import head  # noqa: PLC0415

    typer.echo(head())
