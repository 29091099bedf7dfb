"""Parse and load raw documents; fed by S3 through SQS, and by the backfill's Distributed Map.

Answers which messages failed, so that only those are delivered again:
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from typing import Any, Final

from aws_lambda_powertools import Logger, single_metric
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from aws_lambda_powertools.metrics import MetricUnit

from pipeline._arrivals import Arrival, arrivals_in, items_in
from quant.collectors.raw_store import RawStore
from quant.errors import NotFoundError
from quant.observability.catalogue import LAYOUT_UNKNOWN, NAMESPACE
from quant.observability.invocation import observed
from quant.parsers.model import Unreadable
from quant.pipeline.documents import process
from quant.pipeline.raw import DROP_PREFIX
from quant.settings import RawSettings, database_settings

# Kept for one more document, a PDF of the slowest kind that has to be tried twice.
_RESERVE_MS: Final = 75_000

logger = Logger()
copy_config_to_registered_loggers(logger, include={"quant"})

# Bad configuration fails the deployment, not the first document.
database_settings()
RawSettings()


class OutOfTimeError(Exception):
    """The invocation ends before all documents are parsed."""


@observed(logger)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Parse what a batch of messages, or of a backfill's items, is about.

    Whatever is wrong with a document is recorded, and the document done with; what is raised is
    tried again.

    Returns:
        For messages, those that failed in the form of a partial batch response; for items, how
        many were parsed.

    Raises:
        Exception: An item could not be parsed now.
    """
    store = RawStore.from_environment()
    if "Items" in event:
        arrivals = list(items_in(event))
        _parse_all(store, arrivals, context)
        return {"parsed": len(arrivals)}
    failed = []
    for record in event["Records"]:
        try:
            _parse_all(store, arrivals_in(record["body"]), context)
        except OutOfTimeError:
            failed.append(record["messageId"])
        except Exception as error:
            # If it was no outage, it goes to the dead-letter queue in the end: kept, with an alarm.
            logger.error(
                "message failed",
                message_id=record["messageId"],
                receives=record["attributes"]["ApproximateReceiveCount"],
                error=type(error).__name__,
                exc_info=True,
            )
            failed.append(record["messageId"])
    return {"batchItemFailures": [{"itemIdentifier": message} for message in failed]}


def _parse_all(store: RawStore, arrivals: list[Arrival], context: Any) -> None:
    for arrival in arrivals:
        if context.get_remaining_time_in_millis() < _RESERVE_MS:
            raise OutOfTimeError
        try:
            _parse(store, arrival)
        except NotFoundError:
            logger.warning("the object is gone", key=arrival.key)


def _parse(store: RawStore, arrival: Arrival) -> None:
    if arrival.key.startswith(DROP_PREFIX) and arrival.arrived_on is not None:
        # The copy is an arrival of its own.
        store.take_drop(arrival.key, arrival.arrived_on)
        return
    outcome = process(store.get(arrival.key))
    logger.info(
        "document processed",
        key=arrival.key,
        outcome=outcome.outcome,
        reason=outcome.reason,
        rows=outcome.rows,
        rejected=outcome.rejected,
    )
    if outcome.reason == Unreadable.LAYOUT_UNKNOWN:
        with single_metric(
            name=LAYOUT_UNKNOWN.name,
            unit=MetricUnit(LAYOUT_UNKNOWN.unit),
            value=1,
            namespace=NAMESPACE,
        ):
            pass
