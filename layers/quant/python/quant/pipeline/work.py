"""What is done of the work that the official indexes list, and whose prices are wanted."""

from dataclasses import dataclass

from sqlalchemy import Connection, text

from quant.vocabulary import FilingSource


@dataclass(frozen=True)
class Work:
    """The filings of one official system that its indexes list.

    Attributes:
        listed: All of them.
        processed: Those with a document that was processed, scans and unreadable ones among them.
    """

    listed: int
    processed: int


def work_by_source(connection: Connection) -> dict[FilingSource, Work]:
    """Return how far the filings of each official system are."""
    return {
        FilingSource(row.source): Work(row.listed, row.processed)
        for row in connection.execute(_WORK)
    }


def traded_symbols(connection: Connection) -> tuple[str, ...]:
    """Return the symbols of all official trades: those whose prices are wanted."""
    return tuple(connection.execute(_SYMBOLS).scalars())


_WORK = text(
    """
    select w.source, count(*) as listed, count(*) filter (
        where exists (
            select from raw_documents d where d.source = w.source and d.doc_id = w.doc_id
        )
    ) as processed
    from work_items w
    group by w.source
    order by w.source
    """
)
_SYMBOLS = text(
    """
    select distinct t.ticker from trades t join filings f on f.id = t.filing_id
    where t.ticker is not null and f.source <> 'synthetic'
    order by t.ticker
    """
)
