"""Deadlines, paces and back-off."""

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from quant.collectors.errors import DeadlineReachedError
from quant.collectors.pacing import Backoff, Deadline, Pace, pace_of, retry_after_s


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self):
        self.now = 100.0
        self.slept = []

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", lambda: clock.now)
    return clock


def test_requests_start_no_closer_together_than_the_interval(clock):
    pace, deadline = Pace(2.0), Deadline(60)
    pace.wait(deadline, clock.sleep)
    clock.now += 0.5  # the request took this long
    pace.wait(deadline, clock.sleep)
    clock.now += 5
    pace.wait(deadline, clock.sleep)
    assert clock.slept == [1.5]


def test_a_turn_after_the_deadline_is_not_waited_for(clock):
    pace, deadline = Pace(10.0), Deadline(5)
    pace.wait(deadline, clock.sleep)
    with pytest.raises(DeadlineReachedError):
        pace.wait(deadline, clock.sleep)
    assert clock.slept == []


def test_a_deadline_is_reached_when_its_time_is_over(clock):
    deadline = Deadline(5)
    deadline.require()
    with pytest.raises(DeadlineReachedError):
        deadline.require(5)
    clock.now += 5
    with pytest.raises(DeadlineReachedError):
        deadline.require()


def test_a_process_keeps_one_pace_for_a_host():
    assert pace_of("a.example", 1.0) is pace_of("a.example", 1.0)
    assert pace_of("a.example", 1.0) is not pace_of("b.example", 1.0)


def test_waits_are_jittered_below_bounds_that_double():
    backoff = Backoff(attempts=6, base_s=1, cap_s=4)
    for failures, bound in ((1, 1), (2, 2), (3, 4), (4, 4), (5, 4)):
        waits = [backoff.wait_s(failures, None) for _ in range(200)]
        assert 0 <= min(waits) < bound / 4
        assert bound * 3 / 4 < max(waits) <= bound
    assert backoff.wait_s(6, None) is None


def test_a_site_that_names_a_time_is_given_it():
    backoff = Backoff(base_s=1, longest_retry_after_s=30)
    assert backoff.wait_s(1, 20) == 20
    assert backoff.wait_s(1, 31) is None


def test_retry_after_is_seconds_or_a_date():
    assert retry_after_s("120") == 120
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    assert 85 < retry_after_s(soon) <= 90
    assert retry_after_s("Wed, 21 Oct 2015 07:28:00 GMT") == 0


@pytest.mark.parametrize("value", [None, "", "soon", "-5", "1.5", "Wed, 99 Oct 2015 07:28:00 GMT"])
def test_an_unreadable_retry_after_says_nothing(value):
    assert retry_after_s(value) is None
