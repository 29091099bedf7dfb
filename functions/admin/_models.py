"""Parameters and answers of the audit log's route."""

import ipaddress
import uuid
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, Field, StringConstraints

from quant.audit.entries import MAX_TEXT_LENGTH
from quant.audit.filters import AuditFilters
from quant.audit.retention import Tag
from quant.vocabulary import AuditEvent
from quant_http.models import PageInfo, PageQuery

# Postgres has no NUL in texts.
_Text = Annotated[
    str, StringConstraints(min_length=1, max_length=MAX_TEXT_LENGTH, pattern=r"^[^\x00]+$")
]


def _network(value: str) -> str:
    return str(ipaddress.ip_network(value))


class AuditQuery(PageQuery):
    """Parameters of the audit log."""

    event: AuditEvent | None = None
    actor: Annotated[uuid.UUID | None, Field(description="Account that did it.")] = None
    target: Annotated[
        _Text | None, Field(description="Identifier of what it was done to.", examples=["free"])
    ] = None
    network: Annotated[
        Annotated[str, StringConstraints(max_length=64), AfterValidator(_network)] | None,
        Field(description="Anonymised network of the client.", examples=["203.0.113.0/24"]),
    ] = None
    request_id: Annotated[_Text | None, Field(description="Request it happened in.")] = None
    occurred_from: Annotated[
        AwareDatetime | None,
        Field(alias="from", description="First time.", examples=["2026-11-01T00:00:00Z"]),
    ] = None
    occurred_to: Annotated[
        AwareDatetime | None,
        Field(alias="to", description="End, exclusive.", examples=["2026-12-01T00:00:00Z"]),
    ] = None

    def filters(self) -> AuditFilters:
        """Return the domain's form of these parameters."""
        return AuditFilters(**self.model_dump(exclude={"limit", "cursor"}))


class AuditEntry(BaseModel):
    """One entry of the audit log."""

    sequence: int = Field(description="Place in the log, without gaps.", examples=[42])
    entry_id: uuid.UUID = Field(examples=["5f0c1d8e-2b7a-4c3d-9e6f-7a8b9c0d1e2f"])
    occurred_at: datetime = Field(examples=["2026-11-23T12:00:00Z"])
    recorded_at: datetime = Field(
        description="When it was appended; later than `occurred_at` if it waited in the queue.",
        examples=["2026-11-23T12:00:00Z"],
    )
    event: AuditEvent
    actor: uuid.UUID | None = Field(
        description="Account that did it, if known.",
        examples=["0b7f3b8e-6a5c-4c0e-9d3c-2f6a6c1f7a10"],
    )
    target: str | None = Field(
        description="Identifier of what it was done to.",
        examples=["0b7f3b8e-6a5c-4c0e-9d3c-2f6a6c1f7a10"],
    )
    request_id: str | None = Field(examples=["4d1e3f6a-6a52-4f0e-9d5b-0a1f2b3c4d5e"])
    user_agent_hash: str | None = Field(examples=["9f86d081884c7d65"])
    network: str | None = Field(description="Anonymised.", examples=["203.0.113.0/24"])
    tags: list[Tag] = Field(description="Why the entry is kept.")
    details: dict[str, Any] = Field(examples=[{"reason": "wrong password"}])
    hash: str = Field(
        description="SHA-256 that chains it to the entry before, hexadecimal.",
        examples=["e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
    )


class AuditPage(BaseModel):
    """One page of the audit log."""

    data: list[AuditEntry]
    page: PageInfo
