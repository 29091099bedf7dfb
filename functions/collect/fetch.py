"""Fetch the filings that work items ask for; fed by SQS, one batch at a time.

Answers which messages failed, so that only those are delivered again:
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from typing import Any

from pydantic import ValidationError

from collect._run import logger, publish, require_settings, required_url, workplace
from quant import sqs
from quant.collectors.fetch import fetch_all
from quant.errors import StoreUnavailableError
from quant.observability.invocation import observed
from quant.pipeline.messages import FetchRequest
from quant.settings import QueueSettings

require_settings()
_queue_url = required_url(QueueSettings().fetch_queue_url, "QUANT_FETCH_QUEUE_URL")


@observed(logger)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fetch each message's filing.

    A filing that cannot be fetched now is put off for as long as its site should be left alone.

    Returns:
        The messages that were not met, in the form of a partial batch response.

    Raises:
        StoreUnavailableError: S3 or SQS cannot be reached.
    """
    records = {record["messageId"]: record for record in event["Records"]}
    requests, failed = {}, []
    for message, record in records.items():
        try:
            requests[message] = FetchRequest.model_validate_json(record["body"])
        except ValidationError:
            # It goes to the dead-letter queue in the end, which keeps it and raises an alarm.
            logger.error("message is no fetch request", message_id=message)
            failed.append(message)
    fetched = fetch_all(requests, workplace(context))
    for message, delay_s in fetched.failed.items():
        failed.append(message)
        _postpone(records[message]["receiptHandle"], delay_s)
    for report in fetched.reports:
        publish(report)
    return {"batchItemFailures": [{"itemIdentifier": message} for message in failed]}


def _postpone(receipt_handle: str, delay_s: float) -> None:
    try:
        sqs.postpone(_queue_url, receipt_handle, delay_s)
    except StoreUnavailableError:
        # Then it comes back as soon as its visibility timeout is over.
        logger.warning("message could not be put off")
