"""Typed models of the pipeline: documents, lines as filed, work, outbox, reviews (docs/data.md).

What documents say is kept as it was read, for every version of a document; ``trades`` and
``trade_duplicates`` are made from it by ``quant.pipeline.settle``.
"""

import uuid
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Date,
    DateTime,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    Numeric,
    SmallInteger,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from quant.db.models import Base, vocabulary_column
from quant.pipeline.raw import DocumentKind
from quant.pipeline.sources import CollectionOutcome
from quant.vocabulary import (
    AssetType,
    Chamber,
    DocumentOutcome,
    FilingSource,
    FilingStatus,
    LineOutcome,
    Operation,
    OptionType,
    Owner,
)


class RawDocumentRecord(Base):
    """A raw document that was processed, and its quality report; ``key`` is its S3 object's.

    Processing it again replaces the row.
    """

    __tablename__ = "raw_documents"
    __table_args__ = (
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256_format"),
        CheckConstraint("rows = accepted + rejected", name="counts_add_up"),
        Index("ix_raw_documents_source_doc_id", "source", "doc_id"),
        Index("ix_raw_documents_processed_at_key", "processed_at", "key"),
    )

    key: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[DocumentKind] = mapped_column(vocabulary_column(DocumentKind, "kind"))
    sha256: Mapped[str]
    collected_on: Mapped[date] = mapped_column(Date)
    url: Mapped[str | None]
    # Of a filing; null for other documents.
    source: Mapped[FilingSource | None] = mapped_column(vocabulary_column(FilingSource, "source"))
    doc_id: Mapped[str | None]
    outcome: Mapped[DocumentOutcome] = mapped_column(vocabulary_column(DocumentOutcome, "outcome"))
    parser: Mapped[str | None]
    # Why a document was rejected: a code of quant.parsers.model.Unreadable, and its detail.
    reason: Mapped[str | None]
    detail: Mapped[str | None]
    rows: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    accepted: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    rejected: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    reject_reasons: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    # Names and tickers with their number of rows; further counts, such as filings by type.
    unmatched_names: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    unmatched_tickers: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    counts: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    processed_at: Mapped[datetime] = mapped_column(server_default=func.now())


class FilingDocument(Base):
    """One version of a filing's document, as parsed.

    The version that counts is the one collected last, then the one with the greatest SHA-256. A
    filing whose filer no document and no index names has no row in ``filings`` yet.
    """

    __tablename__ = "filing_documents"
    __table_args__ = (
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256_format"),
        Index("ix_filing_documents_source_doc_id", "source", "doc_id"),
        Index("ix_filing_documents_chamber_alias", "chamber", "alias"),
    )

    filing_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(primary_key=True)
    source: Mapped[FilingSource] = mapped_column(vocabulary_column(FilingSource, "source"))
    doc_id: Mapped[str]
    collected_on: Mapped[date] = mapped_column(Date)  # the last day these bytes were collected
    url: Mapped[str | None]
    parser: Mapped[str]
    paper: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    chamber: Mapped[Chamber | None] = mapped_column(vocabulary_column(Chamber, "chamber"))
    alias: Mapped[str | None]
    filer: Mapped[str | None]  # as the document names them
    state: Mapped[str | None]
    district: Mapped[int | None] = mapped_column(SmallInteger)
    signed_date: Mapped[date | None] = mapped_column(Date)
    filed_date: Mapped[date | None] = mapped_column(Date)
    amends: Mapped[str | None]  # doc_id of the filing it says it amends
    amendment_number: Mapped[int | None] = mapped_column(SmallInteger)


