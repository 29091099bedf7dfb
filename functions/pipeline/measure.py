"""Measure freshness and backlog, and tell the collector of prices which symbols are traded.

A rule invokes it every five minutes; the metrics reach CloudWatch by way of the log, in its
embedded metric format.
"""

from typing import Any, Final

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers

from quant.collectors.state import SYMBOLS, StateStore, Symbols
from quant.db.session import read
from quant.observability import catalogue
from quant.observability.invocation import observed
from quant.pipeline.freshness import Freshness, read_freshness
from quant.pipeline.sources import SourceState
from quant.pipeline.work import traded_symbols
from quant.settings import RawSettings, database_settings

logger = Logger()
metrics = Metrics(namespace=catalogue.NAMESPACE)
copy_config_to_registered_loggers(logger, include={"quant"})

# Bad configuration fails the deployment, not the first measurement.
database_settings()
RawSettings()


_DAY_S: Final = 86_400


def _add(metric: catalogue.Metric, value: float) -> None:
    metrics.add_metric(metric.name, metric.unit, value)


def _publish(freshness: Freshness) -> None:
    if freshness.disclosure_age_days is not None:
        age = freshness.disclosure_age_days * _DAY_S
        _add(catalogue.LATEST_DISCLOSURE_AGE, age)
    stale = sum(source.state is not SourceState.CURRENT for source in freshness.sources)
    _add(catalogue.SOURCES_STALE, stale)
    backlog = freshness.backlog
    since = backlog.oldest_message_at or freshness.at
    _add(catalogue.OUTBOX_AGE, (freshness.at - since).total_seconds())
    _add(catalogue.OUTBOX_WAITING, backlog.messages_to_send)
    _add(catalogue.FILINGS_TO_FETCH, backlog.filings_to_fetch)
    _add(catalogue.DOCUMENTS_REJECTED, backlog.documents_rejected)


@observed(logger)
@metrics.log_metrics
def handler(_event: dict[str, Any], _context: Any) -> None:
    """Measure once.

    Raises:
        StoreUnavailableError: Postgres or S3 cannot be reached.
    """
    freshness = read(read_freshness)
    _publish(freshness)
    StateStore.from_environment().save(SYMBOLS, Symbols(symbols=read(traded_symbols)))
    logger.info("measured", current=freshness.current)
