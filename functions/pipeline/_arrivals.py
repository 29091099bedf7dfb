"""Which raw documents an event is about."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import unquote_plus


@dataclass(frozen=True, slots=True)
class Arrival:
    """An object to be parsed.

    Attributes:
        key: Its key.
        arrived_on: UTC day it was put into the bucket; ``None`` where the event does not say.
    """

    key: str
    arrived_on: date | None = None


def arrivals_in(body: str) -> list[Arrival]:
    """Return what a message is about: an S3 notification, or ``items`` as an operator queues them.

    S3 tells a new bucket's queue of a test, which is about nothing.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html

    Raises:
        ValueError: It is neither.
    """
    message = json.loads(body)
    match message:
        case {"Records": list(records)}:
            return [_arrival(record) for record in records]
        case {"Items": _}:
            return list(items_in(message))
        case {"Event": "s3:TestEvent"}:
            return []
    msg = "the message is about no objects"
    raise ValueError(msg)


def items_in(event: dict[str, Any]) -> Iterator[Arrival]:
    """Yield the objects of ``{"Items": [{"Key": ...}]}``, as a Distributed Map gives them.

    Raises:
        ValueError: It is not of that form.
    """
    for item in event["Items"]:
        match item:
            case {"Key": str(key)}:
                yield Arrival(key)
            case _:
                msg = "an item has no key"
                raise ValueError(msg)


def _arrival(record: Any) -> Arrival:
    match record:
        case {"eventTime": str(time), "s3": {"object": {"key": str(key)}}}:
            day = datetime.fromisoformat(time).astimezone(UTC).date()
            return Arrival(unquote_plus(key), day)
    msg = "a record is no notification of S3"
    raise ValueError(msg)
