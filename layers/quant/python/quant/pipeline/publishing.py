"""Send what waits in the outbox: fetch requests to their queue, disclosed trades to the bus.

Source: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
"""

import json
from collections.abc import Sequence
from functools import cache
from itertools import batched
from typing import Any, Final

from sqlalchemy import Connection

from quant import aws, sqs
from quant.db.session import write
from quant.errors import StoreUnavailableError
from quant.pipeline import outbox
from quant.pipeline.messages import EVENT_SOURCE, FETCH_REQUESTED, TRADE_DISCLOSED
from quant.settings import QueueSettings
from quant.snapstart import before_snapshot

# Sent in one transaction, which is open while SQS and EventBridge answer.
LOT: Final = 100

_EVENTS: Final = 10  # the most of one PutEvents


@cache
def _client() -> Any:
    return aws.client(
        "events",
        connect_timeout=sqs.CONNECT_TIMEOUT_S,
        read_timeout=sqs.READ_TIMEOUT_S,
        retries={"total_max_attempts": 3, "mode": "standard"},
    )


before_snapshot(_client)


def relay_lot(settings: QueueSettings) -> int:
    """Send the oldest messages of the outbox and mark them; return how many there were.

    What fails on the way leaves all of them unmarked: they are sent again, at least once in all.

    Raises:
        StoreUnavailableError: Postgres, SQS or EventBridge cannot be reached.
    """
    return write(lambda connection: _relay(connection, settings))


def _relay(connection: Connection, settings: QueueSettings) -> int:
    messages = outbox.pending(connection, LOT)
    fetches = [message for message in messages if message.topic == FETCH_REQUESTED]
    trades = [message for message in messages if message.topic == TRADE_DISCLOSED]
    if fetches:
        url = _required(settings.fetch_queue_url, "QUANT_FETCH_QUEUE_URL")
        sqs.send(url, [json.dumps(message.payload) for message in fetches])
    if trades:
        _publish(trades, _required(settings.event_bus_name, "QUANT_EVENT_BUS_NAME"))
    outbox.mark_sent(connection, [message.id for message in (*fetches, *trades)])
    return len(messages)


def _publish(messages: Sequence[outbox.Message], bus: str) -> None:
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    for part in batched(messages, _EVENTS):
        entries = [
            {
                "EventBusName": bus,
                "Source": EVENT_SOURCE,
                "DetailType": message.topic,
                "Detail": json.dumps(message.payload),
            }
            for message in part
        ]
        try:
            answer = _client().put_events(Entries=entries)
        except (BotoCoreError, ClientError) as error:
            raise StoreUnavailableError("events") from error
        if answer["FailedEntryCount"]:
            raise StoreUnavailableError("events")


def _required(value: str | None, variable: str) -> str:
    if value is None:
        msg = f"{variable} is not set"
        raise LookupError(msg)
    return value
