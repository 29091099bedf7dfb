"""GET /api/v1/status: how fresh the data of each source is."""

from dataclasses import asdict
from datetime import date, datetime
from typing import Annotated

from fastapi import Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from quant.db import session
from quant.pipeline import freshness
from quant.pipeline.sources import CollectionOutcome, SourceName, SourceState
from quant_http.app import RouteApp
from quant_http.json import dump_json
from quant_http.models import QueryModel

app = RouteApp("status.show")

# Nothing here changes faster than collectors run.
_CACHE_CONTROL = "public, max-age=30"


class SourceStatus(BaseModel):
    """How fresh the data of one source is."""

    name: SourceName = Field(examples=["house"])
    state: SourceState = Field(
        description="`stale`: not asked with success for longer than `stale_after_s`.",
        examples=["current"],
    )
    last_run_at: datetime | None = Field(
        description="End of the last run, however it ended.", examples=["2026-11-24T03:00:00Z"]
    )
    last_outcome: CollectionOutcome | None = Field(
        description="How that run ended.", examples=["completed"]
    )
    last_success_at: datetime | None = Field(
        description="End of the last run that was completed.", examples=["2026-11-24T03:00:00Z"]
    )
    success_age_s: int | None = Field(description="Seconds since then.", examples=[1260])
    stale_after_s: int = Field(examples=[21600])
    latest_disclosure: date | None = Field(
        description="Last day of filing among the source's filings with trades; null for sources"
        " without filings.",
        examples=["2026-11-23"],
    )
    disclosure_age_days: int | None = Field(description="Days since then.", examples=[1])


class BacklogStatus(BaseModel):
    """Work that is left."""

    filings_to_fetch: int = Field(
        description="Listed reports that have not been read yet.", examples=[3]
    )
    oldest_listed_at: datetime | None = Field(
        description="Since when the first of them is listed.", examples=["2026-11-24T02:00:00Z"]
    )
    messages_to_send: int = Field(
        description="Internal messages, such as alerts, not sent yet.", examples=[0]
    )
    oldest_message_at: datetime | None = Field(
        description="Since when the first of them waits.", examples=["2026-11-24T03:20:00Z"]
    )
    documents_rejected: int = Field(
        description="Documents that could not be read as a whole.", examples=[0]
    )
    scans: int = Field(
        description="Reports filed on paper, which are recorded but not read.", examples=[412]
    )


class Status(BaseModel):
    """How fresh the data is."""

    current: bool = Field(description="Whether no source is stale.", examples=[True])
    at: datetime = Field(examples=["2026-11-24T03:21:00Z"])
    latest_disclosure: date | None = Field(
        description="Last day of filing among all filings with trades.", examples=["2026-11-23"]
    )
    disclosure_age_days: int | None = Field(description="Days since then.", examples=[1])
    sources: list[SourceStatus]
    backlog: BacklogStatus


@app.endpoint(
    summary="Get the freshness of the data", model=Status, errors=(422,), tags=["service"]
)
async def show(
    query: Annotated[QueryModel, Query()],  # noqa: ARG001 - refuses unknown parameters
) -> Response:
    """When each source was last asked for news, how old its latest disclosure is, what is left.

    The sample data of `make run` is no disclosure and does not count.
    """
    found = session.read(freshness.read_freshness)
    document = {
        "current": found.current,
        "latest_disclosure": found.latest_disclosure,
        "disclosure_age_days": found.disclosure_age_days,
        **asdict(found),
    }
    return Response(
        dump_json(document),
        media_type="application/json",
        headers={"Cache-Control": _CACHE_CONTROL},
    )


handler = app.handler
