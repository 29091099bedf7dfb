"""Typed model of the append-only audit log."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, LargeBinary, PrimaryKeyConstraint
from sqlalchemy.orm import Mapped, mapped_column

from quant.db.models import Base, vocabulary_column
from quant.vocabulary import AuditEvent


class AuditEntry(Base):
    """One entry of the append-only audit log, chained to the one before by its hash.

    Written only through the SQL function ``append_audit_entry``; partitioned by month of
    ``occurred_at``. ``hash`` is SHA-256 over the previous hash and the entry's canonical text.
    """

    __tablename__ = "audit_log"
    __table_args__ = (
        PrimaryKeyConstraint("sequence", "occurred_at"),
        Index("ix_audit_log_actor_occurred_at", "actor", "occurred_at"),
        Index("ix_audit_log_event_occurred_at", "event", "occurred_at"),
        {"postgresql_partition_by": "RANGE (occurred_at)"},
    )

    sequence: Mapped[int] = mapped_column(BigInteger)
    occurred_at: Mapped[datetime]
    # Given by the writer: the same entry drained twice from the queue is appended once.
    entry_id: Mapped[uuid.UUID]
    event: Mapped[AuditEvent] = mapped_column(vocabulary_column(AuditEvent, "event"))
    actor: Mapped[uuid.UUID | None]
    target: Mapped[str | None]
    request_id: Mapped[str | None]
    user_agent_hash: Mapped[str | None]
    network: Mapped[str | None]  # anonymised: /24 or /48
    tags: Mapped[list[str]]
    details: Mapped[dict[str, Any]]
    previous_hash: Mapped[bytes] = mapped_column(LargeBinary)
    hash: Mapped[bytes] = mapped_column(LargeBinary)
