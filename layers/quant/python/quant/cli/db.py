"""``quant db``: the schema of the database."""

from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="The schema of the database.")

# Alembic is imported by the commands that use it: it would cost every other command a second.


@app.command("upgrade")
def upgrade_command() -> None:
    """Migrate the database to the newest revision; needs the credentials of the schema's owner."""
    from quant.db.migrate import upgrade  # noqa: PLC0415
    from quant.db.session import database_url  # noqa: PLC0415
    from quant.errors import QuantError  # noqa: PLC0415
    from quant.settings import database_settings  # noqa: PLC0415

    try:
        outcome = upgrade(database_url(database_settings()))
    except QuantError as error:
        typer.echo(f"not migrated: {error}", err=True)
        raise typer.Exit(1) from error
    typer.echo(f"the schema is at revision {outcome.after}")


@app.command("tracking")
def tracking_command(
    secret: Annotated[
        str, typer.Option(help="ARN or name of the secret with the tracking server's credentials.")
    ],
) -> None:
    """Make the tracking server's database; needs the credentials of the schema's owner."""
    from quant.db.session import engine  # noqa: PLC0415
    from quant.db.tracking import DATABASE, ensure_tracking  # noqa: PLC0415
    from quant.secrets import read_secret  # noqa: PLC0415
    from quant.settings import Credentials  # noqa: PLC0415

    with engine().connect() as connection:
        ensure_tracking(connection, Credentials.from_json(read_secret(secret)))
    typer.echo(f"the database {DATABASE} is there")


@app.command("head")
def head_command() -> None:
    """Print the newest revision this code knows."""
    from quant.db.migrate import head  # noqa: PLC0415

    typer.echo(head())
