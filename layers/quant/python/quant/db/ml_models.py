"""Typed models of the registry of models, their predictions and their drift (docs/adr/0021)."""

import uuid
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Date,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from quant.db.models import Base, vocabulary_column
from quant.vocabulary import ModelEventKind, Verdict


class ModelVersion(Base):
    """A version of a model that a training run registered; never changed.

    A run registers a model once, however often its steps are repeated.
    """

    __tablename__ = "model_versions"
    __table_args__ = (
        CheckConstraint("version > 0", name="version_range"),
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256_format"),
        Index("uq_model_versions_model_run", "model", "run", unique=True),
    )

    model: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True)
    run: Mapped[str]  # identifier of the training run
    tracking_run: Mapped[str | None]  # of the tracking server; null: it was not told
    sha256: Mapped[str]  # of the artifact, hence its key
    dataset: Mapped[str]  # features it was trained on, see quant.ml.layout.dataset_id
    trained_through: Mapped[date] = mapped_column(Date)  # last as_of of a training row
    verdict: Mapped[Verdict] = mapped_column(vocabulary_column(Verdict, "verdict"))
    reasons: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))  # why refused
    evaluation: Mapped[dict[str, Any]]  # metrics by fold, comparisons, coverage, calibration
    synthetic: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Champion(Base):
    """The version that predicts for a model, and whether it may."""

    __tablename__ = "champions"
    __table_args__ = (
        ForeignKeyConstraint(
            ["model", "version"], ["model_versions.model", "model_versions.version"]
        ),
    )

    model: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    since: Mapped[datetime] = mapped_column(server_default=func.now())
    # The kill switch: then nothing of the model is served.
    disabled: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    disabled_reason: Mapped[str | None]


class ModelEvent(Base):
    """What happened to the champion of a model: the way back leads through here."""

    __tablename__ = "model_events"
    __table_args__ = (Index("ix_model_events_model_id", "model", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    model: Mapped[str]
    kind: Mapped[ModelEventKind] = mapped_column(vocabulary_column(ModelEventKind, "kind"))
    version: Mapped[int | None] = mapped_column(Integer)
    previous_version: Mapped[int | None] = mapped_column(Integer)
    reason: Mapped[str | None]
    actor: Mapped[uuid.UUID | None]  # account; null: the pipeline itself
    occurred_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Prediction(Base):
    """One prediction, stored before its outcome can be known, and the outcome once it is."""

    __tablename__ = "predictions"
    __table_args__ = (
        ForeignKeyConstraint(
            ["model", "version"], ["model_versions.model", "model_versions.version"]
        ),
        Index(
            "uq_predictions_subject",
            "model",
            "version",
            "as_of",
            "politician_id",
            "ticker",
            "sector",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
        Index("ix_predictions_as_of_id", "as_of", "id"),
        Index("ix_predictions_model_as_of_id", "model", "as_of", "id"),
        Index("ix_predictions_politician_id_as_of_id", "politician_id", "as_of", "id"),
        Index("ix_predictions_ticker_model_as_of", "ticker", "model", "as_of"),
        Index(
            "ix_predictions_open",
            "model",
            "closes_on",
            postgresql_where=text("outcome is null and outcome_missing is null"),
        ),
        CheckConstraint("lower <= value and value <= upper", name="interval_holds_value"),
        CheckConstraint("(outcome is null) = (outcome_on is null)", name="outcome_has_a_day"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    model: Mapped[str]
    version: Mapped[int] = mapped_column(Integer)
    as_of: Mapped[date] = mapped_column(Date)  # nothing later was used
    politician_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("politicians.id"))
    ticker: Mapped[str | None] = mapped_column(ForeignKey("tickers.symbol"))
    sector: Mapped[str | None]
    # Day on which the outcome can be known; null while the trading days are not known that far.
    closes_on: Mapped[date | None] = mapped_column(Date)
    value: Mapped[float] = mapped_column(Double)
    lower: Mapped[float | None] = mapped_column(Double)
    upper: Mapped[float | None] = mapped_column(Double)
    baselines: Mapped[dict[str, Any]]  # what each baseline predicted
    base_value: Mapped[float] = mapped_column(Double)  # attributions add up from here
    attributions: Mapped[dict[str, Any]]  # SHAP value by feature, in the model's margin
    dataset: Mapped[str]
    made_at: Mapped[datetime] = mapped_column(server_default=func.now())
    outcome: Mapped[float | None] = mapped_column(Double)
    outcome_on: Mapped[date | None] = mapped_column(Date)
    outcome_missing: Mapped[str | None]  # why there will be none


class FeatureDrift(Base):
    """How far a feature, or the predictions, of a month are from those of training."""

    __tablename__ = "feature_drift"
    __table_args__ = (
        ForeignKeyConstraint(
            ["model", "version"], ["model_versions.model", "model_versions.version"]
        ),
    )

    model: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True)
    feature: Mapped[str] = mapped_column(primary_key=True)
    measured_on: Mapped[date] = mapped_column(Date, primary_key=True)
    rows: Mapped[int] = mapped_column(Integer)
    psi: Mapped[float] = mapped_column(Double)  # population stability index
