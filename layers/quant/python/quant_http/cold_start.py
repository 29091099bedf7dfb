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
    "quant.db.session",
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


def _prepare() -> None:
    gc.set_threshold(_COLLECT_AFTER)
    # Of the models that FastAPI and the routes declare, a function validates by a few: each is
    # built when it is first used.
    pydantic.BaseModel.model_config["defer_build"] = True
    lazy.defer(_DEFERRED)


# Elsewhere, as in tests and where the OpenAPI document is made, everything is used at once.
if "AWS_LAMBDA_RUNTIME_API" in os.environ:
    _prepare()
