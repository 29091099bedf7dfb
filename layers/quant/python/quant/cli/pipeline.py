"""``quant pipeline``: look at the pipeline, redrive what was set aside, parse documents again."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quant.errors import ConflictError, NotFoundError, StoreUnavailableError
from quant.pipeline.queues import Queue
from quant.pipeline.raw import PREFIX, DocumentKind

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bars

    from quant.pipeline.freshness import Freshness
    from quant.pipeline.operations import Depth, Operations, Progress

app = typer.Typer(no_args_is_help=True, help="The pipeline of official filings.")

# rich, SQLAlchemy and boto3 are imported by the commands that use them.


def _day(value: str) -> date:
    try:
        return datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError as error:
        msg = "a day is YYYY-MM-DD"
        raise typer.BadParameter(msg) from error


def _below_raw(value: str) -> str:
    if not value.startswith(PREFIX):
        msg = f"raw documents are below {PREFIX}"
        raise typer.BadParameter(msg)
    return value


Environment = Annotated[
    str, typer.Option(envvar="QUANT_ENVIRONMENT", help="Whose pipeline: local, dev or prod.")
]
Bucket = Annotated[
    str, typer.Option(envvar="QUANT_RAW_BUCKET", help="The bucket of raw documents.")
]
Day = Annotated[date | None, typer.Option(parser=_day, metavar="YYYY-MM-DD")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("status")
def status_command(environment: Environment, as_json: Json = False) -> None:
    """Show how fresh the data is, what is left to do, the queues and running backfills."""
    from quant.db.session import read  # noqa: PLC0415
    from quant.pipeline.freshness import read_freshness  # noqa: PLC0415
    from quant.pipeline.work import work_by_source  # noqa: PLC0415

    with _failures():
        operations = _operations(environment)
        freshness = read(read_freshness)
        work = read(work_by_source)
        depths = operations.depths()
        backfills = [operations.backfill_progress(arn) for arn in operations.running_backfills()]
    if as_json:
        answer = {
            "freshness": asdict(freshness),
            "work": {source.value: asdict(done) for source, done in work.items()},
            "queues": {queue.value: asdict(depth) for queue, depth in depths.items()},
            "backfills": [asdict(progress) for progress in backfills],
        }
        typer.echo(json.dumps(answer, indent=2, default=str))
        return
    console = _console()
    _print_freshness(console, freshness)
    _print_queues(console, depths)
    with _bars(console) as bars:
        for source, done in work.items():
            bars.add_task(f"{source} filings", total=done.listed, completed=done.processed)
        for progress in backfills:
            _add(bars, "backfill", progress)


@app.command("redrive")
def redrive_command(
    environment: Environment,
    queues: Annotated[
        list[Queue] | None, typer.Argument(help="Which queues; by default all of them.")
    ] = None,
) -> None:
    """Move what was set aside back to its queue, where it is tried again."""
    with _failures():
        operations = _operations(environment)
        failed = False
        with _bars(_console()) as bars:
            for queue in queues or list(Queue):
                last = _follow(bars, f"{queue} redriven", operations.redrive(queue))
                failed |= last.status != "COMPLETED"
    if failed:
        typer.echo("not all messages were moved", err=True)
        raise typer.Exit(1)


@app.command("replay")
def replay_command(
    environment: Environment,
    bucket: Bucket,
    kind: Annotated[DocumentKind | None, typer.Option(help="Documents of this kind alone.")] = None,
    since: Day = None,
    until: Day = None,
) -> None:
    """Queue raw documents to be parsed again, all of them or those collected on some days.

    Parsing a document again changes nothing, unless the parser or a review has changed.
    """
    queued = 0
    with _failures():
        operations = _operations(environment)
        with _bars(_console()) as bars:
            task = bars.add_task("documents queued", total=None)
            for number in operations.replay(operations.keys(bucket, kind, since, until)):
                queued += number
                bars.update(task, completed=queued)
            bars.update(task, total=queued)
    typer.echo(f"{queued} documents queued")


@app.command("backfill")
def backfill_command(
    environment: Environment,
    prefix: Annotated[
        str, typer.Option(callback=_below_raw, help="Prefix of the keys, such as raw/house-ptr/.")
    ] = PREFIX,
    tolerate: Annotated[
        float, typer.Option(min=0, max=100, help="Per cent of documents that may fail.")
    ] = 1.0,
    wait: Annotated[bool, typer.Option(help="Wait until it ends.")] = True,
) -> None:
    """Have Step Functions parse all raw documents below a prefix, as many at a time as it can."""
    with _failures():
        operations = _operations(environment)
        execution = operations.start_backfill(prefix, tolerate)
        typer.echo(execution)
        if not wait:
            return
        with _bars(_console()) as bars:
            last = _follow(bars, "documents parsed", operations.follow_backfill(execution))
    typer.echo(f"{last.status.lower()}: {last.done} of {last.total} parsed, {last.failed} failed")
    if last.status != "SUCCEEDED":
        raise typer.Exit(1)


def _operations(environment: str) -> "Operations":
    from quant.pipeline.operations import Operations  # noqa: PLC0415

    return Operations(environment)


@contextmanager
def _failures() -> Iterator[None]:
    """End the command with a message where something that it needs is not there."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    try:
        yield
    except (
        BotoCoreError,
        ClientError,
        ConflictError,
        NotFoundError,
        StoreUnavailableError,
    ) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error


def _console() -> "Console":
    from rich.console import Console  # noqa: PLC0415

    return Console(highlight=False)


def _bars(console: "Console") -> "Bars":
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
    )

    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=console
    )


def _add(bars: "Bars", description: str, progress: "Progress") -> Any:
    return bars.add_task(
        description, total=progress.total, completed=progress.done + progress.failed
    )


def _follow(bars: "Bars", description: str, steps: "Iterator[Progress]") -> "Progress":
    last = next(steps)
    task = _add(bars, description, last)
    for last in steps:
        bars.update(task, total=last.total, completed=last.done + last.failed)
    return last


def _print_freshness(console: "Console", freshness: "Freshness") -> None:
    from rich.table import Table  # noqa: PLC0415

    table = Table("source", "state", "last run", "last completed", "latest disclosure")
    for source in freshness.sources:
        last = f"{source.last_outcome} {_time(source.last_run_at)}" if source.last_outcome else ""
        day = source.latest_disclosure
        table.add_row(
            source.name,
            source.state,
            last,
            _time(source.last_success_at),
            day.isoformat() if day else "",
        )
    console.print(table)
    backlog = freshness.backlog
    console.print(f"filings to fetch    {backlog.filings_to_fetch}")
    console.print(f"messages to send    {backlog.messages_to_send}")
    console.print(f"documents rejected  {backlog.documents_rejected}")
    console.print(f"scans to review     {backlog.scans}")


def _time(at: datetime | None) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if at else ""


def _print_queues(console: "Console", depths: "dict[Queue, Depth]") -> None:
    from rich.table import Table  # noqa: PLC0415

    table = Table("queue", "waiting", "in flight", "set aside")
    for queue, depth in depths.items():
        table.add_row(queue, str(depth.waiting), str(depth.in_flight), str(depth.set_aside))
    console.print(table)
