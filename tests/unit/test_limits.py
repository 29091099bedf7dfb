import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant.limits import LocalLimiter, Window, account_windows, anonymous_windows
from quant.tiers import ANONYMOUS_CLASS_LIMITS, ANONYMOUS_PER_MINUTE, TIERS, EndpointClass


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@given(
    limit=st.integers(0, 8),
    environments=st.integers(1, 4),
    steps=st.lists(st.tuples(st.floats(0, 20), st.integers(0, 3)), max_size=80),
)
def test_environments_together_never_exceed_the_limit(limit, environments, steps):
    clock = Clock()
    limiters = [LocalLimiter(environments, clock=clock) for _ in range(environments)]
    window = Window("tier", limit, 60.0)
    passed = []
    for pause, environment in steps:
        clock.now += pause
        decision = limiters[environment % environments].check("a", [window])
        if decision.allowed:
            passed.append(clock.now)
        assert sum(at >= clock.now - 60 for at in passed) <= limit
        assert decision.exact is False


def test_share_is_used_up_and_comes_back():
    clock = Clock()
    limiter = LocalLimiter(4, clock=clock)
    window = Window("tier", 20)
    assert [limiter.check("a", [window]).allowed for _ in range(6)] == [True] * 5 + [False]
    assert limiter.check("b", [window]).allowed
    clock.now += 60.001
    assert limiter.check("a", [window]).allowed


def test_refusal_says_when_to_come_back():
    clock = Clock()
    limiter = LocalLimiter(1, clock=clock)
    window = Window("tier", 1)
    limiter.check("a", [window])
    clock.now += 20
    refused = limiter.check("a", [window])
    assert refused.retry_after == 40
    assert [limiter.check("a", [window]).states[0].first_refusal for _ in range(2)] == [False] * 2
    assert refused.states[0].first_refusal


def test_full_memory_refuses_new_clients_and_forgets_nobody():
    clock = Clock()
    limiter = LocalLimiter(1, clock=clock, max_logs=2)
    window = Window("tier", 1)
    assert limiter.check("a", [window]).allowed
    assert limiter.check("b", [window]).allowed
    assert not limiter.check("c", [window]).allowed
    assert not limiter.check("a", [window]).allowed
    clock.now += 60.001
    assert limiter.check("c", [window]).allowed


def test_looking_does_not_count():
    limiter = LocalLimiter(1, clock=Clock())
    window = Window("tier", 1)
    for _ in range(3):
        state = limiter.check("a", [window], count=False).states[0]
        assert (state.used, state.remaining, state.first_refusal) == (0, 1, False)


@pytest.mark.parametrize("tier", TIERS)
def test_class_limits_are_lower_than_the_tiers(tier):
    overall, *classes = account_windows(tier, *EndpointClass)
    assert overall.limit == TIERS[tier].requests_per_minute
    assert {window.name for window in classes} == {"auth", "analytics", "export"}
    assert all(0 < window.limit < overall.limit for window in classes)
    assert account_windows(tier, EndpointClass.DATA) == (overall,)


def test_networks_have_limits_of_their_own():
    assert [window.limit for window in anonymous_windows(EndpointClass.AUTH)] == [
        ANONYMOUS_PER_MINUTE,
        ANONYMOUS_CLASS_LIMITS[EndpointClass.AUTH],
    ]
    assert [window.name for window in anonymous_windows(EndpointClass.DATA)] == ["network"]
