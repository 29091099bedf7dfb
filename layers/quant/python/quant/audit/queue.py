"""The SQS queue that keeps audit entries while Postgres is away.

Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
"""

from functools import cache
from typing import Any, Final

from quant.audit.entries import Entry
from quant.observability.aws_calls import traced
from quant.settings import AuditSettings

# A request waits for the queue only when Postgres has already let it down.
CONNECT_TIMEOUT_S: Final = 1.0
READ_TIMEOUT_S: Final = 2.0


class QueueUnavailableError(Exception):
    """The queue did not take the entry."""


@cache
def _client() -> Any:
    # Imported here: only the functions whose database is away pay for it.
    import boto3  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    return traced(
        boto3.client(
            "sqs",
            config=Config(
                connect_timeout=CONNECT_TIMEOUT_S,
                read_timeout=READ_TIMEOUT_S,
                retries={"total_max_attempts": 2, "mode": "standard"},
            ),
        )
    )


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
