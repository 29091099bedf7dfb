"""The ``quant`` command."""

import typer

from quant.cli import (
    accounts,
    audit,
    backup,
    config,
    db,
    ingest,
    keys,
    ml,
    pipeline,
    review,
    tokens,
)

# Local variables in a traceback could show credentials.
app = typer.Typer(
    no_args_is_help=True, help="Quant Analytics Platform.", pretty_exceptions_show_locals=False
)
app.command("import")(ingest.import_command)
app.command("seed")(ingest.seed_command)
app.command("token")(tokens.token)
app.add_typer(accounts.app, name="account")
app.add_typer(audit.app, name="audit")
app.add_typer(backup.app, name="backup")
app.add_typer(config.app, name="config")
app.add_typer(db.app, name="db")
app.add_typer(keys.app, name="keys")
app.add_typer(ml.app, name="ml")
app.add_typer(pipeline.app, name="pipeline")
app.add_typer(review.app, name="review")
