from datetime import UTC, datetime

import pytest

from quant_localstack.gateway.limits import (
    COUNTERS,
    Quota,
    QuotaCounter,
    Throttle,
    Throttler,
    period_start,
)


class Clock:
    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def taken(throttler: Throttler, throttle: Throttle, tries: int, key: str = "k") -> int:
    return sum(throttler.take(key, throttle) for _ in range(tries))


def test_burst_is_the_size_of_the_bucket() -> None:
    assert taken(Throttler(Clock()), Throttle(rate=100, burst=5), 20) == 5


def test_fractional_rate_refills_slowly() -> None:
    clock = Clock()
    throttler, throttle = Throttler(clock), Throttle(rate=0.3333, burst=20)
    assert taken(throttler, throttle, 30) == 20
    clock.now += 3.0
    assert taken(throttler, throttle, 5) == 0
    clock.now += 0.01
    assert taken(throttler, throttle, 5) == 1
    clock.now += 59.0
    assert taken(throttler, throttle, 30) == 19


def test_refused_requests_do_not_delay_the_refill() -> None:
    clock = Clock()
    throttler, throttle = Throttler(clock), Throttle(rate=1, burst=1)
    assert taken(throttler, throttle, 1) == 1
    for _ in range(9):
        clock.now += 0.1
        assert taken(throttler, throttle, 1) == 0
    clock.now += 0.11
    assert taken(throttler, throttle, 1) == 1


def test_bucket_never_holds_more_than_the_burst() -> None:
    clock = Clock()
    throttler, throttle = Throttler(clock), Throttle(rate=10, burst=3)
    assert taken(throttler, throttle, 3) == 3
    clock.now += 3600
    assert taken(throttler, throttle, 10) == 3


def test_keys_have_buckets_of_their_own() -> None:
    throttler, throttle = Throttler(Clock()), Throttle(rate=1, burst=2)
    assert taken(throttler, throttle, 5, "a") == 2
    assert taken(throttler, throttle, 5, "b") == 2


def test_number_of_buckets_is_bounded() -> None:
    throttler, throttle = Throttler(Clock()), Throttle(rate=0, burst=1)
    assert throttler.take("first", throttle)
    assert not throttler.take("first", throttle)
    for number in range(COUNTERS):
        throttler.take(number, throttle)
    assert throttler.take("first", throttle)


def at(*date: int) -> float:
    return datetime(*date, tzinfo=UTC).timestamp()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("period", "last", "first"),
    [
        ("DAY", at(2026, 11, 23, 23, 59, 59), at(2026, 11, 24)),
        ("WEEK", at(2026, 11, 29, 23, 59, 59), at(2026, 11, 30)),
        ("MONTH", at(2026, 12, 31, 23, 59, 59), at(2027, 1, 1)),
    ],
)
def test_quota_is_renewed_with_the_period(period: str, last: float, first: float) -> None:
    clock = Clock(last)
    counter, quota = QuotaCounter(clock), Quota(limit=2, period=period)
    assert [counter.take("k", quota) for _ in range(3)] == [True, True, False]
    clock.now = first
    assert [counter.take("k", quota) for _ in range(3)] == [True, True, False]


def test_offset_reduces_the_first_period_only() -> None:
    clock = Clock(at(2026, 11, 23))
    counter, quota = QuotaCounter(clock), Quota(limit=3, period="DAY", offset=2)
    assert [counter.take("k", quota) for _ in range(2)] == [True, False]
    clock.now = at(2026, 11, 24)
    assert [counter.take("k", quota) for _ in range(4)] == [True, True, True, False]


def test_quota_is_counted_per_key() -> None:
    counter, quota = QuotaCounter(Clock()), Quota(limit=1, period="DAY")
    assert counter.take("a", quota)
    assert counter.take("b", quota)
    assert not counter.take("a", quota)


def test_unknown_period_is_refused() -> None:
    with pytest.raises(ValueError, match="YEAR"):
        period_start(datetime.now(UTC), "YEAR")
