"""Parameters of the patterns routes."""

from typing import Annotated

from pydantic import AfterValidator, Field

from quant.politicians import PoliticianSort
from quant.reports.patterns_query import MOST_POLITICIANS, Analysis, CandidateFilters
from quant.vocabulary import Chamber, Party
from quant_http.models import (
    POLITICIAN_ID_PATTERN,
    IsoDate,
    PageQuery,
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
        "date is unknown; without it all trades count.",
        examples=["2020-12-31"],
    ),
]


class CandidatesQuery(PageQuery):
    """Parameters of the list of politicians to look for patterns in."""

    analysis: Annotated[
        Analysis | None, Field(description="Only those with enough trades for this analysis.")
    ] = None
    chamber: Chamber | None = None
    party: Party | None = None
    sort: Annotated[PoliticianSort, Field(description="Order; a leading `-` means descending.")] = (
        PoliticianSort.TRADE_COUNT_DESC
    )

    def filters(self) -> CandidateFilters:
        """Return the domain's form of these parameters."""
        return CandidateFilters(**self.model_dump(exclude={"limit", "cursor"}))


class PatternQuery(QueryModel):
    """Parameters of an analysis."""

    as_of: AsOf = None


class ComparisonQuery(QueryModel):
    """Parameters of a comparison."""

    politicians: Annotated[
        str,
        Field(
            description=f"Identifiers or bioguide ids of 2 to {MOST_POLITICIANS} politicians, "
            "separated by commas.",
            pattern=rf"^{_IDENTIFIER}(,{_IDENTIFIER}){{1,{MOST_POLITICIANS - 1}}}$",
            examples=["W000779,C001047"],
        ),
        AfterValidator(_several),
    ]
    as_of: AsOf = None
