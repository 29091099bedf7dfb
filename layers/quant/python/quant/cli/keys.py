"""``quant keys``: the keys that access tokens are signed with."""

import uuid
from typing import Annotated

import typer

from quant.environment import SettingsError
from quant.errors import QuantError
from quant.keys import Rotation, ensure_keys
from quant.settings import SigningSettings

app = typer.Typer(no_args_is_help=True, help="The keys that access tokens are signed with.")


@app.command()
def ensure(
    functions: Annotated[
        str | None,
        typer.Option(
            metavar="PREFIX",
            help="Take the settings from the deployed Lambda functions whose names start so, such"
            " as `quant-prod-`; without it, from this process's environment.",
        ),
    ] = None,
) -> None:
    """Make the first signing keys if there are none, and publish their public halves."""
    settings = SigningSettings() if functions is None else _settings_of(functions)
    kid = ensure_keys(settings.signing_key_secret_arn, settings.jwks_secret_arn)
    typer.echo(f"tokens are signed with key {kid}")


def _settings_of(functions: str) -> SigningSettings:
    import boto3  # noqa: PLC0415 - slow import

    from quant.config_check import deployed_functions, union  # noqa: PLC0415

    variables, _ = union(deployed_functions(functions, boto3.client("lambda")))
    try:
        return SigningSettings.of(variables)
    except SettingsError as error:
        typer.echo(f"no functions {functions}* say which keys to make", err=True)
        raise typer.Exit(1) from error


@app.command()
def rotate() -> None:
    """Rotate the signing keys now, where no rotation by Secrets Manager is set up or due."""
    import boto3  # noqa: PLC0415 - slow import

    settings = SigningSettings()
    rotation = Rotation(
        boto3.client("secretsmanager"),
        signing_key_secret_arn=settings.signing_key_secret_arn,
        jwks_secret_arn=settings.jwks_secret_arn,
    )
    try:
        kid = rotation.run(str(uuid.uuid4()))
    except QuantError as error:
        typer.echo(f"not rotated: {error}", err=True)
        raise typer.Exit(1) from error
    typer.echo(f"tokens are signed with key {kid}")
