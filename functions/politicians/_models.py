"""Parameters and answers of the politicians routes."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from quant.politicians import PoliticianFilters, PoliticianSort
from quant.vocabulary import Chamber, Party
from quant_http.models import DataVersionField, Flag, PageInfo, PageQuery, PoliticianReference


class PoliticiansQuery(PageQuery):
    """Parameters of the list of politicians."""

    chamber: Chamber | None = None
    party: Party | None = None
    state: Annotated[
        Annotated[str, StringConstraints(to_upper=True, pattern=r"^[A-Za-z]{2}$")] | None,
        Field(description="Postal code.", examples=["CA"]),
    ] = None
    in_office: Annotated[
        Flag | None, Field(description="Whether the politician sits in Congress now.")
    ] = None
    search: Annotated[
        Annotated[str, StringConstraints(min_length=2, max_length=100, pattern=r"^[^\x00]+$")]
        | None,
        Field(description="Text the full name contains, in any case.", examples=["wyden"]),
    ] = None
    sort: Annotated[PoliticianSort, Field(description="Order; a leading `-` means descending.")] = (
        PoliticianSort.NAME
    )

    def filters(self) -> PoliticianFilters:
        """Return the domain's form of these parameters."""
        return PoliticianFilters(**self.model_dump(exclude={"limit", "cursor"}))


class Politician(PoliticianReference):
    """A member of Congress, or a filer not yet matched to one."""

    district: int | None = Field(
        description="Congressional district; 0 is at large, null for senators.", examples=[5]
    )
    in_office: bool = Field(examples=[True])
    trade_count: int = Field(description="Disclosed trades held.", examples=[231])


class PoliticianPage(BaseModel):
    """One page of politicians."""

    data: list[Politician]
    page: PageInfo
    data_version: DataVersionField


class CommitteeSeat(BaseModel):
    """A present seat on a committee or subcommittee."""

    id: str = Field(description="congress-legislators `thomas_id`.", examples=["SSFI"])
    name: str = Field(examples=["Senate Committee on Finance"])
    parent_id: str | None = Field(
        description="Committee of a subcommittee; null for a full committee.", examples=["SSFI"]
    )
    title: str | None = Field(examples=["Ranking Member"])
    rank: int | None = Field(description="Seniority on the side, from 1.", examples=[1])
    side: Literal["majority", "minority"] | None = Field(examples=["minority"])


class PoliticianDetail(Politician):
    """A politician with present committee seats."""

    committees: list[CommitteeSeat]
