"""``quant db``: the schema of the database."""

import typer

from quant.db.migrate import head, upgrade
from quant.db.session import database_url
from quant.settings import database_settings

app = typer.Typer(no_args_is_help=True, help="The schema of the database.")


@app.command("upgrade")
def upgrade_command() -> None:
    """Migrate the database to the newest revision; needs the credentials of the schema's owner."""
    upgrade(database_url(database_settings()))
    typer.echo(f"the schema is at revision {head()}")


@app.command("head")
def head_command() -> None:
    """Print the newest revision this code knows."""
    typer.echo(head())
