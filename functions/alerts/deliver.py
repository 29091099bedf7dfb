"""Post webhooks and report how it went; fed by SQS, whose visibility time-out is the back-off.

Runs with a way out to the internet and none to the data stores. Answers which messages failed, so
that only those are delivered again:
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from pydantic import ValidationError

from quant.alerts.queue import postpone, send_report
from quant.alerts.retries import GONE, MAX_ATTEMPTS, delay_after
from quant.alerts.webhooks import Answer, post_all
from quant.errors import StoreUnavailableError
from quant.observability.invocation import observed
from quant.pipeline.messages import DeliveryReport, WebhookRequest
from quant.settings import WebhookSettings

logger = Logger()
copy_config_to_registered_loggers(logger, include={"quant"})

# Bad configuration fails the deployment, not the first webhook.
WebhookSettings()


def _request(record: dict[str, Any]) -> WebhookRequest | None:
    try:
        return WebhookRequest.model_validate_json(record["body"])
    except ValidationError:
        # It goes to the dead-letter queue in the end, which keeps it and raises an alarm.
        logger.error("message is no webhook", message_id=record["messageId"])
        return None


def _settle(
    record: dict[str, Any], request: WebhookRequest, answer: Answer, attempted_at: datetime
) -> bool:
    """Report an attempt and say whether its message is done with."""
    attempt = int(record["attributes"]["ApproximateReceiveCount"])
    try:
        send_report(
            DeliveryReport(
                delivery_id=request.delivery_id,
                attempt=attempt,
                attempted_at=attempted_at,
                status=answer.status,
                delivered=answer.delivered,
                detail=answer.detail,
            )
        )
        if answer.delivered or answer.status == GONE:
            return True
        # After the last attempt the queue sets the message aside, to be redriven by an operator.
        if attempt < MAX_ATTEMPTS:
            postpone(record["receiptHandle"], delay_after(attempt))
    except StoreUnavailableError:
        logger.warning("an attempt could not be reported", delivery_id=str(request.delivery_id))
    return False


@observed(logger)
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Post each message's webhook once.

    Returns:
        The messages to be delivered again, in the form of a partial batch response.
    """
    requests = [(record, _request(record)) for record in event["Records"]]
    posted = [(record, request) for record, request in requests if request is not None]
    attempted_at = datetime.now(UTC)
    answers = post_all(request for _, request in posted)
    done = {
        record["messageId"]
        for (record, request), answer in zip(posted, answers, strict=True)
        if _settle(record, request, answer, attempted_at)
    }
    failed = [record["messageId"] for record in event["Records"] if record["messageId"] not in done]
    logger.info("webhooks posted", done=len(done), failed=len(failed))
    return {"batchItemFailures": [{"itemIdentifier": message} for message in failed]}
