"""Typed models of the append-only audit log (docs/audit.md)."""

import uuid
from datetime import datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from quant.db.models import Base, vocabulary_column
from quant.vocabulary import AuditEvent


class AuditEntry(Base):
    """One entry of the append-only audit log, chained to the one before by its hash.

    Written only through the SQL function ``append_audit_entry``; partitioned by month of
    ``recorded_at``, which never falls as ``sequence`` rises, so that a month is an unbroken run
    of entries. ``hash`` is SHA-256 over the previous hash and the entry's canonical form.
    """

    __tablename__ = "audit_log"
    __table_args__ = (
        PrimaryKeyConstraint("sequence", "recorded_at"),
        Index("ix_audit_log_actor_sequence", "actor", "sequence"),
        Index("ix_audit_log_event_sequence", "event", "sequence"),
        Index("ix_audit_log_target_sequence", "target", "sequence"),
        {"postgresql_partition_by": "RANGE (recorded_at)"},
    )

    sequence: Mapped[int] = mapped_column(BigInteger)
    recorded_at: Mapped[datetime]
    # Not after recorded_at; earlier by as long as an entry waited in the queue.
    occurred_at: Mapped[datetime]
    # Given by the writer: the same entry drained twice from the queue is appended once.
    entry_id: Mapped[uuid.UUID] = mapped_column(index=True)
    event: Mapped[AuditEvent] = mapped_column(vocabulary_column(AuditEvent, "event"))
    actor: Mapped[uuid.UUID | None]
    target: Mapped[str | None]
    request_id: Mapped[str | None] = mapped_column(index=True)
    user_agent_hash: Mapped[str | None]
    network: Mapped[str | None]  # anonymised: /24 or /48
    tags: Mapped[list[str]]
    # json, not jsonb: the text that was hashed is kept to the letter.
    details: Mapped[object] = mapped_column(JSON)
    previous_hash: Mapped[bytes] = mapped_column(LargeBinary)
    hash: Mapped[bytes] = mapped_column(LargeBinary)


class AuditChainHead(Base):
    """Where the chain ends; its one row is locked by whoever appends."""

    __tablename__ = "audit_chain_head"
    __table_args__ = (CheckConstraint("id = 1", name="single_row"),)

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, server_default=text("1"))
    sequence: Mapped[int] = mapped_column(BigInteger)
    recorded_at: Mapped[datetime]
    hash: Mapped[bytes] = mapped_column(LargeBinary)


class AuditAnchor(Base):
    """The last entry of a run that was purged: the chain is verified from there."""

    __tablename__ = "audit_anchors"

    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    recorded_at: Mapped[datetime]
    hash: Mapped[bytes] = mapped_column(LargeBinary)
    purged_at: Mapped[datetime] = mapped_column(server_default=func.now())
