"""Parameters and answers of the audit log's route."""

import ipaddress
import uuid
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, Field, StringConstraints

from quant.audit.entries import MAX_TEXT_LENGTH
from quant.audit.listing import AuditFilters
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
    entry_id: uuid.UUID
    occurred_at: datetime
    recorded_at: datetime = Field(
        description="When it was appended; later than `occurred_at` if it waited in the queue."
    )
    event: AuditEvent
    actor: uuid.UUID | None = Field(description="Account that did it, if known.")
    target: str | None = Field(description="Identifier of what it was done to.")
    request_id: str | None
    user_agent_hash: str | None = Field(examples=["9f86d081884c7d65"])
    network: str | None = Field(description="Anonymised.", examples=["203.0.113.0/24"])
    tags: list[Tag] = Field(description="Why the entry is kept.")
    details: dict[str, Any]
    hash: str = Field(description="SHA-256 that chains it to the entry before, hexadecimal.")


class AuditPage(BaseModel):
    """One page of the audit log."""

    data: list[AuditEntry]
    page: PageInfo
