"""One run of a collector: what it works with, and the report of how it ended."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Final

from quant.collectors.bucket import Bucket
from quant.collectors.errors import CollectionError, DeadlineReachedError
from quant.collectors.http import PoliteClient
from quant.collectors.pacing import Backoff, Deadline
from quant.collectors.raw_store import RawStore
from quant.collectors.state import State, StateStore
from quant.pipeline.messages import CollectionReport
from quant.pipeline.raw import RawDocument
from quant.pipeline.sources import CollectionOutcome
from quant.settings import CollectorSettings, RawSettings

# After a refusal nobody asks again for this long; a site may ask for longer, up to the second.
REFUSAL_PAUSE: Final = timedelta(hours=1)
LONGEST_PAUSE: Final = timedelta(days=1)

# Kept free at the end of an invocation to save states and send the report.
RESERVE_S: Final = 10.0


class Collector(StrEnum):
    """Names of the collectors, as their reports state them."""

    HOUSE = "house"
    HOUSE_FILINGS = "house-filings"
    SENATE = "senate"
    SENATE_FILINGS = "senate-filings"
    LEGISLATORS = "legislators"
    PRICES = "prices"

    @property
    def site(self) -> str:
        """Name of the site it asks; collectors of one site share its pauses."""
        return self.removesuffix("-filings")


class Pause(State):
    """Until when a site is left alone, and why."""

    until: datetime | None = None
    outcome: CollectionOutcome = CollectionOutcome.THROTTLED
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Workplace:
    """What every run of a process shares.

    Attributes:
        settings: Whom to ask, and how.
        raw: Where documents go.
        states: What earlier runs remember.
        deadline: End of the invocation's time.
        backoff: When to try again.
    """

    settings: CollectorSettings
    raw: RawStore
    states: StateStore
    deadline: Deadline
    backoff: Backoff = field(default_factory=Backoff)

    @classmethod
    def from_environment(cls, remaining_ms: int) -> "Workplace":
        """Return the workplace that ``QUANT_*`` describes.

        Args:
            remaining_ms: Milliseconds until the invocation is ended from outside.
        """
        bucket = Bucket(RawSettings().bucket)
        return cls(
            CollectorSettings(),
            RawStore(bucket),
            StateStore(bucket),
            Deadline(remaining_ms / 1000 - RESERVE_S),
        )


@dataclass(slots=True)
class Run:
    """One run under way.

    Attributes:
        client: Asks the site.
        states: What earlier runs remember.
        today: UTC day.
        stored: Documents stored.
        unchanged: Documents that were known already.
    """

    client: PoliteClient
    states: StateStore
    today: date
    raw: RawStore
    stored: int = 0
    unchanged: int = 0

    def keep(self, document: RawDocument) -> None:
        """Store a document, and count it."""
        if self.raw.put(document):
            self.stored += 1
        else:
            self.unchanged += 1


def collect(
    collector: Collector, base_url: str, work: Callable[[Run], None], place: Workplace
) -> CollectionReport:
    """Let ``work`` do one run; whatever the site does, return the report.

    A run that its deadline ends is completed: the next one goes on. A site that refuses, or
    asks to be left alone for longer than a run, is not asked again before its pause is over.

    Raises:
        StoreUnavailableError: S3 cannot be reached.
    """
    started = datetime.now(UTC)
    pause = place.states.load(_pause(collector), Pause)
    outcome, detail = CollectionOutcome.COMPLETED, ""
    with PoliteClient(base_url, place.settings, place.deadline, backoff=place.backoff) as client:
        run = Run(client, place.states, started.date(), place.raw)
        if pause.until and started < pause.until:
            outcome = pause.outcome
            detail = f"paused until {pause.until.isoformat(timespec='seconds')}: {pause.detail}"
        else:
            try:
                work(run)
            except DeadlineReachedError:
                detail = "the deadline was reached; the next run goes on"
            except CollectionError as error:
                outcome, detail = error.outcome, error.detail
                _remember_pause(collector, error, place.states)
    return CollectionReport(
        run_id=uuid.uuid4(),
        collector=collector,
        started_at=started,
        finished_at=datetime.now(UTC),
        outcome=outcome,
        requests=client.requests,
        stored=run.stored,
        unchanged=run.unchanged,
        detail=detail,
    )


def pause_s(collector: Collector, states: StateStore) -> float:
    """Return the seconds until the collector's site may be asked again; 0 where it may be now."""
    until = states.load(_pause(collector), Pause).until
    return max(0.0, (until - datetime.now(UTC)).total_seconds()) if until else 0.0


def _pause(collector: Collector) -> str:
    return f"pause-{collector.site}"


def _remember_pause(collector: Collector, error: CollectionError, states: StateStore) -> None:
    length = timedelta(seconds=min(error.retry_after_s or 0.0, LONGEST_PAUSE.total_seconds()))
    if error.outcome is CollectionOutcome.REFUSED:
        length = max(length, REFUSAL_PAUSE)
    if length:
        until = datetime.now(UTC) + length
        states.save(
            _pause(collector), Pause(until=until, outcome=error.outcome, detail=error.detail)
        )
