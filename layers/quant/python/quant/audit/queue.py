"""The SQS queue that keeps audit entries while Postgres is away.

Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
"""

from functools import cache
from typing import Any, Final

from quant import aws
from quant.audit.entries import Entry
from quant.settings import AuditSettings
from quant.snapstart import before_snapshot

# A request waits for the queue only when Postgres has already let it down.
CONNECT_TIMEOUT_S: Final = 1.0
READ_TIMEOUT_S: Final = 2.0


class QueueUnavailableError(Exception):
    """The queue did not take the entry."""


@cache
def _client() -> Any:
    return aws.client(
        "sqs",
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        retries={"total_max_attempts": 2, "mode": "standard"},
    )


before_snapshot(_client)


def send(entry: Entry) -> None:
    """Put an entry into the queue.

    Raises:
        QueueUnavailableError: It could not be put there.
    """
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    try:
        _client().send_message(QueueUrl=AuditSettings().queue_url, MessageBody=entry.to_json())
    except (BotoCoreError, ClientError, ValueError) as error:
        # ValueError: there is no queue in the environment.
        raise QueueUnavailableError(type(error).__name__) from error
