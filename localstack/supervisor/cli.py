"""Command line of the local cloud: ``python localstack/supervisor COMMAND``."""

import json
import sys
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from supervisor import daemon as daemon_process
from supervisor.commands import StepError
from supervisor.progress import Progress
from supervisor.servers import ServerError
from supervisor.state import Ports, State

app = typer.Typer(
    help="The local cloud: PostgreSQL, Valkey and LocalStack without Docker.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


class Held(StrEnum):
    """A server that can be held down: the cloud's own state does not depend on it."""

    POSTGRES = "postgres"
    VALKEY = "valkey"
    TRACKING = "tracking"


Name = Annotated[
    str,
    typer.Option(envvar="QUANT_LOCAL_NAME", help="Which local cloud; its state is .local/<name>."),
]
LocalStackPort = Annotated[int, typer.Option(envvar="QUANT_LOCALSTACK_PORT", min=1, max=65535)]
PostgresPort = Annotated[int, typer.Option(envvar="QUANT_POSTGRES_PORT", min=1, max=65535)]
ValkeyPort = Annotated[int, typer.Option(envvar="QUANT_VALKEY_PORT", min=1, max=65535)]
TrackingPort = Annotated[int, typer.Option(envvar="QUANT_TRACKING_PORT", min=1, max=65535)]
Json = Annotated[bool, typer.Option("--json", help="Write JSON, with passwords, to stdout.")]
_PORTS = Ports()


@app.command()
def run(
    *,
    name: Name = "default",
    data: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, help="Folder of disclosures to seed from."),
    ] = None,
    localstack_port: LocalStackPort = _PORTS.localstack,
    postgres_port: PostgresPort = _PORTS.postgres,
    valkey_port: ValkeyPort = _PORTS.valkey,
    tracking_port: TrackingPort = _PORTS.tracking,
    ml: Annotated[
        bool, typer.Option("--ml", help="With MLflow's server, and models where there are none.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Bring the local cloud up, or up to date, and return."""
    from supervisor import cloud  # noqa: PLC0415 - boto3 costs a second that `stop` need not wait

    ports = Ports(localstack_port, postgres_port, valkey_port, tracking_port)
    progress = Progress(sys.stderr if as_json else sys.stdout)
    state = State(name)
    try:
        content = cloud.run(state, ports, data.resolve() if data else None, progress, ml=ml)
    except (StepError, ServerError, FileNotFoundError) as error:
        raise _failure(error) from error
    if as_json:
        typer.echo(json.dumps(content, indent=2))
        return
    typer.echo(f"\nUp in {progress.elapsed():.1f} s.\n\nAPI    {content['url']}")
    if content["tracking_uri"]:
        typer.echo(f"MLflow {content['tracking_uri']}")
    typer.echo(f"Token  {content['token']}\n")
    typer.echo(f"curl -H 'Authorization: Bearer {content['token']}' \\")
    typer.echo(f"  '{content['url']}{cloud.DEMO_PATH}'")


@app.command()
def install() -> None:
    """Make the Python environments of LocalStack and Lambda, without starting anything."""
    from supervisor import cloud  # noqa: PLC0415

    try:
        cloud.install(State("default"), Progress(sys.stdout))
    except StepError as error:
        raise _failure(error) from error


@app.command()
def stop(name: Name = "default") -> None:
    """Stop everything; the database stays on disk."""
    from supervisor import cloud  # noqa: PLC0415

    try:
        was_up = cloud.stop(State(name))
    except StepError as error:
        raise _failure(error) from error
    typer.echo("Stopped." if was_up else "Was not running.")


@app.command()
def status(name: Name = "default", as_json: Json = False) -> None:
    """Say how the servers are; the exit code is 1 unless all are up."""
    from supervisor import cloud  # noqa: PLC0415

    content = cloud.status(State(name))
    if as_json:
        typer.echo(json.dumps(content, indent=2))
    elif not content["daemon"]:
        typer.echo("Not running.")
    else:
        for server, about in content["servers"].items():
            typer.echo(
                f"{server:<11} {about['state']:<11} port {about['port']:<6} pid {about['pid']}"
                f"  restarts {about['restarts']}  {about['error']}".rstrip()
            )
        if content["healthy"]:
            typer.echo(f"API         {content['run'].get('url', '')}")
            if content["run"].get("tracking_uri"):
                typer.echo(f"MLflow      {content['run']['tracking_uri']}")
    if not content["healthy"]:
        raise typer.Exit(1)


@app.command()
def hold(
    server: Held,
    name: Name = "default",
    kill: Annotated[bool, typer.Option("--kill", help="With kill -9, as a crash.")] = False,
) -> None:
    """Take one server down until `release`."""
    from supervisor import cloud  # noqa: PLC0415

    try:
        cloud.hold(State(name), server.value, kill=kill)
    except StepError as error:
        raise _failure(error) from error


@app.command()
def release(server: Held, name: Name = "default") -> None:
    """Start a held server again and wait until it answers."""
    from supervisor import cloud  # noqa: PLC0415

    try:
        cloud.release(State(name), server.value)
    except StepError as error:
        raise _failure(error) from error


@app.command()
def trace(
    wanted: Annotated[
        str, typer.Argument(metavar="ID", help="Of a request, an invocation or a trace.")
    ],
    name: Name = "default",
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """Show what one request went through, and every line that was logged about it."""
    from supervisor import traces  # noqa: PLC0415

    state = State(name)
    if not state.run_file.exists():
        raise _failure(StepError(f"there is no local cloud {name}"))
    found = traces.find(state, wanted)
    lines = traces.lines_of(state, wanted, found)
    if as_json:
        content = {
            "trace_id": found.trace_id if found else None,
            "roots": [root.to_json() for root in found.roots] if found else [],
            "lines": [asdict(line) for line in lines],
        }
        typer.echo(json.dumps(content, indent=2))
    elif found or lines:
        typer.echo(traces.render(found, lines))
    if not found and not lines:
        raise _failure(StepError(f"nothing was recorded about {wanted}"))


@app.command(hidden=True)
def daemon(
    name: Name = "default",
    localstack_port: LocalStackPort = _PORTS.localstack,
    postgres_port: PostgresPort = _PORTS.postgres,
    valkey_port: ValkeyPort = _PORTS.valkey,
    tracking_port: TrackingPort = _PORTS.tracking,
) -> None:
    """Own the servers until SIGTERM; started by `run`."""
    ports = Ports(localstack_port, postgres_port, valkey_port, tracking_port)
    daemon_process.main(State(name), ports)


def _failure(error: Exception) -> typer.Exit:
    typer.echo(f"\nerror: {error}", err=True)
    return typer.Exit(1)
