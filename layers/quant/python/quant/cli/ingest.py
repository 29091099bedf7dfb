"""``quant import`` and ``quant seed``: fill the database from files."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as ProgressBars
from rich.table import Table
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from quant.db.session import create_engine_from, is_unavailable
from quant.ingest.bulk import ImportReport, Progress
from quant.ingest.disclosures import HOUSE, SENATE, import_house, import_senate
from quant.ingest.factors import FACTORS, import_factors
from quant.ingest.files import UnreadableFileError, read_source
from quant.ingest.legislators import LEGISLATORS, import_legislators
from quant.ingest.prices import PRICES, import_prices
from quant.ingest.seed import load_filing_dates, seed
from quant.ingest.senate_tables import SENATE_TABLES, import_senate_tables
from quant.settings import database_settings

_UNMATCHED_SHOWN = 15


class Source(StrEnum):
    """What ``quant import`` can read."""

    SENATE = SENATE
    SENATE_TABLES = SENATE_TABLES
    HOUSE = HOUSE
    LEGISLATORS = LEGISLATORS
    PRICES = PRICES
    FACTORS = FACTORS


JsonOption = Annotated[bool, typer.Option("--json", help="Print the report as JSON, for scripts.")]


def import_command(
    path: Annotated[
        Path, typer.Argument(help="File, plain or gzip; for legislators a folder or a file.")
    ],
    source: Annotated[Source, typer.Option(help="What the file is.")],
    filing_index: Annotated[
        list[Path] | None,
        typer.Option(
            help="House Clerk's yearly filing index (<year>FD.xml), for the days of filing; "
            "may be repeated."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Import one file; importing it again changes nothing."""

    def run(engine: Engine, progress: Progress) -> list[ImportReport]:
        match source:
            case Source.SENATE:
                report = import_senate(engine, read_source(path), progress=progress)
            case Source.SENATE_TABLES:
                report = import_senate_tables(engine, read_source(path), progress=progress)
            case Source.HOUSE:
                report = import_house(
                    engine,
                    read_source(path),
                    filing_dates=load_filing_dates(filing_index or []),
                    progress=progress,
                )
            case Source.LEGISLATORS:
                report = import_legislators(engine, path, progress=progress)
            case Source.PRICES:
                report = import_prices(engine, read_source(path), progress=progress)
            case Source.FACTORS:
                report = import_factors(engine, read_source(path), progress=progress)
        return [report]

    reports = _run(run)
    if as_json:
        typer.echo(json.dumps(reports[0].as_dict()))
    else:
        _print(reports)


def seed_command(
    data: Annotated[
        Path | None,
        typer.Option(
            help="Folder with legislators/, senate/, house/, prices/ and factors/; "
            "without it the synthetic sample is generated and imported.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Import a whole data folder, or the synthetic sample; repeating it changes nothing."""
    reports = _run(lambda engine, progress: seed(engine, data, progress=progress))
    synthetic = data is None
    if as_json:
        runs = [report.as_dict() for report in reports]
        typer.echo(json.dumps({"synthetic": synthetic, "imports": runs}))
        return
    _print(reports)
    if synthetic:
        typer.echo("The data is SYNTHETIC: no member, company or transaction in it is real.")
    else:
        typer.echo(f"The data is what {data} holds; nothing was generated.")


def _run(run: Callable[[Engine, Progress], list[ImportReport]]) -> list[ImportReport]:
    engine = create_engine_from(database_settings())
    try:
        with _progress() as progress:
            return run(engine, progress)
    except UnreadableFileError as error:
        typer.echo(f"cannot import {error}", err=True)
        raise typer.Exit(1) from error
    except DBAPIError as error:
        if not is_unavailable(error):
            raise
        typer.echo("cannot import: the database is unavailable; nothing was changed", err=True)
        raise typer.Exit(1) from error
    finally:
        engine.dispose()


@contextmanager
def _progress() -> Iterator[Progress]:
    """Show bars on standard error, so that standard output is the report alone."""
    with ProgressBars(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as bars:
        tasks: dict[str, TaskID] = {}

        def show(stage: str, completed: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage)
            bars.update(tasks[stage], completed=completed, total=total)

        yield show


def _print(reports: list[ImportReport]) -> None:
    console = Console()
    counts = Table("source", title="Rows")
    for name in ("rows", "inserted", "existing", "duplicates", "rejected", "matched"):
        counts.add_column(name, justify="right")
    for report in reports:
        share = report.matched_share
        matched = "" if share is None else f"{report.matched:,} ({share:.1%})"
        numbers = (
            report.rows,
            report.inserted,
            report.existing,
            report.duplicates,
            report.rejected,
        )
        counts.add_row(report.source, *(f"{number:,}" for number in numbers), matched)
    console.print(counts)
    for report in reports:
        _print_counts(console, f"{report.source}: rejected, by reason", report.rejects)
        shown = dict(list(report.unmatched.items())[:_UNMATCHED_SHOWN])
        rest = sum(report.unmatched.values()) - sum(shown.values())
        if rest:
            shown[f"{len(report.unmatched) - len(shown)} more"] = rest
        _print_counts(console, f"{report.source}: filers not matched to a member", shown)
        if report.relinked:
            console.print(f"{report.source}: {report.relinked} known filers were matched")


def _print_counts(console: Console, title: str, counts: dict[str, int]) -> None:
    if not counts:
        return
    table = Table("", title=title)
    table.add_column("rows", justify="right")
    for name, count in counts.items():
        table.add_row(name, f"{count:,}")
    console.print(table)