class FilingLine(Base):
    """A transaction line of one version of an official document.

    The facts are as parsed and stay. The last four columns are the settlement's: what it made of
    the line, and null for versions that do not count.
    """

    __tablename__ = "filing_lines"
    __table_args__ = (
        ForeignKeyConstraint(
            ["filing_id", "sha256"],
            ["filing_documents.filing_id", "filing_documents.sha256"],
            name="fk_filing_lines_document_filing_documents",
        ),
        CheckConstraint("line_number >= 1", name="line_number_range"),
        CheckConstraint("amount_min >= 0", name="amount_min_range"),
        CheckConstraint("amount_max >= amount_min", name="amount_order"),
        CheckConstraint("transaction_date >= date '1990-01-01'", name="transaction_date_range"),
        CheckConstraint("ticker_confidence between 0 and 1", name="ticker_confidence_range"),
        Index("ix_filing_lines_trade_id", "trade_id"),
        Index("ix_filing_lines_counterpart_id", "counterpart_id"),
        Index("ix_filing_lines_asset_key", "asset_key"),
    )

    filing_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(primary_key=True)
    line_number: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    trade_id: Mapped[uuid.UUID]  # the trade it is, if it is one (quant.identity.trade_id)
    line_hash: Mapped[str]
    occurrence: Mapped[int] = mapped_column(SmallInteger)
    status: Mapped[FilingStatus | None] = mapped_column(vocabulary_column(FilingStatus, "status"))
    reference: Mapped[str | None]
    owner: Mapped[Owner | None] = mapped_column(vocabulary_column(Owner, "owner"))
    asset: Mapped[str]
    asset_key: Mapped[str]  # the asset's name, normalised: what ticker reviews decide on
    ticker: Mapped[str | None]
    ticker_confidence: Mapped[Decimal | None] = mapped_column(Numeric(3, 2))
    asset_code: Mapped[str | None]
    asset_type: Mapped[AssetType | None] = mapped_column(vocabulary_column(AssetType, "asset_type"))
    operation: Mapped[Operation] = mapped_column(vocabulary_column(Operation, "operation"))
    transaction_date: Mapped[date] = mapped_column(Date)
    notification_date: Mapped[date | None] = mapped_column(Date)
    amount_min: Mapped[Decimal]
    amount_max: Mapped[Decimal | None]
    capital_gains_over_200: Mapped[bool | None] = mapped_column(Boolean)
    subholding_of: Mapped[str | None]
    description: Mapped[str | None]
    option_type: Mapped[OptionType | None] = mapped_column(
        vocabulary_column(OptionType, "option_type")
    )
    option_strike: Mapped[Decimal | None] = mapped_column(Numeric(16, 4))
    option_expires: Mapped[date | None] = mapped_column(Date)
    option_contracts: Mapped[int | None] = mapped_column(Integer)
    option_shares: Mapped[int | None] = mapped_column(BigInteger)
    option_exercised: Mapped[bool | None] = mapped_column(Boolean)
    notes: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    raw: Mapped[dict[str, Any]]
    # Found by name where the form states no symbol (quant.parsers.tickers, and reviews).
    resolved_ticker: Mapped[str | None]
    resolved_confidence: Mapped[Decimal | None] = mapped_column(Numeric(3, 2))
    outcome: Mapped[LineOutcome | None] = mapped_column(vocabulary_column(LineOutcome, "outcome"))
    # Repeated: the trade it repeats. Superseded: the line that replaced or deleted it.
    counterpart_id: Mapped[uuid.UUID | None]


class WorkItem(Base):
    """A PTR that an official index lists; the index collected last says when it was filed."""

    __tablename__ = "work_items"
    __table_args__ = (
        CheckConstraint("index_sha256 ~ '^[0-9a-f]{64}$'", name="index_sha256_format"),
    )

    source: Mapped[FilingSource] = mapped_column(
        vocabulary_column(FilingSource, "source"), primary_key=True
    )
    doc_id: Mapped[str] = mapped_column(primary_key=True)
    year: Mapped[int | None] = mapped_column(SmallInteger)
    filed_date: Mapped[date | None] = mapped_column(Date)
    paper: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    chamber: Mapped[Chamber] = mapped_column(vocabulary_column(Chamber, "chamber"))
    alias: Mapped[str | None]  # null: the index names nobody readable
    filer: Mapped[str | None]
    state: Mapped[str | None]
    district: Mapped[int | None] = mapped_column(SmallInteger)
    index_collected_on: Mapped[date] = mapped_column(Date)
    index_sha256: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ReferenceDocument(Base):
    """The newest document of each kind that says who serves in Congress and on which committees.

    They depend on each other and arrive in any order, so each arrival applies all of them.
    """

    __tablename__ = "reference_documents"

    kind: Mapped[DocumentKind] = mapped_column(
        vocabulary_column(DocumentKind, "kind"), primary_key=True
    )
    collected_on: Mapped[date] = mapped_column(Date)
    sha256: Mapped[str]
    content: Mapped[Any] = mapped_column(JSONB)


class OutboxMessage(Base):
    """A message to be sent at least once; a topic has each key once, ever."""

    __tablename__ = "outbox"
    __table_args__ = (
        UniqueConstraint("topic", "key"),
        Index("ix_outbox_pending", "id", postgresql_where=text("sent_at is null")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    topic: Mapped[str]
    key: Mapped[str]
    payload: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    sent_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class Collection(Base):
    """One run of a collector, as it reported."""

    __tablename__ = "collections"
    __table_args__ = (Index("ix_collections_collector_finished_at", "collector", "finished_at"),)

    run_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    collector: Mapped[str]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime]
    outcome: Mapped[CollectionOutcome] = mapped_column(
        vocabulary_column(CollectionOutcome, "outcome")
    )
    requests: Mapped[int] = mapped_column(Integer)
    stored: Mapped[int] = mapped_column(Integer)
    unchanged: Mapped[int] = mapped_column(Integer)
    detail: Mapped[str]


class ReviewDecision(Base):
    """What a person decided on an item of ``quant review``; the next settlement follows it.

    ``subject`` is an asset key (ticker), a line's trade id (amendment), a filing's
    ``source/doc_id`` (scan) or a raw document's key (document); ``value`` is what was accepted.
    """

    __tablename__ = "review_decisions"
    __table_args__ = (
        CheckConstraint(
            "kind in ('ticker', 'amendment', 'scan', 'document')", name="kind_vocabulary"
        ),
    )

    kind: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    accepted: Mapped[bool] = mapped_column(Boolean)
    value: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    reason: Mapped[str | None]
    decided_by: Mapped[str]
    decided_at: Mapped[datetime] = mapped_column(server_default=func.now())
