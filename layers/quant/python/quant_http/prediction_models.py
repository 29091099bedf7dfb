"""Models of answers about models and their predictions, which several resources share."""

import uuid
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Final

from fastapi import Path
from pydantic import BaseModel, Field

from quant.ml.catalogue import MODELS, Subject, Task
from quant.vocabulary import Verdict
from quant_http.models import PoliticianReference

_EXAMPLE_MODEL: Final = "abnormal-return-21"

# The catalogue is closed: a name that is not in it is a mistake of the caller.
ModelName = StrEnum("ModelName", [(name, name) for name in MODELS])  # type: ignore[misc]
ModelPath = Annotated[
    str,
    Path(
        description="Name of a model; `GET /api/v1/models` lists them.",
        pattern=r"^[a-z0-9-]{1,64}$",
        examples=[_EXAMPLE_MODEL],
    ),
]
ModelNameField = Annotated[str, Field(description="Name of a model.", examples=[_EXAMPLE_MODEL])]
NoticeField = Annotated[
    str,
    Field(
        description="What the numbers are not.",
        examples=["Estimates from disclosed data with the record they have; no investment advice."],
    ),
]
SyntheticField = Annotated[
    bool,
    Field(
        description="Whether made-up demonstration data are among what the numbers rest on.",
        examples=[False],
    ),
]


class ModelState(StrEnum):
    """Whether a model predicts, and why not."""

    CHAMPION = "champion"
    DISABLED = "disabled"
    REFUSED = "refused"
    NONE = "none"


class LiveRecord(BaseModel):
    """What became of the predictions stored before their outcome was known, of all versions."""

    predictions: int = Field(description="Stored.", examples=[1830])
    outcomes: int = Field(description="Those whose outcome is known.", examples=[1204])
    missing: int = Field(
        description="Those that will have none, such as of a ticker without prices.", examples=[12]
    )
    intervals: int = Field(
        description="Those with an interval among the known outcomes.", examples=[1204]
    )
    coverage: float | None = Field(
        description="Share of these intervals that held the outcome; null without any.",
        examples=[0.897],
    )


class ModelRecord(BaseModel):
    """How good the model has been; the two records are never mixed."""

    out_of_sample: dict[str, Any] | None = Field(
        description="Of the champion's training run, on rows later than those it was fitted on: "
        "mean loss and skill beside the baselines', coverage or calibration, and the comparisons; "
        "the model card has them by fold. Null without a champion.",
        examples=[
            {
                "loss": "squared_error",
                "rows": 5120,
                "coverage": {"level": 0.9, "value": 0.902, "lower": 0.889, "upper": 0.915},
                "comparisons": {"zero": {"p_value": 0.31, "n": 5120}},
            }
        ],
    )
    live: LiveRecord


class ModelStatus(BaseModel):
    """A model, whether it predicts, and its record so far."""

    name: ModelNameField
    title: str = Field(examples=["Abnormal return over 21 trading days"])
    description: str = Field(
        description="What its number says.",
        examples=["The stock's return less the benchmark's over 21 trading days."],
    )
    task: Task = Field(description="What kind of number it predicts.", examples=["return"])
    subject: Subject = Field(description="What one prediction is about.", examples=["disclosure"])
    unit: str = Field(description="Of the number.", examples=["fraction"])
    horizon: int = Field(examples=[21])
    horizon_unit: str = Field(examples=["trading_days"])
    interval_level: float = Field(
        description="Share of outcomes that an interval is made to hold.", examples=[0.9]
    )
    baselines: list[str] = Field(
        description="What a version has to beat.", examples=[["zero", "historical_mean", "ridge"]]
    )
    state: ModelState = Field(
        description="`champion`: it predicts. `disabled`: an administrator has switched it off. "
        "`refused`: no version has beaten the baselines. `none`: none has been trained.",
        examples=["champion"],
    )
    reason: str | None = Field(
        description="Why it predicts nothing; null where it does.",
        examples=["Version 2 does not beat the baseline zero (p = 0.31)."],
    )
    version: int | None = Field(description="The champion; null without one.", examples=[3])
    since: datetime | None = Field(
        description="When it became the champion.", examples=["2026-11-22T04:10:00Z"]
    )
    latest_version: int | None = Field(
        description="The version registered last; null without any.", examples=[4]
    )
    latest_verdict: Verdict | None = Field(
        description="Whether that one may become champion by itself.", examples=["refused"]
    )
    synthetic: SyntheticField
    record: ModelRecord


class Attribution(BaseModel):
    """What one feature adds to a prediction."""

    feature: str = Field(examples=["momentum_63"])
    value: float = Field(
        description="SHAP value in the model's margin, before link and calibration.",
        examples=[0.0021],
    )


class Prediction(BaseModel):
    """One prediction, and its outcome once it is known."""

    id: uuid.UUID | None = Field(
        description="Of the stored prediction; null where it is not stored, and is then no part of "
        "the record.",
        examples=["8f14e45f-ceea-5b1c-9a3d-5d1b2f0c7e11"],
    )
    model: ModelNameField
    version: int = Field(description="Version of the model.", examples=[3])
    as_of: date = Field(
        description="Nothing that became known after this day was used.", examples=["2026-11-20"]
    )
    closes_on: date | None = Field(
        description="When the outcome can be known; null where the trading days are not known so "
        "far ahead.",
        examples=["2026-12-22"],
    )
    politician: PoliticianReference
    ticker: str | None = Field(
        description="Null for a model that is not about a ticker.", examples=["MSFT"]
    )
    sector: str | None = Field(
        description="Null for a model that is not about a sector.",
        examples=["Information Technology"],
    )
    value: float = Field(description="In the model's unit.", examples=[0.0042])
    lower: float | None = Field(
        description="Lower end of the interval; null where the model has none.", examples=[-0.0871]
    )
    upper: float | None = Field(description="Upper end of it.", examples=[0.0955])
    baselines: dict[str, float | None] = Field(
        description="What each baseline predicts.",
        examples=[{"zero": 0, "historical_mean": 0.0011, "ridge": 0.0024}],
    )
    base_value: float = Field(
        description="The margin that attributions add up from.", examples=[0.0011]
    )
    attributions: list[Attribution] = Field(
        description="The largest ones; with `base_value` and `attributions_rest` they add up to "
        "the margin."
    )
    attributions_rest: float = Field(
        description="Sum of the attributions not shown.", examples=[-0.0003]
    )
    dataset: str = Field(
        description="Version of the features it was made from.", examples=["v41-f1"]
    )
    made_at: datetime | None = Field(
        description="When it was stored; null where it is not.",
        examples=["2026-11-21T05:00:00Z"],
    )
    outcome: float | None = Field(description="Null until it is known.", examples=[0.0137])
    outcome_on: date | None = Field(examples=["2026-12-22"])
    outcome_missing: str | None = Field(
        description="Why there will be none; null where there is or may be one.",
        examples=["no_price"],
    )
