"""Runs the benchmarks and writes docs/benchmarks.md: ``python tests/bench [NAME ...]``."""

import argparse
import importlib
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
sys.path[:0] = [
    str(PROJECT),
    str(PROJECT / "tests" / "bench"),
    str(PROJECT / "tests"),
    str(PROJECT / "localstack"),
]

from report import beside_others, write  # noqa: E402

BENCHMARKS = (
    "api_latency",
    "backtest",
    "cold_start",
    "concurrency",
    "event_study",
    "export",
    "filing_load",
    "first_request",
    "limiter",
    "ml_features",
    "ml_inference",
    "ml_serving",
    "ml_training",
    "power_tuning",
    "price_indexes",
    "ptr_parsing",
    "routes",
    "scale",
    "start_instructions",
    "start_shares",
    "warm",
)
# Half an hour and more: run where they are named.
LONG = ("soak",)
_NAMES = f"of {', '.join(BENCHMARKS)}; by name only, {', '.join(LONG)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=_NAMES)
    names = parser.parse_args().names or BENCHMARKS
    if unknown := set(names) - {*BENCHMARKS, *LONG}:
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}")
    reports = {}
    for name in names:
        print(f"measuring {name}", flush=True)
        reports[name] = beside_others(importlib.import_module(name).run)
    docs = PROJECT / "docs"
    write(reports, docs / "benchmarks.md", docs / "benchmarks.json")
    print(f"written to {(docs / 'benchmarks.md').relative_to(PROJECT)}")


if __name__ == "__main__":
    main()
