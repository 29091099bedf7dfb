"""Parameters of the routes of relations."""

from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from quant.analytics.relations.vocabulary import Coefficient, Measure
from quant.reports.relations_query import DEFAULT_MOST_ACTIVE, MOST_POLITICIANS, PairsQuery, Window
from quant_http.models import (
    POLITICIAN_ID_PATTERN,
    IsoDate,
    QueryModel,
)

_IDENTIFIER = POLITICIAN_ID_PATTERN.removeprefix("^").removesuffix("$")


def _several(identifiers: str) -> str:
    if len(set(identifiers.lower().split(","))) < 2:
        msg = "must name two different politicians or more"
        raise ValueError(msg)
    return identifiers


AsOf = Annotated[
    IsoDate | None,
    Field(
        description="Use only trades disclosed on or before this day, and none whose disclosure "
        "date is unknown; without it all trades count. Committee seats are those of today in "
        "either case.",
        examples=["2020-12-31"],
    ),
]


class PairwiseQuery(QueryModel):
    """Parameters of the pairwise correlation."""

    politicians: Annotated[
        Annotated[
            str, Field(pattern=rf"^{_IDENTIFIER}(,{_IDENTIFIER}){{1,{MOST_POLITICIANS - 1}}}$")
        ]
        | None,
        AfterValidator(_several),
        Field(
            description=f"Identifiers or bioguide ids of 2 to {MOST_POLITICIANS} politicians, "
            "separated by commas; without them those with most trades.",
            examples=["W000779,C001047"],
        ),
    ] = None
    most_active: Annotated[
        int | None,
        Field(
            ge=2,
            le=MOST_POLITICIANS,
            description="How many of those with most trades, where `politicians` names none; "
            f"{DEFAULT_MOST_ACTIVE} by default.",
            examples=[10],
        ),
    ] = None
    measure: Annotated[
        Measure,
        Field(description="What is counted in each week: trades, or purchases less sales."),
    ] = Measure.TRADES
    coefficient: Annotated[Coefficient, Field(description="Which correlation.")] = (
        Coefficient.PEARSON
    )
    as_of: AsOf = None

    @model_validator(mode="after")
    def _one_choice(self) -> "PairwiseQuery":
        if self.politicians is not None and self.most_active is not None:
            msg = "name politicians or ask for the most active, not both"
            raise ValueError(msg)
        return self

    def domain(self) -> PairsQuery:
        """Return the domain's form of these parameters."""
        return PairsQuery(
            politicians=tuple(self.politicians.split(",")) if self.politicians else (),
            most_active=self.most_active or DEFAULT_MOST_ACTIVE,
            measure=self.measure,
            coefficient=self.coefficient,
            as_of=self.as_of,
        )


class NetworkQuery(QueryModel):
    """Parameters of the network."""

    window: Annotated[
        Window,
        Field(description="Days within which trades count as made together; 7 are ISO weeks."),
    ] = Window.WEEK
    as_of: AsOf = None
