"""When to ask: a deadline for the run, a pace for each site, back-off after a failure.

Sources: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ (full jitter);
RFC 9110, section 10.2.3 (Retry-After).
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache

from quant.collectors.errors import DeadlineReachedError

Sleep = Callable[[float], None]


class Deadline:
    """The end of a run.

    Args:
        seconds: Time from now.
    """

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def remaining_s(self) -> float:
        """Seconds until it is reached; negative afterwards."""
        return self._end - time.monotonic()

    def require(self, seconds: float = 0.0) -> None:
        """Raise ``DeadlineReachedError`` unless more than this many seconds remain."""
        if self.remaining_s <= seconds:
            raise DeadlineReachedError


@dataclass(frozen=True, slots=True)
class Backoff:
    """How often and how late to try again.

    Attributes:
        attempts: Requests in all.
        base_s: Upper bound of the first wait; each further bound is twice as long ...
        cap_s: ... up to this.
        longest_retry_after_s: A site that asks for a longer pause is left alone until another run.
    """

    attempts: int = 5
    base_s: float = 1.0
    cap_s: float = 30.0
    longest_retry_after_s: float = 30.0

    def wait_s(self, failures: int, retry_after_s: float | None) -> float | None:
        """Return the seconds to wait after so many failures; None to try no more."""
        if failures >= self.attempts:
            return None
        if retry_after_s is not None and retry_after_s > self.longest_retry_after_s:
            return None
        bound = min(self.cap_s, self.base_s * 2 ** (failures - 1))
        # Jitter, not secrecy.
        return max(random.uniform(0, bound), retry_after_s or 0.0)  # noqa: S311


class Pace:
    """Spaces requests evenly: two never start closer together than the interval.

    Args:
        interval_s: Seconds between requests.
    """

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._next = time.monotonic()

    def wait(self, deadline: Deadline, sleep: Sleep) -> None:
        """Wait for this request's turn.

        Raises:
            DeadlineReachedError: Its turn comes after the deadline.
        """
        wait_s = max(0.0, self._next - time.monotonic())
        deadline.require(wait_s)
        if wait_s:
            sleep(wait_s)
        self._next = time.monotonic() + self._interval_s


@cache
def pace_of(host: str, requests_per_second: float) -> Pace:
    """Return the process's pace for a host: warm environments keep it between invocations."""
    del host  # it tells the cached paces apart
    return Pace(1.0 / requests_per_second)


def retry_after_s(value: str | None) -> float | None:
    """Return the seconds a ``Retry-After`` header asks for; None where it says nothing readable."""
    if not value:
        return None
    if value.strip().isdecimal():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
