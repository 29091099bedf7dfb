"""``python -m quant.cli``: the command where it is not installed."""

from quant.cli import app

app()
