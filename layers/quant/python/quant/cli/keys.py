"""``quant keys``: the keys that access tokens are signed with."""

import typer

from quant.keys import ensure_keys
from quant.settings import SigningSettings

app = typer.Typer(no_args_is_help=True, help="The keys that access tokens are signed with.")


@app.callback()
def keys() -> None:
    """Keep ``keys`` a group although it has one command."""


@app.command()
def ensure() -> None:
    """Make the first signing key if there is none, and publish its public half."""
    settings = SigningSettings()
    kid = ensure_keys(settings.signing_key_secret_arn, settings.jwks_secret_arn)
    typer.echo(f"tokens are signed with key {kid}")
