"""Durations of requests, from the benchmarks' measurements (docs/benchmarks.json)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from quant_http.routes import ROUTES

# Share of requests that each route stands for. Assumed: nobody has used the platform yet.
MIX: Final[Mapping[str, float]] = {
    "trades.list": 0.45,
    "politicians.list": 0.15,
    "stats.overview": 0.10,
    "stats.leaderboard": 0.10,
    "analytics.performance": 0.08,
    "analytics.network": 0.05,
    "analytics.politician_performance": 0.04,
    "analytics.anomaly_detection": 0.01,
    "analytics.ensemble": 0.01,
    "analytics.backtest": 0.01,
}

# Lambda bills whole milliseconds, rounded up: half of one more on average.
# https://aws.amazon.com/lambda/pricing/
_ROUNDED_UP_S: Final = 0.0005


@dataclass(frozen=True, slots=True)
class Took:
    """Mean of a route's requests on the development machine.

    Attributes:
        seconds: From the event to the answer.
        processor: Seconds of the processor in them; the others are waited for stores.
    """

    seconds: float
    processor: float

    def billed(self, share: float, slower: float = 1.0) -> float:
        """Return the seconds that Lambda bills.

        Args:
            share: Share of a processor that the function has.
            slower: How much longer everything takes on Lambda.
        """
        waited = max(self.seconds - self.processor, 0.0)
        return slower * (waited + self.processor / min(share, 1.0)) + _ROUNDED_UP_S


@dataclass(frozen=True, slots=True)
class Durations:
    """What requests of a route take.

    Attributes:
        uncached: Where Valkey does not hold the answer, or never does.
        cached: Where it does; the same for a route whose answers are not kept.
    """

    uncached: Took
    cached: Took


def durations(benchmarks: Path) -> dict[str, Durations]:
    """Return the durations of all routes, by name."""
    found = json.loads(benchmarks.read_text())["routes"]["measurements"]

    def took(route: str, kind: str) -> Took | None:
        values = found.get(f"{route}, {kind}, ms")
        return Took(*(value / 1000 for value in values)) if values else None

    measured = {}
    for route in ROUTES:
        uncached = took(route.name, "uncached")
        if uncached is None:
            msg = f"{route.name} was not measured: run the benchmark `routes`"
            raise LookupError(msg)
        measured[route.name] = Durations(uncached, took(route.name, "cached") or uncached)
    return measured
