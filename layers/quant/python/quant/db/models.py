"""Typed SQLAlchemy models of the schema; the migrations in ``quant/db/migrations`` create it.

Primary keys of disclosed facts are UUIDv5 of their natural key (see ``quant.identity``), so that
the same filings always give the same rows, whatever the order or number of imports.
"""

import uuid
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Date,
    DateTime,
    Double,
    Enum,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    Numeric,
    SmallInteger,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from quant.vocabulary import (
    AssetType,
    Chamber,
    FilingSource,
    FilingStatus,
    Operation,
    OptionType,
    Owner,
    Party,
)


def _values(vocabulary: Any) -> list[str]:
    return [member.value for member in vocabulary]


def vocabulary_column(vocabulary: Any, name: str) -> Enum:
    """Return the column type that holds values of a closed vocabulary."""
    # Text with a check constraint: a new value is one expand migration, not an ALTER TYPE.
    return Enum(
        vocabulary,
        name=name,
        values_callable=_values,
        native_enum=False,
        create_constraint=True,
        length=32,
    )


class Base(DeclarativeBase):
    """Declarative base with PostgreSQL naming conventions for constraints."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: Text,
        uuid.UUID: PG_UUID(as_uuid=True),
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        list[str]: ARRAY(Text),
        Decimal: Numeric(16, 2),
    }


class Politician(Base):
    """A member of Congress, or a filer not yet matched to one (``bioguide_id`` is null)."""

    __tablename__ = "politicians"
    __table_args__ = (
        UniqueConstraint("bioguide_id"),
        CheckConstraint("bioguide_id ~ '^[A-Z][0-9]{6}$'", name="bioguide_id_format"),
        CheckConstraint("state ~ '^[A-Z]{2}$'", name="state_format"),
        CheckConstraint("district between 0 and 99", name="district_range"),
        CheckConstraint("district is null or chamber = 'house'", name="district_house_only"),
        Index("ix_politicians_sort_name_id", "sort_name", "id"),
        Index(
            "ix_politicians_full_name_trgm",
            "full_name",
            postgresql_using="gin",
            postgresql_ops={"full_name": "gin_trgm_ops"},
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    bioguide_id: Mapped[str | None]
    full_name: Mapped[str]
    first_name: Mapped[str | None]
    last_name: Mapped[str | None]
    sort_name: Mapped[str]  # "last, first" in lower case: the order of a list by name
    chamber: Mapped[Chamber] = mapped_column(vocabulary_column(Chamber, "chamber"))
    party: Mapped[Party | None] = mapped_column(vocabulary_column(Party, "party"))
    state: Mapped[str | None]
    district: Mapped[int | None] = mapped_column(SmallInteger)
    in_office: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    synthetic: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))


class PoliticianActivity(Base):
    """A politician's trade count, kept by triggers on ``trades`` so that lists need no counting."""

    __tablename__ = "politician_activity"
    __table_args__ = (
        CheckConstraint("trade_count >= 0", name="trade_count_range"),
        Index("ix_politician_activity_trade_count_politician_id", "trade_count", "politician_id"),
    )

    politician_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("politicians.id", ondelete="CASCADE"), primary_key=True
    )
    trade_count: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))


class PoliticianAlias(Base):
    """A name under which a politician files; ``alias`` is normalised (``quant.ingest.names``)."""

    __tablename__ = "politician_aliases"

    chamber: Mapped[Chamber] = mapped_column(
        vocabulary_column(Chamber, "chamber"), primary_key=True
    )
    alias: Mapped[str] = mapped_column(primary_key=True)
    politician_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("politicians.id", ondelete="CASCADE"), index=True
    )


class LegislatorRecord(Base):
    """A member's names and terms as congress-legislators has them: what filer names match."""

    __tablename__ = "legislator_records"

    politician_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("politicians.id", ondelete="CASCADE"), primary_key=True
    )
    names: Mapped[dict[str, Any]]  # first, middle, last, nickname, official_full, ...
    terms: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)  # type, start, end, state, district


class Committee(Base):
    """A committee or subcommittee, keyed by its congress-legislators ``thomas_id``."""

    __tablename__ = "committees"

    id: Mapped[str] = mapped_column(primary_key=True)
    parent_id: Mapped[str | None] = mapped_column(ForeignKey("committees.id"))
    name: Mapped[str]
    chamber: Mapped[str] = mapped_column(
        Enum("house", "senate", "joint", name="chamber", native_enum=False, create_constraint=True)
    )
    jurisdiction: Mapped[str | None]


class CommitteeMembership(Base):
    """A politician's present seat on a committee."""

    __tablename__ = "committee_memberships"

    committee_id: Mapped[str] = mapped_column(ForeignKey("committees.id"), primary_key=True)
    politician_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("politicians.id"), primary_key=True, index=True
    )
    rank: Mapped[int | None] = mapped_column(SmallInteger)
    title: Mapped[str | None]
    side: Mapped[str | None]  # "majority" or "minority"


