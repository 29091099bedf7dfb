"""The same lists as a conventional service: FastAPI, SQLAlchemy async and asyncpg.

Models of its own, a session for each request, response models, one worker of uvicorn with uvloop
and httptools, a pool as usual. The answers are ours, value for value. Like the floor it has no
limits, cache, entity tags, filters, other sorts or pages but the first.
"""

import base64
import hashlib
import json
import os
import uuid
from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, ClassVar

from fastapi import Depends, FastAPI, Query
from pydantic import BaseModel, ConfigDict
from sqlalchemy import (
    URL,
    BigInteger,
    ForeignKey,
    Numeric,
    SmallInteger,
    Text,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, contains_eager, mapped_column, relationship

engine = create_async_engine(
    URL.create(
        "postgresql+asyncpg",
        os.environ["BENCH_USER"],
        os.environ["BENCH_PASSWORD"],
        os.environ["QUANT_DATABASE_HOST"],
        int(os.environ["QUANT_DATABASE_PORT"]),
        os.environ["QUANT_DATABASE_NAME"],
    ),
    pool_size=5,
)
sessions = async_sessionmaker(engine, expire_on_commit=False)


class Base(DeclarativeBase):
    type_annotation_map: ClassVar[dict[Any, Any]] = {str: Text, list[str]: ARRAY(Text)}


class PoliticianRow(Base):
    __tablename__ = "politicians"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    bioguide_id: Mapped[str | None]
    full_name: Mapped[str]
    sort_name: Mapped[str]
    chamber: Mapped[str]
    party: Mapped[str | None]
    state: Mapped[str | None]
    district: Mapped[int | None] = mapped_column(SmallInteger)
    in_office: Mapped[bool]
    synthetic: Mapped[bool]


class ActivityRow(Base):
    __tablename__ = "politician_activity"

    politician_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(PoliticianRow.id), primary_key=True)
    trade_count: Mapped[int] = mapped_column(BigInteger)


class FilingRow(Base):
    __tablename__ = "filings"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    source: Mapped[str]
    doc_id: Mapped[str]
    url: Mapped[str | None]
    filed_date: Mapped[date | None]


class TradeRow(Base):
    __tablename__ = "trades"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    politician_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(PoliticianRow.id))
    filing_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(FilingRow.id))
    owner: Mapped[str | None]
    asset: Mapped[str]
    ticker: Mapped[str | None]
    ticker_confidence: Mapped[Decimal | None] = mapped_column(Numeric(3, 2))
    asset_type: Mapped[str | None]
    operation: Mapped[str]
    transaction_date: Mapped[date]
    notification_date: Mapped[date | None]
    disclosure_date: Mapped[date | None]
    amount_min: Mapped[Decimal]
    amount_max: Mapped[Decimal | None]
    capital_gains_over_200: Mapped[bool | None]
    comment: Mapped[str | None]
    filing_status: Mapped[str | None] = mapped_column("status")
    subholding_of: Mapped[str | None]
    option_type: Mapped[str | None]
    option_strike: Mapped[Decimal | None] = mapped_column(Numeric(16, 4))
    option_expires: Mapped[date | None]
    option_contracts: Mapped[int | None]
    option_shares: Mapped[int | None] = mapped_column(BigInteger)
    option_exercised: Mapped[bool | None]
    notes: Mapped[list[str]]

    politician: Mapped[PoliticianRow] = relationship()
    filing: Mapped[FilingRow] = relationship()

    @property
    def option(self) -> dict[str, Any] | None:
        if self.option_exercised is None:
            return None
        return {
            "type": self.option_type,
            "strike": self.option_strike,
            "expires": self.option_expires,
            "contracts": self.option_contracts,
            "shares": self.option_shares,
            "exercised": self.option_exercised,
        }


class DataVersionRow(Base):
    __tablename__ = "data_version"

    id: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger)


