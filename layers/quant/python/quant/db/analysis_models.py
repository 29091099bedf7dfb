"""Typed models of what the analytics read beside disclosures, and of answers made ahead."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Date, Double, Enum, func
from sqlalchemy.orm import Mapped, mapped_column

from quant.db.models import Base


class FactorReturn(Base):
    """A day's or month's returns of the Fama-French three factors, as fractions.

    Source: Kenneth R. French's data library, "Fama/French 3 Factors"; a month's ``day`` is its
    last calendar day.
    """

    __tablename__ = "factor_returns"
    __table_args__ = (CheckConstraint("least(market, smb, hml, risk_free) > -1", name="range"),)

    frequency: Mapped[str] = mapped_column(
        Enum(
            "daily",
            "monthly",
            name="frequency",
            native_enum=False,
            create_constraint=True,
            length=32,
        ),
        primary_key=True,
    )
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    market: Mapped[float] = mapped_column(Double)  # in excess of risk_free
    smb: Mapped[float] = mapped_column(Double)  # small minus big
    hml: Mapped[float] = mapped_column(Double)  # high minus low book-to-market
    risk_free: Mapped[float] = mapped_column(Double)


class Analysis(Base):
    """An answer computed ahead by a batch: what ``kind`` of analysis, of which ``key``.

    It holds for the data version it was computed at, and says so wherever it is shown.
    """

    __tablename__ = "analyses"

    kind: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    data_version: Mapped[int] = mapped_column(BigInteger)
    method_version: Mapped[str]
    document: Mapped[dict[str, Any]]
    computed_at: Mapped[datetime] = mapped_column(server_default=func.now())