class Filing(Base):
    """A filing in an official system: one PTR, or an amendment of one."""

    __tablename__ = "filings"
    __table_args__ = (
        UniqueConstraint("source", "doc_id"),
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256_format"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    source: Mapped[FilingSource] = mapped_column(vocabulary_column(FilingSource, "source"))
    doc_id: Mapped[str]
    politician_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("politicians.id"), index=True)
    filed_date: Mapped[date | None] = mapped_column(Date)
    url: Mapped[str | None]
    # Of the raw document that counts, once the pipeline has read one (FilingDocument).
    sha256: Mapped[str | None]
    paper: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    amends_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("filings.id"))


class Ticker(Base):
    """An exchange symbol seen in disclosures or prices."""

    __tablename__ = "tickers"
    __table_args__ = (CheckConstraint("symbol ~ '^[A-Z0-9.^-]{1,24}$'", name="symbol_format"),)

    symbol: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str | None]
    sector: Mapped[str | None]


def _trade_indexes() -> Iterator[Index]:
    """Yield what lists of trades read: an index for each filter and sort (docs/adr/0030).

    Each ends in the id that makes the cursors of keyset pagination exact.
    """
    disclosure, transaction, amount = "disclosure_date", "transaction_date", "amount_min"
    disclosed = text("coalesce(disclosure_date, '0001-01-01')")
    sorts = (("disclosure", disclosed), ("transaction", transaction), ("amount", amount))
    of = {"politician": "politician_id"}
    for name, key in sorts:
        yield Index(f"ix_trades_{name}", key, "id")
        for column in ("politician", "ticker"):
            yield Index(f"ix_trades_{column}_{name}", of.get(column, column), key, "id")
        # Postgres reads an expression from an index alone only where its columns are there, too.
        read = (disclosure,) if key is disclosed else ()
        # Of either chamber there are many trades of every amount.
        chamber = () if key is amount else ("chamber",)
        for column in (*chamber, "party", "operation", "owner", "asset_type"):
            yield Index(f"ix_trades_{column}_{name}", column, key, "id", postgresql_include=read)

    # A range of one column in the order of another: see ``quant.trade_ranges``.
    for name, column, key, included in (
        ("disclosure", transaction, disclosed, (transaction, disclosure)),
        ("amount", transaction, amount, (transaction,)),
        ("transaction", disclosure, transaction, (disclosure,)),
        ("amount", disclosure, amount, (disclosure,)),
    ):
        of_column = f"ix_trades_{column.removesuffix('_date')}"
        for kind, days in (("weeks", 28), ("24_weeks", 168)):
            yield Index(
                f"{of_column}_{kind}_{name}",
                text(f"(({column} - '2000-01-01') / {days})"),
                key,
                "id",
                postgresql_include=included,
            )
    upper = text("coalesce(amount_max, 'Infinity')")
    category = text(
        "width_bucket(amount_min, '{1001,15001,50001,100001,250001,500001,1000001,5000001,25000001,"
        "50000001}'::numeric[])"
    )
    is_range = text("amount_max is distinct from amount_min")
    is_exact = text("amount_max = amount_min")
    for name, keys, columns in (
        ("disclosure", (disclosed,), (disclosure,)),
        ("transaction", (transaction,), ()),
        ("amount", (), ()),
    ):
        yield Index(
            f"ix_trades_range_{name}",
            amount,
            upper,
            *keys,
            "id",
            postgresql_include=("amount_max", *columns),
            postgresql_where=is_range,
        )
        yield Index(
            f"ix_trades_exact_{name}",
            *((category, *keys) if keys else (amount,)),
            "id",
            postgresql_include=(amount, *columns) if keys else (),
            postgresql_where=is_exact,
        )


