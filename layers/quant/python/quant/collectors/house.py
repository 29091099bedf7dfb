"""The House Clerk's yearly filing indexes and PTRs.

Addresses: ``/public_disc/financial-pdfs/{year}FD.zip`` (index) and
``/public_disc/ptr-pdfs/{year}/{doc_id}.pdf``, as linked from
https://disclosures-clerk.house.gov/FinancialDisclosure.
"""

from collections.abc import Sequence
from functools import partial
from typing import Final

from pydantic import Field

from quant.collectors.errors import layout_changed
from quant.collectors.recognise import require_house_index, require_pdf
from quant.collectors.refresh import Known, refresh
from quant.collectors.run import Run
from quant.collectors.state import State
from quant.pipeline.raw import DocumentKind, RawDocument

_MAX_INDEX_BYTES: Final = 16 * 1024 * 1024
_MAX_PTR_BYTES: Final = 48 * 1024 * 1024  # a scan of many pages


class HouseState(State):
    """What is known of each year's index."""

    indexes: dict[int, Known] = Field(default_factory=dict)


def collect_indexes(run: Run, years: Sequence[int] | None = None) -> None:
    """Fetch the indexes that changed.

    Args:
        run: The run.
        years: Those asked for; by default this year and the last, which late filings still change.
    """
    this_year = run.today.year
    for year in years or (this_year, this_year - 1):
        state = run.states.load("house", HouseState)
        path = f"/public_disc/financial-pdfs/{year}FD.zip"
        known = refresh(
            run,
            path,
            state.indexes.get(year, Known()),
            kind=DocumentKind.HOUSE_INDEX,
            max_bytes=_MAX_INDEX_BYTES,
            require=partial(require_house_index, year=year),
            metadata={"year": str(year)},
        )
        if known is not None:
            run.states.save("house", HouseState(indexes={**state.indexes, year: known}))
        elif (year, run.today.month) != (this_year, 1):
            # Only a year without a filing yet has no index.
            raise layout_changed(f"{path}: not there")


def fetch_ptr(run: Run, doc_id: str, year: int) -> bool:
    """Fetch a PTR's PDF; return whether the site has it.

    Raises:
        CollectionError: The site gave something else.
    """
    path = f"/public_disc/ptr-pdfs/{year}/{doc_id}.pdf"
    reply = run.client.get(path, max_bytes=_MAX_PTR_BYTES)
    if reply.status == 404:
        return False
    require_pdf(reply.content, path)
    metadata = {**reply.metadata(), "doc-id": doc_id, "year": str(year)}
    run.keep(RawDocument(DocumentKind.HOUSE_PTR, run.today, reply.content, metadata))
    return True
