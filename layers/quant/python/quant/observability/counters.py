"""Counters of requests over all environments of all functions, kept in Valkey.

An environment serves one request at a time and may be gone after it, so nothing could scrape it.
It adds up what it served and hands the sums over at the end of a request, at once when it is its
first, then every ten seconds at the most: one round trip for many requests. What it served after
its last hand-over is lost with it, and what is on its way to a Valkey that is away: nothing is ever
counted twice.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, Final

from quant.observability.exposition import Family, Sample, histogram
from quant.valkey_store import ValkeyStore

# One hash, hence one slot of a cluster. It does not expire, and Valkey evicts what does.
KEY: Final = "{quant:metrics}:requests"
HAND_OVER_SECONDS: Final = 10.0
# More series at a time than any environment has: a route, its statuses and buckets.
MOST_PENDING: Final = 500
# Seconds; among them the objective of 0.3.
BUCKETS: Final = (0.05, 0.1, 0.3, 1.0, 3.0, 10.0, float("inf"))

_REQUESTS: Final = "requests"
_BUCKET: Final = "bucket"
_SECONDS: Final = "seconds"
_REFUSALS: Final = "refusals"
_FALLBACKS: Final = "fallbacks"
_LOOKUPS: Final = "lookups"

_SINCE: Final = " Since Valkey was last emptied; environments hand over every 10 s."


class Counters:
    """The counters of one environment.

    Args:
        store: Where they are handed over to.
        clock: Seconds of a clock that never goes back.
    """

    def __init__(
        self, store: ValkeyStore | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store or ValkeyStore()
        self._clock = clock
        self._pending: Counter[str] = Counter()
        self._seconds: dict[str, float] = {}
        self._due = float("-inf")

    def request(
        self,
        route: str,
        method: str,
        status: int,
        seconds: float,
        *,
        refused: bool,
        fallbacks: int,
        hits: int,
        misses: int,
    ) -> None:
        """Count a request that was answered, and hand over what is due.

        Args:
            route: Name of its route.
            method: HTTP method.
            status: Status of the answer.
            seconds: How long it took.
            refused: Whether the rate limiter refused it.
            fallbacks: Decisions of the limiter without Valkey.
            hits: Answers found in the cache.
            misses: Answers it did not have.
        """
        bound = next(bound for bound in BUCKETS if seconds <= bound)
        counted = {
            f"{_REQUESTS} {route} {method} {status}": 1,
            f"{_BUCKET} {route} {bound}": 1,
            f"{_REFUSALS} {route}": int(refused),
            f"{_FALLBACKS} {route}": fallbacks,
            f"{_LOOKUPS} hit": hits,
            f"{_LOOKUPS} miss": misses,
        }
        if len(self._pending) < MOST_PENDING:
            self._pending.update({name: value for name, value in counted.items() if value})
            name = f"{_SECONDS} {route}"
            self._seconds[name] = self._seconds.get(name, 0.0) + seconds
        now = self._clock()
        if now >= self._due:
            self._due = now + HAND_OVER_SECONDS
            self._hand_over()

    def _hand_over(self) -> None:
        counts, self._pending = self._pending, Counter()
        seconds, self._seconds = self._seconds, {}

        def add(valkey: Any) -> None:
            pipeline = valkey.pipeline(transaction=False)
            for name, number in counts.items():
                pipeline.hincrby(KEY, name, number)
            for name, spent in seconds.items():
                pipeline.hincrbyfloat(KEY, name, spent)
            pipeline.execute()

        # Not tried again: it may have arrived although the answer has not.
        self._store.attempt(add)


@cache
def counters() -> Counters:
    """Return the process's counters."""
    return Counters()


def read(store: ValkeyStore | None = None) -> dict[str, float] | None:
    """Return all counters by the names they are kept under, ``None`` if Valkey is away."""
    found = (store or ValkeyStore()).attempt(lambda valkey: valkey.hgetall(KEY))
    if found is None:
        return None
    return {name.decode(): float(value) for name, value in found.items()}


def families(counted: Mapping[str, float]) -> Iterator[Family]:
    """Yield the metrics of what ``read`` has returned."""

    def of(kind: str) -> list[tuple[list[str], float]]:
        parts = ((name.split(" "), value) for name, value in sorted(counted.items()))
        return [(rest, value) for (first, *rest), value in parts if first == kind]

    yield Family(
        "quant_http_requests_total",
        "counter",
        "Requests that functions with a data store answered." + _SINCE,
        tuple(
            Sample(value, {"route": route, "method": method, "status": status})
            for (route, method, status), value in of(_REQUESTS)
        ),
    )
    yield Family(
        "quant_http_request_duration_seconds",
        "histogram",
        "Time from the event to the finished answer." + _SINCE,
        tuple(_durations(counted, {route for (route,), _ in of(_SECONDS)})),
    )
    for name, kind, text in (
        ("quant_limiter_refusals_total", _REFUSALS, "Requests that the rate limiter refused."),
        ("quant_limiter_fallback_total", _FALLBACKS, "Decisions of the limiter without Valkey."),
    ):
        samples = tuple(Sample(value, {"route": route}) for (route,), value in of(kind))
        yield Family(name, "counter", text + _SINCE, samples)
    yield Family(
        "quant_answer_cache_total",
        "counter",
        "Answers looked for in the cache, by whether it had them." + _SINCE,
        tuple(Sample(value, {"outcome": outcome}) for (outcome,), value in of(_LOOKUPS)),
    )


def _durations(counted: Mapping[str, float], routes: set[str]) -> Iterator[Sample]:
    for route in sorted(routes):
        buckets = [(bound, counted.get(f"{_BUCKET} {route} {bound}", 0)) for bound in BUCKETS]
        yield from histogram({"route": route}, buckets, counted[f"{_SECONDS} {route}"])
