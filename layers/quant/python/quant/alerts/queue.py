"""The queues of alerts: webhooks that wait to be posted, and reports of how that went."""

from collections.abc import Iterable

from quant import sqs
from quant.pipeline.messages import DeliveryReport, WebhookRequest
from quant.settings import QueueSettings


def send_requests(requests: Iterable[WebhookRequest]) -> None:
    """Queue webhooks to be posted.

    Raises:
        StoreUnavailableError: The queue did not take all of them; it may hold some.
    """
    sqs.send(_deliveries(), [request.model_dump_json() for request in requests])


def send_report(report: DeliveryReport) -> None:
    """Queue a report of an attempt.

    Raises:
        StoreUnavailableError: The queue did not take it.
    """
    sqs.send(
        _required(QueueSettings().reports_queue_url, "QUANT_REPORTS_QUEUE_URL"),
        [report.model_dump_json()],
    )


def postpone(receipt_handle: str, seconds: int) -> None:
    """Have the queue of webhooks deliver a message again only after a while.

    Raises:
        StoreUnavailableError: The queue cannot be reached.
    """
    sqs.postpone(_deliveries(), receipt_handle, seconds)


def _deliveries() -> str:
    return _required(QueueSettings().deliveries_queue_url, "QUANT_DELIVERIES_QUEUE_URL")


def _required(url: str | None, variable: str) -> str:
    if url is None:
        msg = f"{variable} is not set"
        raise LookupError(msg)
    return url
