"""What is measured of the pipeline every few minutes: freshness of the data, and what waits."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, text

from quant.vocabulary import FilingSource


@dataclass(frozen=True)
class Work:
    """The filings of one official system that its indexes list.

    Attributes:
        listed: All of them.
        parsed: Those with a document that was parsed, scans among them.
    """

    listed: int
    parsed: int


@dataclass(frozen=True)
class Measurements:
    """The pipeline at one moment.

    Attributes:
        measured_at: When.
        latest_disclosure: Day the newest official trade was disclosed.
        outbox_waiting: Messages that wait for the relay.
        outbox_since: Since when the oldest of them has waited.
        rejected_documents: Documents that could not be read as a whole.
        work: Filings by official system.
        collected: When each collector last completed a run.
    """

    measured_at: datetime
    latest_disclosure: date | None
    outbox_waiting: int
    outbox_since: datetime | None
    rejected_documents: int
    work: Mapping[FilingSource, Work]
    collected: Mapping[str, datetime]

    @property
    def latest_disclosure_age_s(self) -> float | None:
        """Seconds since the day of the latest disclosure began (UTC)."""
        if self.latest_disclosure is None:
            return None
        began = datetime.combine(
            self.latest_disclosure, datetime.min.time(), self.measured_at.tzinfo
        )
        return (self.measured_at - began).total_seconds()

    @property
    def outbox_age_s(self) -> float:
        """Seconds that the oldest waiting message of the outbox has waited."""
        return (self.measured_at - (self.outbox_since or self.measured_at)).total_seconds()


def measure(connection: Connection) -> Measurements:
    """Return how the pipeline is."""
    row = connection.execute(_MEASURE).one()
    work = {
        FilingSource(source): Work(listed, parsed)
        for source, listed, parsed in connection.execute(_WORK)
    }
    collected = {row.collector: row.finished_at for row in connection.execute(_COLLECTED)}
    return Measurements(**row._mapping, work=work, collected=collected)


def traded_symbols(connection: Connection) -> tuple[str, ...]:
    """Return the symbols of all official trades: those whose prices are wanted."""
    return tuple(connection.execute(_SYMBOLS).scalars())


_MEASURE = text(
    """
    select clock_timestamp() as measured_at,
        (
            select max(t.disclosure_date) from trades t join filings f on f.id = t.filing_id
            where f.source <> 'synthetic'
        ) as latest_disclosure,
        (select count(*) from outbox where sent_at is null) as outbox_waiting,
        (select min(created_at) from outbox where sent_at is null) as outbox_since,
        (select count(*) from raw_documents where outcome = 'rejected') as rejected_documents
    """
)
_WORK = text(
    """
    select w.source, count(*), count(*) filter (
        where exists (
            select from filing_documents d where d.source = w.source and d.doc_id = w.doc_id
        )
    )
    from work_items w
    group by w.source
    order by w.source
    """
)
_COLLECTED = text(
    """
    select collector, max(finished_at) as finished_at from collections
    where outcome = 'completed'
    group by collector
    order by collector
    """
)
_SYMBOLS = text(
    """
    select distinct t.ticker from trades t join filings f on f.id = t.filing_id
    where t.ticker is not null and f.source <> 'synthetic'
    order by t.ticker
    """
)
