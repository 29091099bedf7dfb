"""Make exports that take long; fed by SQS, one job at a time.

Answers which messages failed, so that only those are delivered again:
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from typing import Any, Final

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from pydantic import ValidationError

from quant.db.session import write
from quant.errors import StoreUnavailableError
from quant.exports import jobs, queue, work
from quant.exports.objects import ExportBucket
from quant.exports.queue import ExportMessage
from quant.observability.invocation import observed
from quant.settings import ExportSettings, database_settings

# Kept for the conversion of what was read and for its upload.
_RESERVE_S: Final = 180

logger = Logger()
copy_config_to_registered_loggers(logger, include={"quant"})

# Bad configuration fails the deployment, not the first export.
database_settings()
ExportSettings()


def _run(record: dict[str, Any], seconds: float) -> bool:
    """Do a message's job and say whether the message is done with."""
    try:
        message = ExportMessage.model_validate_json(record["body"])
    except ValidationError:
        # It goes to the dead-letter queue in the end, which keeps it and raises an alarm.
        logger.error("message is no export", message_id=record["messageId"])
        return False
    try:
        outcome = work.run(message.job_id, ExportBucket.from_environment(), seconds=seconds)
        if isinstance(outcome, work.Done):
            return True
        queue.postpone(record["receiptHandle"], outcome.seconds)
    except StoreUnavailableError as error:
        # Then it comes back as soon as its visibility timeout is over.
        logger.warning("an export waits", store=error.store, job_id=str(message.job_id))
    return False


@observed(logger)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Make the export of each message, once however often it is delivered.

    Returns:
        The messages that failed, in the form of a partial batch response.
    """
    failed = []
    for record in event["Records"]:
        seconds = context.get_remaining_time_in_millis() / 1000 - _RESERVE_S
        if not _run(record, seconds):
            failed.append(record["messageId"])
    try:
        write(jobs.purge)
    except StoreUnavailableError:
        logger.warning("old jobs were not deleted")
    return {"batchItemFailures": [{"itemIdentifier": message} for message in failed]}
