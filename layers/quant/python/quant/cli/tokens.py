"""``quant token``: demo access tokens for the local environment."""

import os
from typing import Annotated

import typer

from quant.demo import demo_token
from quant.settings import Environment, SigningSettings
from quant.tiers import TIERS


def token(
    tier: Annotated[str, typer.Option(help=f"One of {', '.join(TIERS)}.")] = "free",
    subject: Annotated[
        str | None, typer.Option(help="Account the token speaks for; a new one by default.")
    ] = None,
    lifetime: Annotated[
        int | None, typer.Option(min=1, help="Seconds until it expires; 30 minutes by default.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print the token alone.")] = False,
) -> None:
    """Mint a demo access token; in the local environment only."""
    if os.environ.get("QUANT_ENVIRONMENT") != Environment.LOCAL:
        typer.echo("demo tokens are minted in the local environment only", err=True)
        raise typer.Exit(2)
    if tier not in TIERS:
        typer.echo(f"there is no tier {tier!r}; choose one of {', '.join(TIERS)}", err=True)
        raise typer.Exit(2)
    minted = demo_token(SigningSettings(), tier, subject=subject, lifetime_s=lifetime)
    typer.echo(minted if quiet else f"access token, tier {tier}:\n{minted}")
