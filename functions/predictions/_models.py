"""Parameters and answers of the predictions routes."""

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from quant.ml.serving.filters import PredictionFilters
from quant.vocabulary import Sector
from quant_http.models import (
    POLITICIAN_ID_PATTERN,
    DataVersionField,
    IsoDate,
    MethodReference,
    PageInfo,
    PageQuery,
    PoliticianReference,
)
from quant_http.prediction_models import (
    ModelName,
    ModelStatus,
    NoticeField,
    Prediction,
    SyntheticField,
)

Ticker = Annotated[
    str, StringConstraints(to_upper=True, pattern=r"^[A-Za-z0-9.^-]{1,24}$", strip_whitespace=True)
]


class PredictionsQuery(PageQuery):
    """Parameters of the list of predictions."""

    model: Annotated[
        ModelName | None, Field(description="Name of a model.", examples=["abnormal-return-21"])
    ] = None
    politician: Annotated[
        str | None,
        Field(
            description="Identifier or bioguide id of the politician.",
            pattern=POLITICIAN_ID_PATTERN,
            examples=["W000779"],
        ),
    ] = None
    ticker: Annotated[Ticker | None, Field(description="Symbol.", examples=["MSFT"])] = None
    sector: Annotated[
        Sector | None, Field(description="GICS sector.", examples=["Information Technology"])
    ] = None
    as_of_from: Annotated[
        IsoDate | None, Field(description="First day of predictions.", examples=["2026-10-01"])
    ] = None
    as_of_to: Annotated[
        IsoDate | None, Field(description="Last day of predictions.", examples=["2026-11-30"])
    ] = None
    state: Annotated[
        Literal["open", "closed"] | None,
        Field(
            description="`open`: the outcome may yet come. `closed`: it is known, or is known not "
            "to come.",
            examples=["open"],
        ),
    ] = None

    def filters(self) -> PredictionFilters:
        """Return the domain's form of these parameters."""
        return PredictionFilters(**self.model_dump(exclude={"limit", "cursor"}))


class PredictionPage(BaseModel):
    """One page of predictions."""

    data: list[Prediction]
    page: PageInfo
    models: list[ModelStatus] = Field(
        description="The models asked about: whether they predict, and their record so far."
    )
    methods: list[MethodReference]
    notice: NoticeField
    synthetic: SyntheticField
    data_version: DataVersionField


class SkippedVersion(BaseModel):
    """A version that could not be used."""

    version: int = Field(examples=[4])
    reason: str = Field(examples=["there is no object models/abnormal-return-21/9f86....json"])


class AppliedModel(ModelStatus):
    """A model, and what it predicts of one politician now."""

    used_version: int | None = Field(
        description="The version the predictions are of; null without predictions.", examples=[3]
    )
    skipped: list[SkippedVersion] = Field(
        description="Later versions whose artifact is missing or damaged, the champion first: the "
        "champion before them predicts instead.",
    )
    dataset: str | None = Field(
        description="Features the model was applied to; null where there are none.",
        examples=["v41-f1"],
    )
    as_of: date | None = Field(
        description="Latest day of the predictions; null without any.", examples=["2026-11-20"]
    )
    predictions: list[Prediction] = Field(
        description="Newest first, then by value; those whose outcome is not yet known."
    )
    predictions_omitted: int = Field(
        description="How many more there are than are shown.", examples=[0]
    )


class PoliticianPredictions(BaseModel):
    """What all models predict of one politician."""

    politician: PoliticianReference
    models: list[AppliedModel]


class PoliticianPredictionsAnswer(BaseModel):
    """Answer with what all models predict of one politician."""

    data: PoliticianPredictions
    methods: list[MethodReference]
    notice: NoticeField
    synthetic: SyntheticField
    data_version: DataVersionField
