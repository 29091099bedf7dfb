"""Parameters and answer of the methods route."""

from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from quant_http.models import QueryModel


class MethodsQuery(QueryModel):
    """Parameters of the list of methods."""

    area: Annotated[
        Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,32}$")] | None,
        Field(description="First part of the methods' identifiers.", examples=["performance"]),
    ] = None


class MethodSource(BaseModel):
    """A paper, statute or page that a method follows."""

    citation: str = Field(
        examples=[
            "MacKinlay (1997), Event Studies in Economics and Finance, Journal of Economic "
            "Literature 35"
        ]
    )
    url: str | None = Field(examples=["https://doi.org/10.1145/375360.375365"])


class MethodDescription(BaseModel):
    """How one kind of number is made."""

    id: str = Field(
        description="Stable; answers name their method by it.", examples=["performance.car"]
    )
    area: str = Field(examples=["performance"])
    version: str = Field(description="Changes with whatever changes the numbers.", examples=["1"])
    title: str = Field(examples=["Cumulative abnormal return"])
    estimates: str = Field(
        description="What the number says.",
        examples=["By how much the stock did better than expected after the trade."],
    )
    estimator: str = Field(examples=["Mean of the sums of daily abnormal returns."])
    assumptions: list[str] = Field(
        description="What must hold for it to be right.",
        examples=[["Daily abnormal returns have finite variance."]],
    )
    standard_errors: str | None = Field(
        description="How the uncertainty is measured; null where the number is a count.",
        examples=["Clustered by politician and date."],
    )
    null: str | None = Field(
        description="What its p-value is about; null without a test.",
        examples=["The mean abnormal return is zero."],
    )
    multiple_testing: str | None = Field(
        description="What is corrected for testing many; null without a test.",
        examples=["Benjamini-Hochberg over politicians."],
    )
    limits: list[str] = Field(
        description="What it cannot say.", examples=[["Tickers without prices are left out."]]
    )
    sources: list[MethodSource]


class MethodList(BaseModel):
    """The methods behind the numbers."""

    data: list[MethodDescription]
