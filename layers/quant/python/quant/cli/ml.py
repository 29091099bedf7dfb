"""``quant ml``: train models, see what came of it, predict, and decide which version leads."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quant.errors import QuantError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from quant.ml.pipeline.local import Progress
    from quant.ml.tracking import Tracking

app = typer.Typer(no_args_is_help=True, help="Models: training, predictions and their registry.")

# NumPy, DuckDB, SQLAlchemy, boto3 and rich are imported by the commands that use them.


def _day(value: str) -> date:
    try:
        return datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError as error:
        msg = "a day is YYYY-MM-DD"
        raise typer.BadParameter(msg) from error


def _known(value: str) -> str:
    from quant.ml.catalogue import MODELS  # noqa: PLC0415

    if value not in MODELS:
        msg = f"{value!r} is none of {', '.join(MODELS)}"
        raise typer.BadParameter(msg)
    return value


def _all_known(values: list[str] | None) -> list[str] | None:
    return [_known(value) for value in values] if values else None


Place = Annotated[
    str | None,
    typer.Option(
        "--objects",
        metavar="PLACE",
        help="s3://<bucket> or a folder; by default the bucket that QUANT_ML_BUCKET names.",
    ),
]
Model = Annotated[str, typer.Argument(callback=_known, help="Name of the model.")]
Reason = Annotated[str, typer.Option(help="Why; kept with the event.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("train")
def train_command(
    *,
    objects: Place = None,
    model: Annotated[
        list[str] | None, typer.Option(callback=_all_known, help="Only this one; may be repeated.")
    ] = None,
    folds: Annotated[int | None, typer.Option(min=1, help="Test windows.")] = None,
    minimum_rows: Annotated[
        int | None, typer.Option(min=1, help="Fewest rows to train the first fold on.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of every pseudo-random draw.")] = None,
    processes: Annotated[int, typer.Option(min=1, help="Processes that fit.")] = (
        os.cpu_count() or 1
    ),
    tracking: Annotated[
        bool, typer.Option(help="Tell the tracking server that QUANT_TRACKING_URI names.")
    ] = True,
    as_json: Json = False,
) -> None:
    """Train models on what is known now, register them, and promote those that are better.

    Interrupted, it goes on where it stopped when it is started again.
    """
    from quant.cli.ml_tables import show_trained  # noqa: PLC0415
    from quant.ml.pipeline.local import train  # noqa: PLC0415
    from quant.ml.pipeline.settings import RunSettings  # noqa: PLC0415

    given = {"models": model, "folds": folds, "minimum_train_rows": minimum_rows, "seed": seed}
    settings = RunSettings.of({name: value for name, value in given.items() if value is not None})
    with _failures(), _progress(quiet=as_json) as progress:
        run, trained = train(
            _place(objects),
            settings,
            processes=processes,
            tracking=_tracking() if tracking else None,
            progress=progress,
        )
    if as_json:
        answer = {
            **run.document(),
            "trained": [
                {**each.evaluation, "published": asdict(each.published)} for each in trained
            ],
        }
        typer.echo(json.dumps(answer, indent=2, default=str))
        return
    typer.echo(f"run {run.run} of dataset {run.dataset}" + (", synthetic" * run.synthetic))
    show_trained(trained)
    for name, reason in run.left_out.items():
        typer.echo(f"{name} is left out: {reason}")


@app.command("predict")
def predict_command(objects: Place = None, as_json: Json = False) -> None:
    """Predict what is not known yet with every champion, and keep the predictions."""
    from quant.cli.ml_tables import show  # noqa: PLC0415
    from quant.ml.pipeline.local import open_objects  # noqa: PLC0415
    from quant.ml.pipeline.predict import predict_all  # noqa: PLC0415

    with _failures():
        dataset, made = predict_all(open_objects(_place(objects)))
    if as_json:
        answer = {"dataset": dataset, "models": [each.document() for each in made]}
        typer.echo(json.dumps(answer, indent=2))
        return
    rows = [
        (
            each.model,
            "" if each.version is None else str(each.version),
            str(each.rows),
            str(each.stored),
            each.reason or "",
        )
        for each in made
    ]
    show(("model", "version", "rows", "stored now", "remark"), rows)


@app.command("monitor")
def monitor_command(objects: Place = None) -> None:
    """Join outcomes to predictions and measure drift; print what was found as JSON."""
    from quant.db.session import write  # noqa: PLC0415
    from quant.ml.monitoring import monitor  # noqa: PLC0415
    from quant.ml.pipeline.local import open_objects  # noqa: PLC0415

    with _failures():
        store = open_objects(_place(objects))
        found = write(lambda connection: monitor.run(connection, store))
    typer.echo(json.dumps(found, indent=2, default=str))


@app.command("check")
def check_command(
    at: Annotated[date, typer.Option(parser=_day, metavar="YYYY-MM-DD", help="The last day kept.")],
    objects: Place = None,
) -> None:
    """Change all data after a day, and require that no feature of an earlier day moves."""
    from quant.db.session import read  # noqa: PLC0415
    from quant.ml import snapshot  # noqa: PLC0415
    from quant.ml.features.lookahead import check  # noqa: PLC0415
    from quant.ml.pipeline.local import open_objects  # noqa: PLC0415

    with _failures():
        store = open_objects(_place(objects))
        dataset = read(lambda connection: snapshot.take(connection, store))
        check(store, dataset, at)
    typer.echo(f"no feature of dataset {dataset} knows anything after {at}")


@app.command("models")
def models_command(as_json: Json = False) -> None:
    """List the models with their champions."""
    from quant.cli.ml_tables import show_champions  # noqa: PLC0415
    from quant.db.session import read  # noqa: PLC0415
    from quant.ml.catalogue import MODELS  # noqa: PLC0415
    from quant.ml.registry import champions  # noqa: PLC0415

    with _failures():
        leaders = read(champions)
    if as_json:
        answer = {name: asdict(leaders[name]) if name in leaders else None for name in MODELS}
        typer.echo(json.dumps(answer, indent=2, default=str))
        return
    show_champions(list(MODELS), leaders)


@app.command("promote")
def promote_command(
    model: Model, version: Annotated[int, typer.Argument(min=1)], reason: Reason
) -> None:
    """Make a version of a model its champion, whatever its verdict."""
    from quant.ml.registry import promote  # noqa: PLC0415

    _change(lambda connection: promote(connection, model, version, None, reason))
    typer.echo(f"version {version} of {model} is the champion")


@app.command("rollback")
def rollback_command(model: Model, reason: Reason) -> None:
    """Make the champion before the present one champion again."""
    from quant.ml.registry import rollback  # noqa: PLC0415

    version = _change(lambda connection: rollback(connection, model, None, reason))
    typer.echo(f"version {version} of {model} is the champion")


@app.command("switch")
def switch_command(
    model: Model,
    on: Annotated[bool, typer.Option("--on/--off", help="Whether it predicts.")],
    reason: Reason,
) -> None:
    """Switch a model off, so that nothing of it is served, or on again."""
    from quant.ml.registry import switch  # noqa: PLC0415

    _change(lambda connection: switch(connection, model, not on, None, reason))
    typer.echo(f"{model} is {'on' if on else 'off'}")


def _place(given: str | None) -> str:
    if given is not None:
        return given
    bucket = os.environ.get("QUANT_ML_BUCKET")
    if not bucket:
        msg = "give --objects, or the bucket's name in QUANT_ML_BUCKET"
        raise typer.BadParameter(msg)
    return f"s3://{bucket}"


def _tracking() -> "Tracking":
    from quant.environment import SettingsError  # noqa: PLC0415
    from quant.ml.tracking import Tracking  # noqa: PLC0415

    try:
        return Tracking.from_environment()
    except SettingsError:
        msg = "give --no-tracking, or the tracking server's URL in QUANT_TRACKING_URI"
        raise typer.BadParameter(msg) from None


def _change[T](query: "Callable[[Connection], T]") -> T:
    from quant.db.session import write  # noqa: PLC0415

    with _failures():
        return write(query)


@contextmanager
def _failures() -> Iterator[None]:
    """End the command with a message where it cannot be done."""
    try:
        yield
    except QuantError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error


@contextmanager
def _progress(*, quiet: bool) -> "Iterator[Progress]":
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeElapsedColumn,
    )
    from rich.progress import Progress as Bars  # noqa: PLC0415

    # Answers are on standard output alone.
    console = Console(stderr=True, quiet=quiet)
    if not console.is_terminal:
        yield _lines(console.print)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Bars(*columns, TimeElapsedColumn(), console=console) as bars:
        tasks: dict[str, Any] = {}

        def note(stage: str, completed: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=completed, total=total)

        yield note


def _lines(write: Callable[[str], None]) -> "Progress":
    """Return what writes a line at the begin of a stage and at each tenth of it, for logs."""
    reached: dict[str, int] = {}

    def note(stage: str, completed: int, total: int) -> None:
        tenth = 10 * completed // max(total, 1)
        if reached.get(stage) != tenth:
            reached[stage] = tenth
            write(f"{stage}: {completed} of {total}")

    return note
