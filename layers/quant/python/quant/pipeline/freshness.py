"""How fresh the data of each source is, and what work is left to bring it up to date."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, text

from quant.pipeline.sources import CollectionOutcome, SourceName, SourceState
from quant.vocabulary import FilingSource


@dataclass(frozen=True, slots=True)
class Source:
    """A source and what is expected of its collector.

    Attributes:
        stale_after: Without a completed run for this long, the data may lag behind the source.
        filings: System whose filings the source lists, if it lists any.
    """

    stale_after: timedelta
    filings: FilingSource | None = None


# Several times the interval between two runs: one run that fails is no news.
SOURCES: Final = {
    SourceName.HOUSE: Source(timedelta(hours=6), FilingSource.HOUSE_CLERK),
    SourceName.SENATE: Source(timedelta(hours=6), FilingSource.SENATE_EFD),
    SourceName.LEGISLATORS: Source(timedelta(days=3)),
    SourceName.PRICES: Source(timedelta(days=5)),  # a weekend with a holiday on each side
}


@dataclass(frozen=True, slots=True)
class SourceFreshness:
    """How fresh the data of a source is.

    Attributes:
        name: The source.
        state: Whether it was asked lately.
        last_run_at: End of its collector's last run, however it ended.
        last_outcome: How that run ended.
        last_success_at: End of the last completed run.
        success_age_s: Seconds since then.
        stale_after_s: Age of the last completed run from which on the source is stale.
        latest_disclosure: Last day of filing among the filings with trades.
        disclosure_age_days: Days since then.
    """

    name: SourceName
    state: SourceState
    last_run_at: datetime | None
    last_outcome: CollectionOutcome | None
    last_success_at: datetime | None
    success_age_s: int | None
    stale_after_s: int
    latest_disclosure: date | None
    disclosure_age_days: int | None


@dataclass(frozen=True, slots=True)
class Backlog:
    """Work that is left.

    Attributes:
        filings_to_fetch: Listed PTRs of which no document has been processed.
        oldest_listed_at: Since when the first of them is listed.
        messages_to_send: Messages of the outbox that are not known to be sent.
        oldest_message_at: Since when the first of them waits.
        documents_rejected: Documents that could not be read as a whole.
        scans: Filings on paper, which only a person can read.
    """

    filings_to_fetch: int
    oldest_listed_at: datetime | None
    messages_to_send: int
    oldest_message_at: datetime | None
    documents_rejected: int
    scans: int


@dataclass(frozen=True, slots=True)
class Freshness:
    """How fresh the data is as a whole.

    Attributes:
        at: When this was found out.
        sources: Each source.
        backlog: Work that is left.
    """

    at: datetime
    sources: tuple[SourceFreshness, ...]
    backlog: Backlog

    @property
    def current(self) -> bool:
        """Whether every source was asked for news lately."""
        return all(source.state is SourceState.CURRENT for source in self.sources)

    @property
    def latest_disclosure(self) -> date | None:
        """Last day of filing among the filings of all sources."""
        days = [source.latest_disclosure for source in self.sources if source.latest_disclosure]
        return max(days, default=None)

    @property
    def disclosure_age_days(self) -> int | None:
        """Days since the latest disclosure."""
        return _age_days(self.latest_disclosure, self.at)


# Each part is a step or two down an index, however long the history is.
_SOURCES_QUERY: Final = text(
    """
    select s.name, run.finished_at as run_at, run.outcome, done.finished_at as done_at,
        disclosed.filed_date
    from unnest(cast(:names as text[]), cast(:systems as text[])) as s (name, system)
    left join lateral (
        select finished_at, outcome from collections
        where collector = s.name order by finished_at desc limit 1
    ) run on true
    left join lateral (
        select finished_at from collections
        where collector = s.name and outcome = 'completed' order by finished_at desc limit 1
    ) done on true
    left join lateral (
        select f.filed_date from filings f
        where f.source = s.system and f.filed_date is not null
            and exists (select from trades t where t.filing_id = f.id)
        order by f.filed_date desc limit 1
    ) disclosed on true
    """
)

_BACKLOG_QUERY: Final = text(
    """
    select listed.count as filings_to_fetch, listed.oldest as oldest_listed_at,
        waiting.count as messages_to_send, waiting.oldest as oldest_message_at,
        read.rejected as documents_rejected, read.scans
    from (
        select count(*), min(w.created_at) as oldest from work_items w where not exists (
            select from raw_documents d where d.source = w.source and d.doc_id = w.doc_id
        )
    ) listed,
    (select count(*), min(created_at) as oldest from outbox where sent_at is null) waiting,
    (
        select count(*) filter (where outcome = 'rejected') as rejected,
            count(distinct (source, doc_id)) filter (where outcome = 'paper') as scans
        from raw_documents
    ) read
    """
)


def read_freshness(connection: Connection, at: datetime | None = None) -> Freshness:
    """Return how fresh the data is.

    Args:
        connection: Connection to read from.
        at: Time to reckon ages from; now, if not given.
    """
    at = at or datetime.now(UTC)
    rows = connection.execute(
        _SOURCES_QUERY,
        {
            "names": [name.value for name in SOURCES],
            "systems": [source.filings and source.filings.value for source in SOURCES.values()],
        },
    )
    sources = {SourceName(row.name): _source(row, at) for row in rows}
    backlog = connection.execute(_BACKLOG_QUERY).one()
    return Freshness(at, tuple(sources[name] for name in SOURCES), Backlog(**backlog._mapping))


def _source(row: Row[Any], at: datetime) -> SourceFreshness:
    name = SourceName(row.name)
    limit = SOURCES[name].stale_after
    age = None if row.done_at is None else at - row.done_at
    if age is None:
        state = SourceState.NEVER_COLLECTED
    else:
        state = SourceState.STALE if age > limit else SourceState.CURRENT
    return SourceFreshness(
        name=name,
        state=state,
        last_run_at=row.run_at,
        last_outcome=CollectionOutcome(row.outcome) if row.outcome else None,
        last_success_at=row.done_at,
        # The clock of whoever reported may be a little ahead.
        success_age_s=None if age is None else max(0, int(age.total_seconds())),
        stale_after_s=int(limit.total_seconds()),
        latest_disclosure=row.filed_date,
        disclosure_age_days=_age_days(row.filed_date, at),
    )


def _age_days(day: date | None, at: datetime) -> int | None:
    return None if day is None else max(0, (at.date() - day).days)
