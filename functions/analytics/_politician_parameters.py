"""Parameters of the routes of one politician."""

from typing import Annotated

from pydantic import Field

from quant_http.models import (
    IsoDate,
    QueryModel,
)


class AsOfQuery(QueryModel):
    """The day for which an answer is given."""

    as_of: Annotated[
        IsoDate | None,
        Field(
            description="Use only what was public at the end of this day; without it all that is "
            "known, trades of unknown disclosure date included where a method allows.",
            examples=["2022-12-31"],
        ),
    ] = None
