"""Alert the watchlists that disclosed trades concern; EventBridge events by way of SQS.

Answers which messages failed, so that only those are delivered again:
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

import json
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from sqlalchemy.exc import DBAPIError

from quant.alerts.matching import announce
from quant.errors import StoreUnavailableError
from quant.observability.invocation import observed
from quant.pipeline.messages import TradeDisclosed
from quant.settings import database_settings

logger = Logger()
copy_config_to_registered_loggers(logger, include={"quant"})

# Bad configuration fails the deployment, not the first trade.
database_settings()


def _announce(body: str) -> int:
    event = json.loads(body)
    return announce(TradeDisclosed.model_validate(event["detail"]))


@observed(logger)
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Alert for each message's trade, once however often it is delivered.

    Returns:
        The messages that failed, in the form of a partial batch response.
    """
    alerts, failed = 0, []
    for record in event["Records"]:
        try:
            alerts += _announce(record["body"])
        except StoreUnavailableError as error:
            logger.warning("a trade waits", store=error.store)
            failed.append(record["messageId"])
        except (ValueError, KeyError, TypeError, DBAPIError) as error:
            # It goes to the dead-letter queue in the end, which keeps it and raises an alarm.
            logger.error("message cannot be matched", error=type(error).__name__)
            failed.append(record["messageId"])
    logger.info(
        "trades matched",
        trades=len(event["Records"]) - len(failed),
        alerts=alerts,
        failed=len(failed),
    )
    return {"batchItemFailures": [{"itemIdentifier": message} for message in failed]}
