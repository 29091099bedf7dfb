"""Messages between the functions of the pipeline; JSON on SQS and EventBridge.

A message may arrive more than once and in any order: whatever it leads to is idempotent.
"""

import uuid
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from quant.pipeline.sources import CollectionOutcome
from quant.vocabulary import FilingSource


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FetchRequest(_Message):
    """A filing to be fetched from its official system; sent once for each work item.

    Attributes:
        source: The system.
        doc_id: The filing's identifier there.
        year: The House index's year, part of the document's address.
        paper: Whether the Senate holds it as a scan.
    """

    source: FilingSource
    doc_id: Annotated[str, Field(pattern=r"^[0-9a-fA-F-]{1,40}$")]
    year: int | None = None
    paper: bool = False


class CollectionReport(_Message):
    """What one run of a collector did."""

    kind: Literal["collection"] = "collection"
    run_id: uuid.UUID
    collector: str
    started_at: datetime
    finished_at: datetime
    outcome: CollectionOutcome
    requests: int
    stored: int
    unchanged: int
    detail: str = ""


class WebhookRequest(_Message):
    """A webhook to be posted; it holds all that its delivery takes, for want of a database there.

    Attributes:
        delivery_id: Identifier of the delivery: the same in every attempt.
        watchlist_id: Whose secret signs it.
        generations: Generations of the secret that sign it, the newest first.
        url: Where it goes.
        body: JSON, to the letter.
    """

    delivery_id: uuid.UUID
    watchlist_id: uuid.UUID
    generations: Annotated[tuple[int, ...], Field(min_length=1, max_length=2)]
    url: str
    body: str


class DeliveryReport(_Message):
    """How one attempt to deliver a webhook ended."""

    kind: Literal["delivery"] = "delivery"
    delivery_id: uuid.UUID
    attempt: int
    attempted_at: datetime
    status: int | None  # HTTP status; None where there was no answer
    delivered: bool
    detail: str = ""


class TradeDisclosed(_Message):
    """A trade that became known; the detail of the ``trade.disclosed`` event."""

    trade_id: uuid.UUID
    politician_id: uuid.UUID
    politician: str
    ticker: str | None
    asset: str
    operation: str
    owner: str | None
    transaction_date: date
    disclosure_date: date | None
    amount_min: Decimal
    amount_max: Decimal | None
    filing_url: str | None
    synthetic: bool = False


EVENT_SOURCE = "quant.pipeline"
TRADE_DISCLOSED = "trade.disclosed"
FETCH_REQUESTED = "fetch.requested"
