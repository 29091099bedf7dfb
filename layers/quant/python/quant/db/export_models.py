"""Typed models of exports that take long, and of the research datasets (docs/export.md)."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Double, Index, SmallInteger, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from quant.db.models import Base, vocabulary_column
from quant.vocabulary import ExportFormat, ExportKind, ExportState


class ExportJob(Base):
    """An export that is made for an account in its own time.

    Its identifier is that of account, kind, parameters and data version: who asks twice asks for
    the same job. No foreign key on the account: a demo token's is not stored.
    """

    __tablename__ = "export_jobs"
    __table_args__ = (
        CheckConstraint("progress between 0 and 1", name="progress_range"),
        CheckConstraint("attempts >= 0", name="attempts_range"),
        CheckConstraint("rows >= 0", name="rows_range"),
        CheckConstraint("bytes >= 0", name="bytes_range"),
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256_format"),
        CheckConstraint(
            "state <> 'succeeded' or (finished_at is not null and sha256 is not null"
            " and rows is not null and bytes is not null and data_version is not null)",
            name="succeeded_has_result",
        ),
        Index("ix_export_jobs_account_id_created_at_id", "account_id", "created_at", "id"),
        Index("ix_export_jobs_created_at", "created_at"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    account_id: Mapped[uuid.UUID]
    kind: Mapped[ExportKind] = mapped_column(vocabulary_column(ExportKind, "kind"))
    parameters: Mapped[dict[str, Any]]
    state: Mapped[ExportState] = mapped_column(
        vocabulary_column(ExportState, "state"), server_default=ExportState.QUEUED
    )
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    queued_at: Mapped[datetime | None]  # when the queue last took a message of it
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    # Who makes it now, and until when nobody else takes it up.
    lease_holder: Mapped[uuid.UUID | None]
    lease_until: Mapped[datetime | None]
    started_at: Mapped[datetime | None]  # of the last attempt
    finished_at: Mapped[datetime | None]
    progress: Mapped[float] = mapped_column(Double, server_default=text("0"))
    rows: Mapped[int | None] = mapped_column(BigInteger)
    bytes: Mapped[int | None] = mapped_column(BigInteger)
    sha256: Mapped[str | None]
    # Of what was read, which may be later than that of the day it was asked for.
    data_version: Mapped[int | None] = mapped_column(BigInteger)
    files: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=text("'[]'"))
    expires_at: Mapped[datetime | None]  # null: its files are kept
    detail: Mapped[str | None]  # why the last attempt failed


class Dataset(Base):
    """A version of the research dataset in one format; its files are never changed."""

    __tablename__ = "datasets"
    __table_args__ = (CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256_format"),)

    version: Mapped[str] = mapped_column(primary_key=True)
    format: Mapped[ExportFormat] = mapped_column(
        vocabulary_column(ExportFormat, "format"), primary_key=True
    )
    schema_version: Mapped[int] = mapped_column(SmallInteger)
    data_version: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str]  # of SHA256SUMS, hence of the whole
    files: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)  # name, key, bytes, sha256, rows
    code_version: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
