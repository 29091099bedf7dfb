import time
import uuid
from itertools import pairwise

import pytest
from limit_support import cluster, connect, counting, hammer, most_in_any_window, passes

from quant.breaker import RETRY_AFTER_S, ValkeyBreaker
from quant.errors import StoreUnavailableError
from quant.limits import (
    LocalLimiter,
    RateLimiter,
    SlidingLogLimiter,
    Window,
    account_windows,
)
from quant.tiers import TIERS, EndpointClass
from quant.valkey_store import ValkeyStore

# Clients that share one account of each tier, all at the same time.
CLIENTS = {"premium": 200, "basic": 60, "free": 60}


@pytest.fixture(scope="module")
def single(valkey):
    client = connect(valkey)
    yield client
    client.close()


@pytest.fixture(scope="module")
def three_nodes():
    with cluster(3) as client:
        yield client


@pytest.fixture(params=["single", "three_nodes"])
def client(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def limiter(client):
    return SlidingLogLimiter(client)


@pytest.fixture
def subject():
    return f"account:{uuid.uuid4()}"


def check_every_tier(client, seconds, pause, record_property):
    waits = {
        tier: hammer(
            lambda: SlidingLogLimiter(client),
            f"account:{uuid.uuid4()}",
            Window("tier", TIERS[tier].requests_per_minute, seconds),
            clients=clients,
            windows=3,
            pause=pause,
        )
        for tier, clients in CLIENTS.items()
    }
    for tier, wait in waits.items():
        decisions = wait()
        limit = TIERS[tier].requests_per_minute
        times = passes(decisions)
        record_property(f"{tier}: asked", len(decisions))
        record_property(f"{tier}: passed", len(times))
        record_property(f"{tier}: most in any window", most_in_any_window(times, seconds))
        assert len(decisions) > 3 * limit, "the clients did not ask for more than the limit"
        assert most_in_any_window(times, seconds) == limit, tier
        assert len(times) == 3 * limit, tier


def test_concurrent_clients_get_exactly_the_limit_in_any_window(client, record_property):
    check_every_tier(client, 2.0, 0.01, record_property)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_concurrent_clients_get_exactly_the_limit_in_any_minute(client, record_property):
    check_every_tier(client, 60.0, 0.5, record_property)


def test_steady_clients_get_exactly_the_limit_in_any_window(limiter, subject):
    # Passes spread over the window, so that they leave it one at a time.
    window = Window("tier", 10, 1.0)
    wait = hammer(lambda: limiter, subject, window, clients=2, windows=4, pause=0.07)
    times = passes(wait())
    assert most_in_any_window(times, 1.0) == 10


def test_client_is_told_where_it_stands(limiter, subject):
    window = Window("tier", 3, 60.0)
    states = [limiter.check(subject, [window]).states[0] for _ in range(3)]
    assert [state.remaining for state in states] == [2, 1, 0]
    assert [state.reset for state in states] == [60, 60, 60]
    refused = limiter.check(subject, [window])
    assert not refused.allowed
    assert (refused.tightest.used, refused.tightest.remaining) == (3, 0)
    assert refused.retry_after == refused.tightest.reset == 60


def test_request_passes_after_the_wait_it_is_told_and_not_before(limiter, subject):
    window = Window("tier", 1, 0.4)
    first = limiter.check(subject, [window])
    refused = limiter.check(subject, [window])
    while not (again := limiter.check(subject, [window])).allowed:
        pass
    told = refused.time_us + round(refused.states[0].retry_after_s * 1_000_000)
    assert first.time_us + 400_000 < told <= again.time_us


def test_limit_is_of_one_client(limiter):
    window = Window("tier", 1)
    for _ in range(3):
        assert limiter.check(f"account:{uuid.uuid4()}", [window]).allowed


def test_class_that_refuses_costs_the_tier_nothing(limiter, subject):
    windows = account_windows("free", EndpointClass.EXPORT)
    export = TIERS["free"].class_limits[EndpointClass.EXPORT]
    for _ in range(export):
        assert limiter.check(subject, windows).allowed
    for _ in range(5):
        refused = limiter.check(subject, windows)
        assert not refused.allowed
        assert refused.tightest.window.name == "export"
    left = limiter.check(subject, account_windows("free"), count=False).states[0].remaining
    assert left == TIERS["free"].requests_per_minute - export


def test_looking_does_not_count(limiter, subject):
    window = Window("tier", 2)
    for _ in range(5):
        assert limiter.check(subject, [window], count=False).states[0].used == 0
    limiter.check(subject, [window])
    assert limiter.check(subject, [window], count=False).states[0].used == 1


def test_log_holds_no_more_than_the_limit_and_goes_away(client, limiter, subject):
    windows = [Window("tier", 5, 0.5), Window("auth", 3, 0.5)]
    for _ in range(20):
        limiter.check(subject, windows)
        limiter.check(subject, windows[:1])
    logs = [f"{{quant:limit:{subject}}}:{name}" for name in ("tier", "auth")]
    assert [client.llen(log) for log in logs] == [5, 3]
    time.sleep(0.6)
    marks = [f"{log}:refused" for log in logs]
    assert [client.exists(key) for key in (*logs, *marks)] == [0] * 4


def test_keys_of_a_client_are_in_one_slot(three_nodes):
    # A script whose keys are in several slots is refused.
    limiter = SlidingLogLimiter(three_nodes)
    for number in range(20):
        subject = f"network:2001:db8:{number:x}::/48"
        assert limiter.check(subject, account_windows("free", *EndpointClass)).allowed


def test_a_check_costs_one_round_trip(single, subject):
    single.script_flush()
    client, sent = counting(single)
    limiter = SlidingLogLimiter(client)
    windows = account_windows("premium", EndpointClass.ANALYTICS)
    limiter.check(subject, windows)
    assert sent == ["evalsha", "eval"]
    sent.clear()
    limiter.check(subject, windows)
    limiter.check(subject, windows, count=False)
    assert sent == ["evalsha", "evalsha"]


def test_lowered_limit_waits_until_enough_have_left(limiter, subject):
    for _ in range(4):
        limiter.check(subject, [Window("tier", 4, 0.5)])
    refused = limiter.check(subject, [Window("tier", 2, 0.5)])
    assert not refused.allowed
    assert refused.tightest.remaining == 0
    assert refused.tightest.retry_after_s >= refused.tightest.reset_after_s
    time.sleep(refused.tightest.retry_after_s)
    assert limiter.check(subject, [Window("tier", 2, 0.5)]).allowed


def test_limit_of_none_refuses(limiter, subject):
    refused = limiter.check(subject, [Window("tier", 0)])
    assert not refused.allowed
    assert refused.retry_after == 60


def test_entries_of_a_clock_set_back_do_not_shut_a_client_out(single, subject):
    limiter = SlidingLogLimiter(single)
    tomorrow = time.time() + 86_400
    single.rpush(f"{{quant:limit:{subject}}}:tier", round(tomorrow * 1_000_000))
    assert limiter.check(subject, [Window("tier", 1)]).allowed


def test_first_refusal_is_told_once_in_a_window(limiter, subject):
    window = Window("tier", 5, 1.0)
    wait = hammer(lambda: limiter, subject, window, clients=20, windows=3)
    decisions = wait()
    first = sorted(d.time_us for d in decisions if d.states[0].first_refusal)
    assert len(first) >= 2
    assert all(later - earlier > 990_000 for earlier, later in pairwise(first))


@pytest.fixture
def guarded(single):
    """The platform's limiter, and the breaker in front of its Valkey."""
    guard = ValkeyBreaker(clock=lambda: 0.0)
    return RateLimiter(LocalLimiter(4), ValkeyStore(lambda: single, lambda: guard)), guard


def is_left_alone(guard):
    try:
        guard.call(lambda: None)
    except StoreUnavailableError:
        return True
    return False


def test_another_command_comes_along(guarded, single, subject):
    limiter, guard = guarded
    single.set("{somewhere}:key", b"value", ex=60)
    window = Window("tier", 2)
    for used, allowed in ((1, True), (2, True), (2, False)):
        decision, found = limiter.check_with(("GET", "{somewhere}:key"), subject, [window])
        assert (decision.allowed, decision.exact, found) == (allowed, True, b"value")
        assert decision.states[0].used == used
    assert not is_left_alone(guard)


def test_a_command_that_fails_does_not_cost_the_decision(guarded, subject):
    limiter, guard = guarded
    decision, found = limiter.check_with(("GET", "too", "many"), subject, [Window("tier", 2)])
    assert (decision.exact, decision.states[0].used, found) == (True, 1, None)
    assert is_left_alone(guard)


def test_a_decision_that_fails_is_the_local_limiters(guarded, single, subject):
    limiter, guard = guarded
    # No log, so that the script fails.
    single.set(f"{{quant:limit:{subject}}}:tier", b"text", ex=60)
    decision, found = limiter.check_with(("GET", "{somewhere}:none"), subject, [Window("tier", 8)])
    assert (decision.exact, decision.states[0].window.limit, found) == (False, 2, None)
    assert is_left_alone(guard)


class Environments:
    """As many processes as the fallback's share allows for, with a Valkey that may go away."""

    def __init__(self, client, count):
        self.now = 0.0
        self.guards = [ValkeyBreaker(clock=lambda: self.now) for _ in range(count)]
        self.limiters = [
            RateLimiter(LocalLimiter(count), ValkeyStore(lambda: client, lambda g=g: g))
            for g in self.guards
        ]
        self.asked = 0

    def check(self, subject, windows, *, count=True):
        self.asked += 1
        limiter = self.limiters[self.asked % len(self.limiters)]
        return limiter.check(subject, windows, count=count)


def test_valkey_lost_is_never_more_than_the_limit_and_exact_again_after(subject):
    from secrets import token_urlsafe

    from supervisor.servers import ValkeyServer
    from support import server_directory

    window = Window("tier", 20, 2.0)
    with server_directory("valkey") as directory:
        server = ValkeyServer(directory, token_urlsafe(16))
        server.start()
        try:
            server.wait_ready()
            client = connect(server, timeout=0.25)
            environments = Environments(client, 4)
            assert environments.check(subject, [window]).exact
            server.kill()
            lost = hammer(lambda: environments, subject, window, clients=8, windows=3)()
            assert not any(decision.exact for decision in lost)
            assert most_in_any_window(passes(lost), 2.0) == 20
            assert all(decision.states[0].window.limit == 5 for decision in lost)
            server.start()
            server.wait_ready()
            environments.now = RETRY_AFTER_S
            back = hammer(lambda: environments, subject, window, clients=8, windows=3)()
            assert all(decision.exact for decision in back)
            assert most_in_any_window(passes(back), 2.0) == 20
            assert len(passes(back)) == 60
        finally:
            server.stop()
