"""Keep the reports of functions that reach no database: of collectors and of webhooks; from SQS.

Answers which messages failed, so that only those are delivered again:
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from functools import partial
from typing import Annotated, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from pydantic import Field, TypeAdapter
from sqlalchemy.exc import DBAPIError

from quant.alerts.deliveries import record_attempt
from quant.db.session import write
from quant.errors import StoreUnavailableError
from quant.observability.invocation import observed
from quant.pipeline.messages import CollectionReport, DeliveryReport
from quant.pipeline.runs import record_collection
from quant.settings import database_settings

logger = Logger()
copy_config_to_registered_loggers(logger, include={"quant"})

# Bad configuration fails the deployment, not the first report.
database_settings()

_report: TypeAdapter[CollectionReport | DeliveryReport] = TypeAdapter(
    Annotated[CollectionReport | DeliveryReport, Field(discriminator="kind")]
)


def _record(body: str) -> None:
    match _report.validate_json(body):
        case CollectionReport() as report:
            write(partial(record_collection, report=report))
        case DeliveryReport() as report:
            write(partial(record_attempt, report=report))


@observed(logger)
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Keep each message's report, once however often it is delivered.

    Returns:
        The messages whose reports were not kept, in the form of a partial batch response.
    """
    failed = []
    for record in event["Records"]:
        try:
            _record(record["body"])
        except StoreUnavailableError:
            failed.append(record["messageId"])
        except (ValueError, DBAPIError) as error:
            # It goes to the dead-letter queue in the end, which keeps it and raises an alarm.
            logger.error("report cannot be kept", error=type(error).__name__)
            failed.append(record["messageId"])
    logger.info("reports kept", kept=len(event["Records"]) - len(failed), failed=len(failed))
    return {"batchItemFailures": [{"itemIdentifier": message} for message in failed]}
