"""What the collecting functions share: settings checked early, and what becomes of reports."""

from typing import Any, Final

from aws_lambda_powertools import Logger, single_metric
from aws_lambda_powertools.metrics import MetricUnit

from quant import sqs
from quant.collectors.run import Workplace
from quant.observability import catalogue
from quant.pipeline.messages import CollectionReport
from quant.pipeline.sources import CollectionOutcome
from quant.settings import CollectorSettings, QueueSettings, RawSettings

# One metric for each outcome: alarms are on the sum over all functions.
METRICS: Final = {
    CollectionOutcome.COMPLETED: catalogue.COLLECTION_COMPLETED,
    CollectionOutcome.REFUSED: catalogue.COLLECTION_REFUSED,
    CollectionOutcome.THROTTLED: catalogue.COLLECTION_THROTTLED,
    CollectionOutcome.LAYOUT_CHANGED: catalogue.COLLECTION_LAYOUT_CHANGED,
    CollectionOutcome.UNREACHABLE: catalogue.COLLECTION_UNREACHABLE,
}

logger = Logger()


def require_settings() -> CollectorSettings:
    """Return the settings; called on import, so that bad ones fail the deployment.

    Raises:
        ValueError: A variable is missing or bad.
    """
    RawSettings()
    _reports_queue()
    return CollectorSettings()


def workplace(context: Any) -> Workplace:
    """Return where an invocation's runs work, given its Lambda context."""
    return Workplace.from_environment(context.get_remaining_time_in_millis())


def publish(report: CollectionReport) -> None:
    """Log a report, count its outcome in CloudWatch, and queue it for the database.

    Raises:
        StoreUnavailableError: The queue did not take it.
    """
    completed = report.outcome is CollectionOutcome.COMPLETED
    log = logger.info if completed else logger.warning
    log("collection ended", report=report.model_dump(mode="json"))
    metric = METRICS[report.outcome]
    with single_metric(
        name=metric.name, unit=MetricUnit(metric.unit), value=1, namespace=catalogue.NAMESPACE
    ):
        pass
    sqs.send(_reports_queue(), [report.model_dump_json()])


def required_url(url: str | None, variable: str) -> str:
    """Return the URL of a queue.

    Raises:
        ValueError: The environment does not name it.
    """
    if url is None:
        msg = f"{variable} is not set"
        raise ValueError(msg)
    return url


def _reports_queue() -> str:
    return required_url(QueueSettings().reports_queue_url, "QUANT_REPORTS_QUEUE_URL")
