"""Fetch the filings that work items ask for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from quant.collectors.errors import CollectionError, layout_changed
from quant.collectors.house import fetch_ptr
from quant.collectors.run import Collector, Run, Workplace, collect, pause_s
from quant.collectors.senate import SenateSession, fetch_filing
from quant.pipeline.messages import CollectionReport, FetchRequest
from quant.pipeline.sources import CollectionOutcome
from quant.vocabulary import FilingSource

# How long a request waits before it is tried again: soon where only the run's time was over.
LATER_S: Final = 3600
SOON_S: Final = 60

_COLLECTORS: Final = {
    FilingSource.HOUSE_CLERK: Collector.HOUSE_FILINGS,
    FilingSource.SENATE_EFD: Collector.SENATE_FILINGS,
}


@dataclass(slots=True)
class Fetched:
    """What became of a batch of requests.

    Attributes:
        reports: One for each site asked.
        failed: Seconds after which to try again, by the key of a request that was not met.
    """

    reports: list[CollectionReport] = field(default_factory=list)
    failed: dict[str, float] = field(default_factory=dict)


def fetch_all(requests: Mapping[str, FetchRequest], place: Workplace) -> Fetched:
    """Fetch filings, site by site; whatever a site does, every request is either met or failed.

    Args:
        requests: By a key of the caller's.
        place: Where to work.

    Raises:
        StoreUnavailableError: S3 cannot be reached.
    """
    fetched = Fetched()
    for key, request in requests.items():
        if request.source not in _COLLECTORS:
            fetched.failed[key] = LATER_S
    for source, collector in _COLLECTORS.items():
        wanted = {key: request for key, request in requests.items() if request.source is source}
        if wanted:
            _fetch_from(collector, wanted, place, fetched)
    return fetched


def _fetch_from(
    collector: Collector,
    wanted: Mapping[str, FetchRequest],
    place: Workplace,
    fetched: Fetched,
) -> None:
    met: set[str] = set()
    later: set[str] = set()
    if collector is Collector.HOUSE_FILINGS:
        base_url, prepare = place.settings.house_url, _house
    else:
        base_url, prepare = place.settings.senate_url, _senate

    def work(run: Run) -> None:
        fetch = prepare(run)
        strange: CollectionError | None = None
        for key, request in wanted.items():
            try:
                (met if fetch(request) else later).add(key)
            except CollectionError as error:
                # One strange page is that filing's; a site that refuses, refuses all.
                if error.outcome is not CollectionOutcome.LAYOUT_CHANGED:
                    raise
                strange = strange or error
                later.add(key)
        if strange:
            raise strange

    report = collect(collector, base_url, work, place)
    fetched.reports.append(report)
    on_time = report.outcome is CollectionOutcome.COMPLETED
    for key in wanted.keys() - met:
        fetched.failed[key] = (
            SOON_S
            if on_time and key not in later
            else max(LATER_S, pause_s(collector, place.states))
        )


def _house(run: Run) -> Callable[[FetchRequest], bool]:
    def fetch(request: FetchRequest) -> bool:
        if request.year is None:
            raise layout_changed(f"{request.doc_id}: a request without its year")
        return fetch_ptr(run, request.doc_id, request.year)

    return fetch


def _senate(run: Run) -> Callable[[FetchRequest], bool]:
    session = SenateSession(run.client, run.states)
    session.open()
    return lambda request: fetch_filing(run, session, request.doc_id, paper=request.paper)
