"""Send messages to SQS queues, and put received ones off.

Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/
"""

from collections.abc import Callable, Iterable
from functools import cache, partial
from itertools import batched
from typing import Any, Final

from quant import aws
from quant.errors import StoreUnavailableError
from quant.snapstart import before_snapshot

CONNECT_TIMEOUT_S: Final = 2.0
READ_TIMEOUT_S: Final = 5.0

_BATCH: Final = 10  # the most of one SendMessageBatch
LONGEST_DELAY_S: Final = 12 * 3600 - 60  # a message may be hidden for 12 hours in all


@cache
def _client() -> Any:
    return aws.client(
        "sqs",
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        retries={"total_max_attempts": 3, "mode": "standard"},
    )


before_snapshot(_client)


def send(queue_url: str, bodies: Iterable[str]) -> None:
    """Put messages into a queue.

    Raises:
        StoreUnavailableError: The queue did not take all of them; it may have taken some.
    """
    for part in batched(bodies, _BATCH):
        entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(part)]
        answer = _translated(
            partial(_client().send_message_batch, QueueUrl=queue_url, Entries=entries)
        )
        if answer.get("Failed"):
            raise StoreUnavailableError("sqs")


def postpone(queue_url: str, receipt_handle: str, seconds: float) -> None:
    """Have a queue deliver a received message again only after a while, at most 12 hours.

    Raises:
        StoreUnavailableError: The queue cannot be reached, or the message is not held any more.
    """
    _translated(
        partial(
            _client().change_message_visibility,
            QueueUrl=queue_url,
            ReceiptHandle=receipt_handle,
            VisibilityTimeout=int(min(seconds, LONGEST_DELAY_S)),
        )
    )


def _translated(call: Callable[[], Any]) -> Any:
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    try:
        return call()
    except (BotoCoreError, ClientError) as error:
        raise StoreUnavailableError("sqs") from error
