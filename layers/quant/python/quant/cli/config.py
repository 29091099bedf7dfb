"""``quant config``: the configuration of a deployment."""

import json
import os
from dataclasses import asdict
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="The configuration of a deployment.")


@app.callback()
def config() -> None:
    """Keep ``config`` a group although it has one command."""


@app.command()
def check(
    functions: Annotated[
        str | None,
        typer.Option(
            metavar="PREFIX",
            help="Check the deployed Lambda functions whose names start so, such as `quant-prod-`;"
            " without it, this process's environment.",
        ),
    ] = None,
    secrets: Annotated[
        bool, typer.Option(help="Read the secrets the variables name, and check them too.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check a configuration; exit with 1 if anything is wrong with it. Shows no secret."""
    from quant import config_check  # noqa: PLC0415 - slow imports

    findings: list[config_check.Finding] = []
    variables = dict(os.environ)
    if functions is not None:
        import boto3  # noqa: PLC0415

        found = config_check.deployed_functions(functions, boto3.client("lambda"))
        variables, findings = config_check.union(found)
    findings += config_check.check_variables(variables)
    if secrets:
        findings += config_check.check_secrets(variables)
    failed = any(finding.severity is config_check.Severity.ERROR for finding in findings)
    if as_json:
        answer = {"ok": not failed, "findings": [asdict(finding) for finding in findings]}
        typer.echo(json.dumps(answer, indent=2))
    else:
        for finding in findings:
            typer.echo(str(finding))
        typer.echo("the configuration is wrong" if failed else "the configuration is good")
    if failed:
        raise typer.Exit(1)
