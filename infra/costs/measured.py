"""Durations of requests, from the benchmarks' measurements (docs/benchmarks.json)."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from quant_http.routes import ROUTES

# Percentiles that the benchmark keeps of each measurement (tests/bench/api_latency.py).
_PERCENTILES: Final = (0, 10, 25, 50, 75, 90, 95, 99, 100)
_DATA: Final = "larger, 50,000"

# Share of requests that each measured route stands for. Assumed: nobody has used the platform yet.
MIX: Final[Mapping[str, float]] = {
    "/trades": 0.45,
    "/politicians": 0.15,
    "/stats/overview": 0.10,
    "/stats/leaderboard": 0.10,
    "/analytics/performance": 0.08,
    "/analytics/network/analysis": 0.05,
    "/analytics/performance/{id}": 0.04,
    "/analytics/anomaly-detection/{id}": 0.01,
    "/analytics/ensemble/{id}": 0.01,
    "/analytics/backtest": 0.01,
}


@dataclass(frozen=True, slots=True)
class Durations:
    """Mean seconds of a route's requests on the development machine.

    Attributes:
        cached: Where Valkey holds the answer.
        uncached: Where it does not.
    """

    cached: float
    uncached: float


def durations(benchmarks: Path) -> dict[str, Durations]:
    """Return the durations of the routes in ``MIX``."""
    found = json.loads(benchmarks.read_text())["api_latency"]["measurements"]

    def mean(route: str, kind: str) -> float:
        return mean_of_percentiles(found[f"{route}, {_DATA}, {kind}, ms"]) / 1000

    return {route: Durations(mean(route, "cached"), mean(route, "uncached")) for route in MIX}


def function_of(route: str) -> str:
    """Return the function that answers a measured route."""
    [name] = [
        declared.name
        for declared in ROUTES
        if re.sub(r"{\w+}", "{id}", declared.path) == f"/api/v1{route}" and declared.method == "GET"
    ]
    return name


def mean_of_percentiles(values: list[float]) -> float:
    """Return the mean of a distribution known by its percentiles, linear in between."""
    steps = zip(pairwise(_PERCENTILES), pairwise(values), strict=True)
    return sum((to - since) * (low + high) / 2 for (since, to), (low, high) in steps) / 100
