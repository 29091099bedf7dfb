"""Parameters, bodies and answers of the models routes."""

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field, StrictBool, StringConstraints

from quant.vocabulary import ModelEventKind, Verdict
from quant_http.models import BodyModel, DataVersionField, MethodReference
from quant_http.prediction_models import ModelNameField, ModelStatus, NoticeField, SyntheticField

_SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

# Postgres has no NUL in texts.
Reason = Annotated[
    str,
    StringConstraints(min_length=1, max_length=500, strip_whitespace=True, pattern=r"^[^\x00]+$"),
    Field(
        description="Why; kept with the model and in the audit log. No names of persons.",
        examples=["The artifact of version 4 predicts the wrong horizon."],
    ),
]
VersionNumber = Annotated[int, Field(strict=True, ge=1, le=2**31 - 1, examples=[3])]


class ModelList(BaseModel):
    """The models."""

    data: list[ModelStatus]
    methods: list[MethodReference]
    notice: NoticeField
    synthetic: SyntheticField
    data_version: DataVersionField


class ModelFeature(BaseModel):
    """A feature of a model."""

    name: str = Field(examples=["momentum_63"])
    title: str = Field(examples=["Return of the stock over 63 trading days"])
    formula: str = Field(examples=["close(t) / close(t - 63) - 1"])
    as_of_rule: str = Field(
        description="Why it was known at the end of `as_of`.",
        examples=["Closing prices of days up to as_of."],
    )
    kind: str = Field(description="`number`, `category` or `flag`.", examples=["number"])
    categories: list[str] = Field(description="Of a category.", examples=[[]])


class ModelVersionSummary(BaseModel):
    """A version that a training run registered."""

    version: VersionNumber
    run: str = Field(description="Training run.", examples=["4f1c2a9b0d3e5f67"])
    tracking_run: str | None = Field(
        description="Of the tracking server; null where it was not told.",
        examples=["0b7f3b8e6a5c5c0e9d3c2f6a6c1f7a10"],
    )
    sha256: str = Field(description="Of the artifact: the model's hash.", examples=[_SHA256])
    dataset: str = Field(description="Features it was trained on.", examples=["v41-f1"])
    trained_through: date = Field(
        description="Last day of a training row.", examples=["2026-08-14"]
    )
    verdict: Verdict = Field(examples=["accepted"])
    reasons: list[str] = Field(description="Why it was refused.", examples=[[]])
    synthetic: SyntheticField
    created_at: datetime = Field(examples=["2026-11-22T04:10:00Z"])


class ModelHistoryEvent(BaseModel):
    """Something that happened to the champion of a model."""

    kind: ModelEventKind = Field(examples=["promoted"])
    version: int | None = Field(examples=[3])
    previous_version: int | None = Field(examples=[2])
    reason: str | None = Field(examples=[None])
    by: str = Field(
        description="`pipeline` or `administrator`; the audit log knows which.",
        examples=["pipeline"],
    )
    occurred_at: datetime = Field(examples=["2026-11-22T04:10:00Z"])


class ModelCard(ModelStatus):
    """What a model is, how good it is, and where it comes from."""

    shown_version: ModelVersionSummary | None = Field(
        description="The version that `evaluation` and lineage are of: the champion, without one "
        "the latest; null where none has been trained."
    )
    evaluation: dict[str, Any] | None = Field(
        description="Out of sample: metrics by fold and overall, comparisons with each baseline "
        "with interval and p-value, coverage, calibration.",
        examples=[{"rows": 5120}],
    )
    features: list[ModelFeature]
    versions: list[ModelVersionSummary] = Field(description="The latest first.")
    events: list[ModelHistoryEvent] = Field(description="The latest first.")
    limits: list[str] = Field(
        description="What it cannot say.",
        examples=[["Committee seats before they were first collected are unknown."]],
    )


class ModelCardAnswer(BaseModel):
    """Answer with a model card."""

    data: ModelCard
    methods: list[MethodReference]
    notice: NoticeField
    data_version: DataVersionField


class ScorecardAnswer(BaseModel):
    """Answer with the live record of a model."""

    data: dict[str, Any] = Field(
        description="Of predictions stored before their outcome was known: how many, coverage, "
        "skill beside the baselines with intervals, calibration; drift of features.",
        examples=[{"model": "abnormal-return-21", "outcomes": 0}],
    )
    methods: list[MethodReference]
    notice: NoticeField
    synthetic: SyntheticField
    data_version: DataVersionField


class Promotion(BodyModel):
    """The version that is to be champion."""

    version: VersionNumber
    reason: Reason
    force: Annotated[
        StrictBool,
        Field(
            description="Needed to promote a version that was refused.",
            examples=[False],
        ),
    ] = False


class Rollback(BodyModel):
    """Back to the champion before."""

    version: Annotated[
        VersionNumber,
        Field(
            description="The champion that is to go. Where it no longer is the champion nothing "
            "changes, so that the request may be repeated."
        ),
    ]
    reason: Reason


class Switch(BodyModel):
    """The kill switch of a model."""

    disabled: Annotated[
        StrictBool, Field(description="True: nothing of the model is served.", examples=[True])
    ]
    reason: Reason


class ChampionAnswer(BaseModel):
    """The champion of a model after an administrator's decision."""

    model: ModelNameField
    version: VersionNumber
    since: datetime = Field(examples=["2026-11-22T04:10:00Z"])
    disabled: bool = Field(examples=[False])
    disabled_reason: str | None = Field(examples=[None])
    changed: bool = Field(
        description="Whether the request changed anything; a repeated one does not.",
        examples=[True],
    )
