"""``quant account``: accounts made by whoever operates the platform, such as the first admin."""

import sys
from typing import Annotated

import typer

from quant.errors import ConflictError, InvalidInputError, StoreUnavailableError
from quant.tiers import TIERS
from quant.vocabulary import Role

app = typer.Typer(no_args_is_help=True, help="Accounts.")


@app.callback()
def accounts() -> None:
    """Keep ``account`` a group although it has one command."""


def _password() -> str:
    if sys.stdin.isatty():
        prompted: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
        return prompted
    return sys.stdin.readline().rstrip("\r\n")


@app.command()
def create(
    email: Annotated[str, typer.Option(help="Address to log in with; it is not mailed.")],
    tier: Annotated[str, typer.Option(help=f"One of {', '.join(TIERS)}.")] = "free",
    admin: Annotated[bool, typer.Option("--admin", help="Make it an administrator.")] = False,
) -> None:
    """Make an account that is verified already.

    The password is asked for at a terminal, and read from the first line of standard input
    elsewhere.
    """
    # Imported here: SQLAlchemy would cost every other command a second.
    from quant.accounts.registration import create_verified  # noqa: PLC0415

    if tier not in TIERS:
        typer.echo(f"there is no tier {tier!r}; choose one of {', '.join(TIERS)}", err=True)
        raise typer.Exit(2)
    role = Role.ADMIN if admin else Role.USER
    try:
        account_id = create_verified(email, _password(), tier=tier, role=role)
    except (InvalidInputError, ConflictError, StoreUnavailableError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    typer.echo(f"account {account_id}: {role}, tier {tier}")
