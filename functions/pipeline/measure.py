"""Measure freshness and backlog, and tell the collector of prices which symbols are traded.

A rule invokes it every five minutes; the metrics reach CloudWatch by way of the log, in its
embedded metric format.
"""

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from aws_lambda_powertools.metrics import MetricUnit

from quant.collectors.state import SYMBOLS, StateStore, Symbols
from quant.db.session import read
from quant.pipeline.measurements import Measurements, measure, traded_symbols
from quant.settings import RawSettings, database_settings

logger = Logger()
metrics = Metrics(namespace="Quant")
copy_config_to_registered_loggers(logger, include={"quant"})

# Bad configuration fails the deployment, not the first measurement.
database_settings()
RawSettings()


def _publish(measured: Measurements) -> None:
    age = measured.latest_disclosure_age_s
    if age is not None:
        metrics.add_metric("LatestDisclosureAge", MetricUnit.Seconds, age)
    metrics.add_metric("OutboxWaiting", MetricUnit.Count, measured.outbox_waiting)
    metrics.add_metric("OutboxAge", MetricUnit.Seconds, measured.outbox_age_s)
    metrics.add_metric("DocumentsRejected", MetricUnit.Count, measured.rejected_documents)
    unparsed = sum(work.listed - work.parsed for work in measured.work.values())
    metrics.add_metric("FilingsUnparsed", MetricUnit.Count, unparsed)


@metrics.log_metrics
def handler(_event: dict[str, Any], _context: Any) -> None:
    """Measure once.

    Raises:
        StoreUnavailableError: Postgres or S3 cannot be reached.
    """
    measured = read(measure)
    _publish(measured)
    StateStore.from_environment().save(SYMBOLS, Symbols(symbols=read(traded_symbols)))
    logger.info("measured", latest_disclosure=measured.latest_disclosure)
