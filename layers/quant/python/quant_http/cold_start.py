"""What the function of a route does before it imports anything else.

``functions/<folder>/__init__.py`` imports this first. Measured in docs/benchmarks.md; why, in
docs/adr/0030.
"""

import os
import warnings
from typing import Final

from quant import lazy
from quant.cold_start import IN_FUNCTION

# Modules that need SQLAlchemy, NumPy or another library that a request may do without.
_DEFERRED: Final = (
    "analytics._anomaly_answers",
    "analytics._backtest_answers",
    "analytics._performance_answers",
    "analytics._relations_answers",
    "patterns._answers",
    "quant.accounts.api_tokens",
    "quant.accounts.logins",
    "quant.accounts.password_changes",
    "quant.accounts.profile",
    "quant.accounts.refreshes",
    "quant.accounts.registration",
    "quant.accounts.resets",
    "quant.accounts.sessions",
    "quant.alerts.deliveries",
    "quant.alerts.watchlists",
    "quant.audit",
    "quant.audit.listing",
    "quant.db.prepared",
    "quant.db.schema",
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
    "quant.observability.gauges",
    "quant.pipeline.freshness",
    "quant.pipeline.quality",
    "quant.politician_details",
    "quant.readiness",
    "quant.reports.anomalies",
    "quant.reports.backtest",
    "quant.reports.ensemble",
    "quant.reports.insights",
    "quant.reports.patterns",
    "quant.reports.patterns_compare",
    "quant.reports.patterns_politicians",
    "quant.reports.performance",
    "quant.reports.relations",
    "quant.reports.relations_pairs",
    "quant.stats.late_filings",
    "quant.stats.leaderboard",
    "quant.stats.overview",
    "quant.stats.sectors",
    "quant.tickers",
    "quant.tokens",
    "quant.trade_details",
)


def _prepare() -> None:
    # After quant.cold_start: the collector would look through what this makes.
    import pydantic  # noqa: PLC0415
    from pydantic.warnings import UnsupportedFieldAttributeWarning  # noqa: PLC0415

    # Of the models that FastAPI and the routes declare, a function validates by a few: each is
    # built when it is first used.
    pydantic.BaseModel.model_config["defer_build"] = True
    # FastAPI, too, ignores this where it builds them itself.
    warnings.simplefilter("ignore", UnsupportedFieldAttributeWarning)
    # To look for plugins is to read the metadata of every installed package; there are none.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    lazy.defer(_DEFERRED)


if IN_FUNCTION:
    _prepare()
