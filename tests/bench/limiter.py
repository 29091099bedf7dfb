"""The limiter's cost beside a bare script and beside another exact limiter."""

import secrets
import time
from collections.abc import Callable
from statistics import quantiles

import limits
import valkey
from limit_support import connect
from report import Report, package_versions, sample
from supervisor.servers import ValkeyServer
from support import server_directory

from quant.limits import SlidingLogLimiter, Window, account_windows
from quant.tiers import TIERS, EndpointClass

ROUNDS = 9
REQUESTS = 4000
LIMIT = TIERS["premium"].requests_per_minute

# Asks once, for the request of a number; the number picks the client.
type Ask = Callable[[int], object]


def run() -> Report:
    with server_directory("bench") as directory:
        server = ValkeyServer(directory, secrets.token_urlsafe(16))
        server.start()
        try:
            server.wait_ready()
            return _measure(server)
        finally:
            server.stop()


def _measure(server: ValkeyServer) -> Report:
    client = connect(server)
    empty = client.script_load("return 1")
    ours = SlidingLogLimiter(client)
    storage = limits.storage.storage_from_string(server.url())
    theirs = limits.strategies.MovingWindowRateLimiter(storage)
    item = limits.RateLimitItemPerMinute(LIMIT)
    one = [Window("tier", LIMIT)]
    two = account_windows("premium", EndpointClass.ANALYTICS)

    def bare(_: int) -> object:
        return client.evalsha(empty, 1, "{bench}")

    def told(number: int) -> object:
        client_name = f"told:{number // 100}"
        return theirs.hit(item, client_name), theirs.get_window_stats(item, client_name)

    # A client for every hundred requests: none meets its limit.
    subjects: dict[str, Ask] = {
        "bare `EVALSHA`": bare,
        "this limiter, passing": lambda n: ours.check(f"pass:{n // 100}", one),
        "this limiter, passing two windows": lambda n: ours.check(f"two:{n // 100}", two),
        "`limits` moving window, passing": lambda n: theirs.hit(item, f"pass:{n // 100}"),
        "`limits` moving window and its stats, passing": told,
        "this limiter, refusing": lambda _: ours.check("refused", one),
        "`limits` moving window, refusing": lambda _: theirs.hit(item, "refused"),
    }
    rates: dict[str, list[float]] = {name: [] for name in subjects}
    p99s: dict[str, list[float]] = {name: [] for name in subjects}
    server_us: dict[str, list[float]] = {name: [] for name in subjects}
    for number in range(ROUNDS + 1):
        # One after the other within each round, so that a slow moment meets all of them.
        for name, ask in subjects.items():
            rate, p99, in_server = _round(client, ask, number * REQUESTS)
            if number:  # the first one warms up
                rates[name].append(rate)
                p99s[name].append(p99)
                server_us[name].append(in_server)
        client.flushdb()
        for _ in range(LIMIT):
            ours.check("refused", one)
            theirs.hit(item, "refused")
    base = sample(rates["bare `EVALSHA`"])
    rows = [
        (
            name,
            str(sample(rates[name])),
            sample(rates[name]).ratio(base),
            str(sample(p99s[name])),
            str(sample(server_us[name])),
        )
        for name in subjects
    ]
    measurements = {
        f"{name}, {quantity}": tuple(values[name])
        for quantity, values in (
            ("requests/s", rates),
            ("p99 us", p99s),
            ("server us/request", server_us),
        )
        for name in subjects
    }
    version = client.info("server")["valkey_version"]
    client.close()
    return Report(
        title="Limiter",
        method=(
            f"One client on one connection, as a Lambda environment has; {ROUNDS} rounds of "
            f"{REQUESTS:,} requests each, all in one run. The limit is the premium tier's, {LIMIT} "
            "in a minute. The bare script returns 1; the package `limits` has the other exact "
            "limiter, its moving window; what remains and when it resets it tells in a second "
            "request, which this limiter's answer has already. Time in the server is what Valkey "
            "itself counts for the scripts."
        ),
        columns=("", "requests/s", "of bare", "p99, µs", "in the server, µs"),
        rows=tuple(rows),
        versions={"Valkey": version, **package_versions("valkey", "limits")},
        measurements=measurements,
    )


def _round(client: valkey.Valkey, ask: Ask, first: int) -> tuple[float, float, float]:
    """Requests per second, 99th percentile in microseconds, and microseconds in the server."""
    taken = []
    before = _in_scripts(client)
    started = time.perf_counter()
    for number in range(first, first + REQUESTS):
        asked = time.perf_counter()
        ask(number)
        taken.append(time.perf_counter() - asked)
    rate = REQUESTS / (time.perf_counter() - started)
    in_server = (_in_scripts(client) - before) / REQUESTS
    return rate, quantiles(taken, n=100)[98] * 1e6, in_server


def _in_scripts(client: valkey.Valkey) -> float:
    stats = client.info("commandstats")
    return sum(stats.get(f"cmdstat_{name}", {}).get("usec", 0) for name in ("evalsha", "eval"))
