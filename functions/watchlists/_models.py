"""Parameters, bodies and answers of the watchlist routes."""

import uuid
from datetime import datetime
from typing import Annotated, Final, Literal

from fastapi import Path
from pydantic import BaseModel, Field, StringConstraints

from quant.alerts.content import MAX_ITEMS, WatchlistContent
from quant.alerts.endpoints import MAX_URL_LENGTH
from quant.vocabulary import AlertChannel, DeliveryState
from quant_http.models import (
    POLITICIAN_ID_PATTERN,
    BodyModel,
    PageInfo,
    PageQuery,
    QueryModel,
)

# No control characters, line separators or changes of direction: names end up in mails.
_PRINTABLE: Final = r"^[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]+$"
_EXAMPLE_ID: Final = "7d9f5a0c-3c1e-4b6f-9d0a-2f4b8e6c1a73"
_EXAMPLE_URL: Final = "https://hooks.example.org/trades"

WatchlistId = Annotated[
    uuid.UUID, Path(description="One of the caller's own.", examples=[_EXAMPLE_ID])
]
Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=_PRINTABLE),
]
Ticker = Annotated[
    str, StringConstraints(to_upper=True, pattern=r"^[A-Za-z0-9.^-]{1,24}$", strip_whitespace=True)
]
PoliticianId = Annotated[str, StringConstraints(pattern=POLITICIAN_ID_PATTERN)]
CommitteeId = Annotated[str, StringConstraints(to_upper=True, pattern=r"^[A-Za-z]{4}[0-9]{0,2}$")]


class NewWatchlist(BodyModel):
    """What to watch, at least one thing, and how to be told, in at least one way."""

    name: Annotated[Name, Field(description="What you call it.", examples=["chip makers"])]
    tickers: Annotated[
        list[Ticker], Field(max_length=MAX_ITEMS, description="Symbols.", examples=[["NVDA"]])
    ] = Field(default=[])
    politicians: Annotated[
        list[PoliticianId],
        Field(
            max_length=MAX_ITEMS,
            description="Identifiers (UUID) or bioguide ids.",
            examples=[["W000779"]],
        ),
    ] = Field(default=[])
    committees: Annotated[
        list[CommitteeId],
        Field(
            max_length=MAX_ITEMS,
            description="congress-legislators `thomas_id`; each stands for its present members.",
            examples=[["SSFI"]],
        ),
    ] = Field(default=[])
    digest: Annotated[
        bool,
        Field(strict=True, description="Whether to be mailed once a day.", examples=[True]),
    ] = False
    webhook_url: Annotated[
        Annotated[str, StringConstraints(min_length=1, max_length=MAX_URL_LENGTH)] | None,
        Field(
            description="Where each trade is posted: https, at a public address.",
            examples=[_EXAMPLE_URL],
        ),
    ] = None

    def content(self) -> WatchlistContent:
        """Return the domain's form of this body."""
        return WatchlistContent(
            name=self.name,
            tickers=tuple(self.tickers),
            politicians=tuple(self.politicians),
            committees=tuple(self.committees),
            digest=self.digest,
            webhook_url=self.webhook_url,
        )


class Watchlist(BaseModel):
    """A watchlist, without its webhook's secret."""

    id: uuid.UUID = Field(examples=[_EXAMPLE_ID])
    name: str = Field(examples=["chip makers"])
    tickers: list[str] = Field(examples=[["NVDA"]])
    politicians: list[uuid.UUID] = Field(examples=[["0b7f3b8e-6a5c-5c0e-9d3c-2f6a6c1f7a10"]])
    committees: list[str] = Field(examples=[["SSFI"]])
    digest: bool = Field(examples=[True])
    webhook_url: str | None = Field(examples=[_EXAMPLE_URL])
    failing_since: datetime | None = Field(
        description="Since when the webhook takes nothing.", examples=["2026-11-23T12:00:00Z"]
    )
    webhook_disabled_at: datetime | None = Field(
        description="When it was turned off, having failed for days; replacing the watchlist "
        "turns it on again.",
        examples=["2026-11-26T12:00:00Z"],
    )
    created_at: datetime = Field(examples=["2026-11-01T09:40:00Z"])
    updated_at: datetime = Field(examples=["2026-11-01T09:40:00Z"])


class WebhookSecret(BaseModel):
    """The secret that signs a watchlist's webhooks."""

    webhook_secret: str = Field(
        description="Shown this once; Standard Webhooks libraries take it as it is.",
        examples=["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDayCxmOZ6N5c="],
    )


class CreatedWatchlist(Watchlist, WebhookSecret):
    """A new watchlist with its webhook's secret."""


class WatchlistPage(BaseModel):
    """One page of the caller's watchlists, the newest first."""

    data: list[Watchlist]
    page: PageInfo


class DeliveriesQuery(PageQuery):
    """Parameters of the list of deliveries."""

    state: Annotated[DeliveryState | None, Field(description="What became of them.")] = None


class UnsubscribeQuery(QueryModel):
    """What the link of a digest carries."""

    token: Annotated[
        str,
        StringConstraints(pattern=r"^[0-9a-f]{32}\.[A-Za-z0-9_-]{43}$"),
        Field(
            description="The link's token: of the account, and good for nothing else.",
            examples=[
                "5b0c6f1e58f24c0e8f640c9e0a3a2c11.Zk1b7Qe0mX9c4Vt2s8yLw5uJh3gRfDnPa6oIiKxTzEM"
            ],
        ),
    ]


class Delivery(BaseModel):
    """An alert on its way, or one that arrived."""

    id: uuid.UUID = Field(
        description="The `webhook-id` of every attempt.",
        examples=["c1f0a3f4-5a51-4c77-8d1b-7f7d2b9c6e21"],
    )
    channel: AlertChannel = Field(examples=["webhook"])
    trade_id: uuid.UUID | None = Field(
        description="Null for a test.", examples=["2f6a6c1f-7a10-5c0e-9d3c-0b7f3b8e6a5c"]
    )
    matched: list[Literal["politician", "ticker", "committee"]] = Field(
        description="Which lists of the watchlist hold the trade.", examples=[["ticker"]]
    )
    state: DeliveryState = Field(examples=["delivered"])
    created_at: datetime = Field(examples=["2026-11-23T12:00:00Z"])
    attempts: int = Field(examples=[1])
    last_attempt_at: datetime | None = Field(examples=["2026-11-23T12:00:02Z"])
    status: int | None = Field(
        description="HTTP status of the last answer; null without one.", examples=[204]
    )
    detail: str | None = Field(
        description="Why the last attempt failed.", examples=["answered 500"]
    )
    delivered_at: datetime | None = Field(examples=["2026-11-23T12:00:02Z"])


class DeliveryPage(BaseModel):
    """One page of a watchlist's deliveries, the newest first; kept for 90 days."""

    data: list[Delivery]
    page: PageInfo
