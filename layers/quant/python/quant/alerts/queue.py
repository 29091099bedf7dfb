"""The queues of alerts: webhooks that wait to be posted, and reports of how that went.

Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/
"""

from collections.abc import Iterable, Sequence
from functools import cache
from itertools import batched
from typing import Any, Final

from quant.errors import StoreUnavailableError
from quant.pipeline.messages import DeliveryReport, WebhookRequest
from quant.settings import QueueSettings

CONNECT_TIMEOUT_S: Final = 2.0
READ_TIMEOUT_S: Final = 5.0
_BATCH: Final = 10  # the most of one SendMessageBatch
_STORE: Final = "queue"


@cache
def _client() -> Any:
    # boto3 costs most of a second to import: only functions that use a queue pay for it.
    import boto3  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    return boto3.client(
        "sqs",
        config=Config(
            connect_timeout=CONNECT_TIMEOUT_S,
            read_timeout=READ_TIMEOUT_S,
            retries={"total_max_attempts": 3, "mode": "standard"},
        ),
    )


def send_requests(requests: Iterable[WebhookRequest]) -> None:
    """Queue webhooks to be posted.

    Raises:
        StoreUnavailableError: The queue did not take all of them; it may hold some.
    """
    url = _url(QueueSettings().deliveries_queue_url)
    for part in batched(requests, _BATCH):
        _send(url, [request.model_dump_json() for request in part])


def send_report(report: DeliveryReport) -> None:
    """Queue a report of an attempt.

    Raises:
        StoreUnavailableError: The queue did not take it.
    """
    _send(_url(QueueSettings().reports_queue_url), [report.model_dump_json()])


def postpone(receipt_handle: str, seconds: int) -> None:
    """Have the queue of webhooks deliver a message again only after a while.

    Raises:
        StoreUnavailableError: The queue cannot be reached.
    """
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    try:
        _client().change_message_visibility(
            QueueUrl=_url(QueueSettings().deliveries_queue_url),
            ReceiptHandle=receipt_handle,
            VisibilityTimeout=seconds,
        )
    except (BotoCoreError, ClientError) as error:
        raise StoreUnavailableError(_STORE) from error


def _url(url: str | None) -> str:
    if url is None:
        msg = "the function has no such queue"
        raise LookupError(msg)
    return url


def _send(url: str, bodies: Sequence[str]) -> None:
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)]
    try:
        answer = _client().send_message_batch(QueueUrl=url, Entries=entries)
    except (BotoCoreError, ClientError) as error:
        raise StoreUnavailableError(_STORE) from error
    if answer.get("Failed"):
        raise StoreUnavailableError(_STORE)