class Model(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class PoliticianReference(Model):
    id: uuid.UUID
    bioguide_id: str | None
    full_name: str
    chamber: str
    party: str | None
    state: str | None
    synthetic: bool


class Politician(PoliticianReference):
    district: int | None
    in_office: bool
    trade_count: int


class Filing(Model):
    source: str
    doc_id: str
    url: str | None
    filed_date: date | None


class Option(Model):
    type: str | None
    strike: float | None
    expires: date | None
    contracts: int | None
    shares: int | None
    exercised: bool


class Trade(Model):
    id: uuid.UUID
    politician: PoliticianReference
    owner: str | None
    asset: str
    ticker: str | None
    ticker_confidence: float | None
    asset_type: str | None
    operation: str
    transaction_date: date
    notification_date: date | None
    disclosure_date: date | None
    amount_min: float
    amount_max: float | None
    capital_gains_over_200: bool | None
    comment: str | None
    filing_status: str | None
    subholding_of: str | None
    option: Option | None
    notes: list[str]
    filing: Filing


class PageInfo(BaseModel):
    count: int
    next_cursor: str | None


class TradePage(BaseModel):
    data: list[Trade]
    page: PageInfo
    data_version: int


class PoliticianPage(BaseModel):
    data: list[Politician]
    page: PageInfo
    data_version: int


async def session() -> AsyncIterator[AsyncSession]:
    async with sessions() as opened:
        yield opened


Session = Annotated[AsyncSession, Depends(session)]
Limit = Annotated[int, Query(ge=1, le=100)]

app = FastAPI()


def cursor_after(sort: str, key: object, row_id: uuid.UUID) -> str:
    digest = hashlib.sha256(json.dumps({"sort": sort}).encode()).hexdigest()[:12]
    content = json.dumps([digest, str(key), str(row_id)], separators=(",", ":"))
    return base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")


VERSION = select(DataVersionRow.version).scalar_subquery()
# By the expression that an index has, which no parameter may be a part of.
DISCLOSED = func.coalesce(TradeRow.disclosure_date, literal_column("date '0001-01-01'"))


@app.get("/api/v1/trades", response_model=TradePage)
async def trades(session: Session, limit: Limit = 50) -> Any:
    rows = (
        await session.execute(
            select(TradeRow, DISCLOSED, VERSION)
            .join(TradeRow.politician)
            .join(TradeRow.filing)
            .options(contains_eager(TradeRow.politician), contains_eager(TradeRow.filing))
            .order_by(DISCLOSED.desc(), TradeRow.id.desc())
            .limit(limit + 1)
        )
    ).all()
    cursor = None
    if len(rows) > limit:
        trade, disclosed, _ = rows[limit - 1]
        cursor = cursor_after("-disclosure_date", disclosed, trade.id)
    data = [trade for trade, _, _ in rows[:limit]]
    return {
        "data": data,
        "page": {"count": len(data), "next_cursor": cursor},
        "data_version": rows[0][2],
    }


@app.get("/api/v1/politicians", response_model=PoliticianPage)
async def politicians(session: Session, limit: Limit = 50) -> Any:
    rows = (
        await session.execute(
            select(PoliticianRow, ActivityRow.trade_count, VERSION)
            .join(ActivityRow, ActivityRow.politician_id == PoliticianRow.id)
            .order_by(PoliticianRow.sort_name, PoliticianRow.id)
            .limit(limit + 1)
        )
    ).all()
    cursor = None
    if len(rows) > limit:
        last = rows[limit - 1][0]
        cursor = cursor_after("name", last.sort_name, last.id)
    data = [
        {
            "id": row.id,
            "bioguide_id": row.bioguide_id,
            "full_name": row.full_name,
            "chamber": row.chamber,
            "party": row.party,
            "state": row.state,
            "district": row.district,
            "in_office": row.in_office,
            "synthetic": row.synthetic,
            "trade_count": trade_count,
        }
        for row, trade_count, _ in rows[:limit]
    ]
    return {
        "data": data,
        "page": {"count": len(data), "next_cursor": cursor},
        "data_version": rows[0][2],
    }
