"""Append what waited in the audit queue while Postgres was away; fed by SQS.

Answers which messages failed, so that only those are delivered again:
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from sqlalchemy.exc import DBAPIError

from quant.audit.entries import Entry
from quant.audit.log import append
from quant.db.session import write
from quant.errors import StoreUnavailableError
from quant.observability.invocation import observed
from quant.settings import database_settings

logger = Logger()
copy_config_to_registered_loggers(logger, include={"quant"})

# Bad configuration fails the deployment, not the first entry.
database_settings()


def _append(body: str) -> None:
    entry = Entry.from_json(body)
    write(lambda connection: append(connection, entry))


@observed(logger)
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Append each message's entry, once however often it is delivered.

    Returns:
        The messages that were not appended, in the form of a partial batch response.
    """
    failed = []
    for record in event["Records"]:
        try:
            _append(record["body"])
        except StoreUnavailableError:
            failed.append(record["messageId"])
        except (ValueError, DBAPIError) as error:
            # It goes to the dead-letter queue in the end, which keeps it and raises an alarm.
            logger.error("message cannot be appended", error=type(error).__name__)
            failed.append(record["messageId"])
    logger.info("queue drained", appended=len(event["Records"]) - len(failed), failed=len(failed))
    return {"batchItemFailures": [{"itemIdentifier": message} for message in failed]}