class Trade(Base):
    """One transaction line of a PTR.

    ``line_hash`` identifies the line's content within its filing and ``occurrence`` tells apart
    identical lines of one filing; with the filing they are the natural key.
    """

    __tablename__ = "trades"
    __table_args__ = (
        UniqueConstraint("filing_id", "line_hash", "occurrence"),
        CheckConstraint("occurrence >= 0", name="occurrence_range"),
        CheckConstraint("amount_min >= 0", name="amount_min_range"),
        CheckConstraint("amount_max >= amount_min", name="amount_order"),
        CheckConstraint("line_number >= 1", name="line_number_range"),
        CheckConstraint("transaction_date >= date '1990-01-01'", name="transaction_date_range"),
        CheckConstraint("notification_date >= transaction_date", name="notification_order"),
        CheckConstraint("disclosure_date >= transaction_date", name="disclosure_order"),
        CheckConstraint("ticker_confidence between 0 and 1", name="ticker_confidence_range"),
        *_trade_indexes(),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    politician_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("politicians.id"))
    # The politician's, which triggers write down here: an index has columns of one table.
    chamber: Mapped[str | None]
    party: Mapped[str | None]
    filing_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("filings.id"))
    line_hash: Mapped[str]  # 16 hex digits, see quant.identity.line_hash
    occurrence: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    line_number: Mapped[int | None] = mapped_column(SmallInteger)  # null: the source has none
    owner: Mapped[Owner | None] = mapped_column(vocabulary_column(Owner, "owner"))
    asset: Mapped[str]
    ticker: Mapped[str | None] = mapped_column(ForeignKey("tickers.symbol"))
    asset_type: Mapped[AssetType | None] = mapped_column(vocabulary_column(AssetType, "asset_type"))
    operation: Mapped[Operation] = mapped_column(vocabulary_column(Operation, "operation"))
    transaction_date: Mapped[date] = mapped_column(Date)
    notification_date: Mapped[date | None] = mapped_column(Date)
    disclosure_date: Mapped[date | None] = mapped_column(Date)
    amount_min: Mapped[Decimal]
    amount_max: Mapped[Decimal | None]  # null: the top category has no upper bound
    capital_gains_over_200: Mapped[bool | None] = mapped_column(Boolean)
    comment: Mapped[str | None]
    # What only official documents say; null where a trade came from another source.
    status: Mapped[FilingStatus | None] = mapped_column(vocabulary_column(FilingStatus, "status"))
    asset_code: Mapped[str | None]  # the House form's code, such as "ST"
    ticker_confidence: Mapped[Decimal | None] = mapped_column(Numeric(3, 2))
    subholding_of: Mapped[str | None]
    option_type: Mapped[OptionType | None] = mapped_column(
        vocabulary_column(OptionType, "option_type")
    )
    option_strike: Mapped[Decimal | None] = mapped_column(Numeric(16, 4))
    option_expires: Mapped[date | None] = mapped_column(Date)
    option_contracts: Mapped[int | None] = mapped_column(Integer)
    option_shares: Mapped[int | None] = mapped_column(BigInteger)
    option_exercised: Mapped[bool | None] = mapped_column(Boolean)
    # Codes of what a parser could not read or had to mend, e.g. "disclosure_date_unknown".
    notes: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    raw: Mapped[dict[str, Any]]


class Price(Base):
    """Daily closing price, in US dollars; partitioned by year of ``day``."""

    __tablename__ = "prices"
    __table_args__ = (
        CheckConstraint("close > 0", name="close_range"),
        CheckConstraint("volume >= 0", name="volume_range"),
        Index("ix_prices_day", "day", postgresql_using="brin"),
        {"postgresql_partition_by": "RANGE (day)"},
    )

    ticker: Mapped[str] = mapped_column(ForeignKey("tickers.symbol"), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    close: Mapped[float] = mapped_column(Double)
    adjusted_close: Mapped[float] = mapped_column(Double)
    volume: Mapped[int | None] = mapped_column(BigInteger)
    source: Mapped[str]
    # Of the raw document the price is from; null where a file was imported by hand.
    collected_on: Mapped[date | None] = mapped_column(Date)


class ImportRun(Base):
    """One run of ``quant import``: what it read and what became of each row."""

    __tablename__ = "import_runs"
    __table_args__ = (
        CheckConstraint(
            "finished_at is null or rows = inserted + existing + duplicates + rejected",
            name="counts_add_up",
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    source: Mapped[str]
    sha256: Mapped[str]
    started_at: Mapped[datetime] = mapped_column(server_default=func.now())
    finished_at: Mapped[datetime | None]
    rows: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    inserted: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    existing: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    duplicates: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    rejected: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    matched: Mapped[int] = mapped_column(Integer, server_default=text("0"))


class TradeDuplicate(Base):
    """A source row that reports a trade another filing already reports."""

    __tablename__ = "trade_duplicates"
    __table_args__ = (UniqueConstraint("filing_id", "line_hash", "occurrence"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    trade_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("trades.id"), index=True)
    filing_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("filings.id"))
    line_hash: Mapped[str]
    occurrence: Mapped[int] = mapped_column(SmallInteger)
    raw: Mapped[dict[str, Any]]


class Reject(Base):
    """A source row that could not become a trade, with the reason and the raw row."""

    __tablename__ = "rejects"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(index=True)
    document: Mapped[str | None] = mapped_column(index=True)  # SHA-256 of the raw document
    reason: Mapped[str]
    detail: Mapped[str | None]
    raw: Mapped[dict[str, Any]]


class DataVersion(Base):
    """A single row, counted up by every change of disclosed data; keys caches and ETags."""

    __tablename__ = "data_version"
    __table_args__ = (CheckConstraint("id = 1", name="single_row"),)

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, server_default=text("1"))
    version: Mapped[int] = mapped_column(BigInteger, server_default=text("1"))
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
