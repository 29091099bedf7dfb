"""``quant audit``: keep and verify the audit log."""

import json
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sqlalchemy import Engine

app = typer.Typer(no_args_is_help=True, help="The append-only audit log.")

# SQLAlchemy is imported by the commands that use it: it would cost every other command a second.


def _engine() -> "Engine":
    from quant.db.session import engine  # noqa: PLC0415

    return engine()


@app.command("verify")
def verify_command(
    anchor: Annotated[
        list[str] | None,
        typer.Option(help="<sequence>:<hash> kept from `quant audit anchor`; may be repeated."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Recompute the hash chain; exit with 1 and name the first bad entry if the log was changed."""
    from quant.audit.chain import Anchor, ChainBrokenError  # noqa: PLC0415
    from quant.audit.maintenance import verify_log  # noqa: PLC0415

    try:
        known = tuple(Anchor.parse(value) for value in anchor or ())
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--anchor") from error
    try:
        verified = verify_log(_engine(), known)
    except ChainBrokenError as error:
        if as_json:
            answer = {"valid": False, "sequence": error.sequence, "reason": error.reason}
            typer.echo(json.dumps(answer))
        else:
            typer.echo(f"the audit log was changed: {error}", err=True)
        raise typer.Exit(1) from error
    if as_json:
        answer = {"valid": True, "entries": verified.entries, "head": str(verified.end)}
        typer.echo(json.dumps(answer))
    else:
        typer.echo(f"{verified.entries} entries, unbroken up to {verified.end}")


@app.command("anchor")
def anchor_command() -> None:
    """Print the chain's head, to be kept where the database's administrators cannot write."""
    from quant.audit.maintenance import current_anchor  # noqa: PLC0415

    typer.echo(str(current_anchor(_engine())))


@app.command("months")
def months_command(
    ahead: Annotated[int, typer.Option(min=0, help="Months after this one.")] = 12,
) -> None:
    """Make the partitions of the next months; needs the credentials of the schema's owner."""
    from quant.audit.maintenance import create_months  # noqa: PLC0415

    typer.echo(f"{create_months(_engine(), ahead)} months made")


def _month(value: str) -> date:
    try:
        return datetime.strptime(value, "%Y-%m").replace(tzinfo=UTC).date()
    except ValueError as error:
        msg = "a month is YYYY-MM"
        raise typer.BadParameter(msg) from error


@app.command("purge")
def purge_command(
    before: Annotated[
        date, typer.Option(parser=_month, metavar="YYYY-MM", help="Keep this month and later ones.")
    ],
) -> None:
    """Drop the oldest months whose entries have all expired; needs the owner's credentials."""
    from quant.audit.chain import ChainBrokenError  # noqa: PLC0415
    from quant.audit.maintenance import PurgeRefusedError, purge  # noqa: PLC0415

    try:
        purged = purge(_engine(), before)
    except (ChainBrokenError, PurgeRefusedError) as error:
        typer.echo(f"nothing purged: {error}", err=True)
        raise typer.Exit(1) from error
    dropped = ", ".join(f"{month:%Y-%m}" for month in purged.months) or "none"
    typer.echo(f"months dropped: {dropped}")
    if purged.anchor:
        typer.echo(f"the log now starts after {purged.anchor}")
