"""Throttle and quota of usage plans.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html
https://docs.aws.amazon.com/apigateway/latest/api/API_QuotaSettings.html
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

# Counters of the keys used longest ago are dropped beyond this number.
COUNTERS = 10_000


@dataclass(frozen=True)
class Throttle:
    """``rate`` tokens a second, possibly a fraction, are put into a bucket of ``burst``."""

    rate: float
    burst: int


@dataclass(frozen=True)
class Quota:
    """``limit`` requests a period: ``DAY``, ``WEEK`` or ``MONTH``, in UTC.

    ``offset`` is the number of requests subtracted from the limit in the first period.
    """

    limit: int
    period: str
    offset: int = 0


class Throttler:
    """Token buckets by key; a changed `Throttle` applies to the tokens there are."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: Hashable, throttle: Throttle) -> bool:
        """Take one token; False if there is none."""
        now = self._clock()
        with self._lock:
            tokens, at = self._buckets.pop(key, (float(throttle.burst), now))
            tokens = min(float(throttle.burst), tokens + (now - at) * throttle.rate)
            taken = tokens >= 1.0
            self._buckets[key] = (tokens - 1.0 if taken else tokens, now)
            while len(self._buckets) > COUNTERS:
                self._buckets.popitem(last=False)
            return taken


class QuotaCounter:
    """Counts requests by key and period; ``clock`` gives seconds since the epoch."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._first: dict[Hashable, datetime] = {}
        self._used: OrderedDict[Hashable, tuple[datetime, int]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: Hashable, quota: Quota) -> bool:
        """Count one request; False if the quota of the period is used up."""
        period = period_start(datetime.fromtimestamp(self._clock(), UTC), quota.period)
        with self._lock:
            first = self._first.setdefault(key, period)
            limit = quota.limit - (quota.offset if first == period else 0)
            counted_in, used = self._used.pop(key, (period, 0))
            if counted_in != period:
                used = 0
            allowed = used < limit
            self._used[key] = (period, used + 1 if allowed else used)
            while len(self._used) > COUNTERS:
                dropped, _ = self._used.popitem(last=False)
                self._first.pop(dropped, None)
            return allowed


def period_start(now: datetime, period: str) -> datetime:
    """Midnight that began the calendar day, week (a Monday) or month ``now`` is in.

    :raises ValueError: if ``period`` is none of DAY, WEEK and MONTH
    """
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    match period:
        case "DAY":
            return day
        case "WEEK":
            return day - timedelta(days=day.weekday())
        case "MONTH":
            return day.replace(day=1)
    raise ValueError(f"unknown quota period: {period}")
