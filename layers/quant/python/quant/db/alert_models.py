"""Typed models of watchlists and of the alerts they lead to (docs/alerts.md)."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    ForeignKey,
    Index,
    SmallInteger,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.orm import Mapped, mapped_column

from quant.db.models import Base, vocabulary_column
from quant.vocabulary import AlertChannel, DeliveryState


class Watchlist(Base):
    """What an account watches, and how it is told of new trades.

    No foreign keys on what is watched: a symbol may be watched before it is first traded, and
    committees come and go with each Congress.
    """

    __tablename__ = "watchlists"
    __table_args__ = (
        CheckConstraint("secret_generation >= 1", name="secret_generation_range"),
        Index("ix_watchlists_account_id_created_at_id", "account_id", "created_at", "id"),
        Index("ix_watchlists_tickers", "tickers", postgresql_using="gin"),
        Index("ix_watchlists_politicians", "politicians", postgresql_using="gin"),
        Index("ix_watchlists_committees", "committees", postgresql_using="gin"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    name: Mapped[str]
    tickers: Mapped[list[str]]
    politicians: Mapped[list[uuid.UUID]] = mapped_column(ARRAY(PG_UUID(as_uuid=True)))
    committees: Mapped[list[str]]  # congress-legislators thomas_id
    digest: Mapped[bool] = mapped_column(Boolean)
    webhook_url: Mapped[str | None]
    # Counted up by each rotation; the secret itself is derived (quant.alerts.signing).
    secret_generation: Mapped[int] = mapped_column(server_default=text("1"))
    secret_rotated_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
    # Health of the webhook: kept by the reports of its deliveries, forgotten with its URL.
    last_delivered_at: Mapped[datetime | None]
    failing_since: Mapped[datetime | None]
    webhook_disabled_at: Mapped[datetime | None]
    disabled_notice_at: Mapped[datetime | None]  # when the owner was told


class AlertDelivery(Base):
    """One alert on its way: a trade (or a test, which has none) to a watchlist by one channel."""

    __tablename__ = "alert_deliveries"
    __table_args__ = (
        # A trade is announced once to a watchlist and channel, however often it is disclosed.
        UniqueConstraint("trade_id", "watchlist_id", "channel"),
        CheckConstraint("attempts >= 0", name="attempts_range"),
        Index("ix_alert_deliveries_watchlist_id_created_at_id", "watchlist_id", "created_at", "id"),
        Index(
            "ix_alert_deliveries_waiting_digests",
            "watchlist_id",
            postgresql_where=text("channel = 'digest' and state = 'pending'"),
        ),
        Index("ix_alert_deliveries_created_at", "created_at"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, server_default=func.gen_random_uuid())
    watchlist_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("watchlists.id", ondelete="CASCADE"))
    channel: Mapped[AlertChannel] = mapped_column(vocabulary_column(AlertChannel, "channel"))
    # No foreign key: an amendment may supersede a trade that was announced.
    trade_id: Mapped[uuid.UUID | None]
    trade: Mapped[dict[str, Any] | None]  # as it was announced
    matched: Mapped[list[str]]  # which lists of the watchlist hold it
    url: Mapped[str | None]  # the webhook's, at the time
    state: Mapped[DeliveryState] = mapped_column(
        vocabulary_column(DeliveryState, "state"), server_default=DeliveryState.PENDING
    )
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    queued_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    last_attempt_at: Mapped[datetime | None]
    status: Mapped[int | None] = mapped_column(SmallInteger)  # HTTP status of the last answer
    detail: Mapped[str | None]
    delivered_at: Mapped[datetime | None]
