"""What the function of a route does before it imports anything else.

``functions/<folder>/__init__.py`` imports this first. Measured in docs/benchmarks.md; why, in
docs/adr/0030.
"""

import gc
import os
from typing import Final

import pydantic

from quant import lazy

# Modules that need SQLAlchemy, NumPy or another library that a request may do without.
_DEFERRED: Final = (
    "quant.alerts.deliveries",
    "quant.alerts.watchlists",
    "quant.audit",
    "quant.db.session",
    "quant.exports.datasets",
    "quant.exports.inline",
    "quant.exports.jobs",
    "quant.exports.objects",
    "quant.exports.selections",
    "quant.ml.monitoring.scorecard",
    "quant.ml.objects",
    "quant.ml.serving.administration",
    "quant.ml.serving.cards",
    "quant.ml.serving.listing",
    "quant.ml.serving.politician",
    "quant.ml.serving.signals",
    "quant.ml.serving.states",
    "quant.stats.late_filings",
    "quant.stats.leaderboard",
    "quant.stats.overview",
    "quant.stats.sectors",
    "quant.tickers",
)

# Python looks for cycles after every 2,000 new containers, of which imports make hundreds of
# thousands that all stay; a request makes fewer than this.
_COLLECT_AFTER: Final = 50_000

# Elsewhere, as in tests and where the OpenAPI document is made, everything is used at once.
IN_FUNCTION: Final = "AWS_LAMBDA_RUNTIME_API" in os.environ


def _prepare() -> None:
    gc.set_threshold(_COLLECT_AFTER)
    # Of the models that FastAPI and the routes declare, a function validates by a few: each is
    # built when it is first used.
    pydantic.BaseModel.model_config["defer_build"] = True
    # To look for plugins is to read the metadata of every installed package; there are none.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    lazy.defer(_DEFERRED)


if IN_FUNCTION:
    _prepare()
