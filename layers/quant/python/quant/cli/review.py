"""``quant review``: decide what the pipeline does not guess."""

import getpass
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quant.errors import InvalidInputError, NotFoundError, StoreUnavailableError

if TYPE_CHECKING:
    from sqlalchemy import Connection

app = typer.Typer(
    no_args_is_help=True,
    help="Symbols, amendments, scans and documents that wait for somebody's decision.",
)

_KINDS = "ticker, amendment, scan or document"
Kind = Annotated[str, typer.Argument(help=f"{_KINDS[0].upper()}{_KINDS[1:]}.")]
Subject = Annotated[str, typer.Argument(help="As `quant review list` shows it.")]
Reason = Annotated[str | None, typer.Option(help="Why; kept with the decision.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

# SQLAlchemy is imported by the commands that use it: it would cost every other command a second.


def _kind(value: str) -> Any:
    from quant.pipeline.review import ReviewKind  # noqa: PLC0415

    try:
        return ReviewKind(value)
    except ValueError:
        raise typer.BadParameter(f"not {_KINDS}: {value!r}") from None


def _run[T](query: "Callable[[Connection], T]") -> T:
    from quant.db.session import write  # noqa: PLC0415

    try:
        return write(query)
    except (InvalidInputError, NotFoundError, StoreUnavailableError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


@app.command("list")
def list_command(
    kind: Annotated[str | None, typer.Argument(help=f"Only {_KINDS}.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Items of each kind.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List what is to be decided."""
    from quant.pipeline.review import ReviewKind, pending  # noqa: PLC0415

    kinds = [_kind(kind)] if kind else list(ReviewKind)
    items = _run(lambda connection: [i for one in kinds for i in pending(connection, one, limit)])
    for item in items:
        if as_json:
            typer.echo(
                json.dumps(
                    {
                        "kind": item.kind,
                        "subject": item.subject,
                        "summary": item.summary,
                        "rows": item.rows,
                    }
                )
            )
        else:
            lines = f"  ({item.rows} lines)" if item.rows > 1 else ""
            typer.echo(f"{item.kind}  {item.subject}  {item.summary}{lines}")
    if not items and not as_json:
        typer.echo("nothing is to be decided")


@app.command("show")
def show_command(kind: Kind, subject: Subject) -> None:
    """Show what is known of an item, as JSON, a row a line."""
    from quant.pipeline.review import details  # noqa: PLC0415

    chosen = _kind(kind)
    for row in _run(lambda connection: details(connection, chosen, subject)):
        typer.echo(json.dumps(row, default=str))


@app.command("accept")
def accept_command(
    kind: Kind,
    subject: Subject,
    *,
    symbol: Annotated[str | None, typer.Option(help="The asset's symbol.")] = None,
    replaces: Annotated[str | None, typer.Option(help="Trade id a line amends.")] = None,
    amends: Annotated[str | None, typer.Option(help="Document id a report amends.")] = None,
    reason: Reason = None,
) -> None:
    """Decide on a symbol or an amendment, or take a scan or a document off the list."""
    given = {"symbol": symbol, "replaces": replaces, "amends": amends}
    _decide(kind, subject, {name: value for name, value in given.items() if value}, reason)


@app.command("reject")
def reject_command(kind: Kind, subject: Subject, reason: Reason = None) -> None:
    """Decide that an asset has no symbol, or that an amendment amends nothing that is there."""
    _decide(kind, subject, None, reason)


def _decide(kind: str, subject: str, value: dict[str, str] | None, reason: str | None) -> None:
    from quant.pipeline.review import decide  # noqa: PLC0415

    chosen, by = _kind(kind), getpass.getuser()
    _run(lambda connection: decide(connection, chosen, subject, value=value, by=by, reason=reason))
    typer.echo(f"{kind} {subject}: {'rejected' if value is None else 'accepted'}")
