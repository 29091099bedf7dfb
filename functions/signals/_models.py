"""Parameters and answer of the signals route."""

from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from quant.ml.serving.filters import SignalFilters
from quant_http.models import DataVersionField, MethodReference, PageInfo, PageQuery
from quant_http.prediction_models import (
    ModelName,
    ModelStatus,
    NoticeField,
    Prediction,
    SyntheticField,
)


class SignalsQuery(PageQuery):
    """Parameters of the list of signals."""

    model: Annotated[
        ModelName | None, Field(description="Name of a model.", examples=["abnormal-return-21"])
    ] = None
    ticker: Annotated[
        Annotated[
            str,
            StringConstraints(
                to_upper=True, pattern=r"^[A-Za-z0-9.^-]{1,24}$", strip_whitespace=True
            ),
        ]
        | None,
        Field(description="Symbol.", examples=["MSFT"]),
    ] = None

    def filters(self) -> SignalFilters:
        """Return the domain's form of these parameters."""
        return SignalFilters(**self.model_dump(exclude={"limit", "cursor"}))


class Signal(Prediction):
    """The latest prediction of a ticker by a model."""

    predictions: int = Field(
        description="Predictions of the ticker by the version on the same day, of different "
        "politicians. Shown is the most probable one; of a return, which has no such order, the "
        "first by identifier.",
        examples=[3],
    )


class SignalPage(BaseModel):
    """One page of signals."""

    data: list[Signal]
    page: PageInfo
    models: list[ModelStatus] = Field(
        description="The models asked about: whether they predict, and their record so far."
    )
    methods: list[MethodReference]
    notice: NoticeField
    synthetic: SyntheticField
    data_version: DataVersionField
