"""The performance report: real disclosures in, a page and its numbers out."""

import json
import math
from pathlib import Path
from typing import Any, Final

import data_and_coverage
import sections
from comparison import Comparison
from realdata_support import import_everything
from sqlalchemy import Engine
from study import Findings
from summary import Summary

from quant.reports.performance_study import load_study

PAGE: Final = "performance-report.md"
NUMBERS: Final = "performance-report.json"
# Significant digits of the numbers that are kept: enough to compare, too few to differ by machine.
_DIGITS: Final = 6

_INTRODUCTION: Final = (
    "# Performance of disclosed trades, on real data\n\n"
    "Written by `make report DATA=<folder>` from the real disclosures of both chambers and from "
    "prices of twenty stocks, by the code that answers `GET /api/v1/analytics/performance`. Every "
    f"estimate of the event studies is in [{NUMBERS}]({NUMBERS}). Each sentence that states a "
    "result is held against its numbers when the page is written; a test writes it anew and "
    "compares.\n\n"
    "It describes the past, says nothing about how a trade came about, and is no investment advice."
)
_ESTIMATORS: Final = (
    "## Estimators\n\n"
    "Returns are in per cent. CAR is the sum of a stock's daily returns less the expected ones, "
    "BHAR the compounded return less the compounded expected one, of the stock: not signed by the "
    "side, so that sales followed by a fall have a negative CAR. Windows open at the close of the "
    "first trading day after disclosure, or of the day of the transaction. The market model is "
    "estimated on the 252 returns that end 22 trading days before; the Fama-French factors are "
    "monthly and serve the calendar-time portfolios only. Means have equal weights unless a table "
    "says otherwise; standard errors are clustered by politician and by day of the return "
    "(Cameron, Gelbach and Miller 2011), by the greatest of the two-way and both one-way "
    "variances, as the first can come out far too small with few politicians. Intervals are of "
    "Student's t with the degrees of freedom that [methods/performance.md](methods/performance.md) "
    "says; with fewer than five clusters there is none. The "
    "bootstrap is the wild cluster one by politician with 999 draws; there is none of a "
    "difference. It has no such safeguard, and where a few politicians make most of the "
    "trades its intervals are too narrow (MacKinnon and Webb 2017, Journal of Applied Econometrics "
    "32): sentences refer to the clustered ones.\n\n"
    "Beside the index, returns are compared with the equally weighted mean of the twenty stocks, "
    "rebalanced daily: what picking one of them at random earns. It holds the same dividends and "
    "the same survivors as the trades. p-values in the tables are of single tests: of eighteen in "
    "a table, one is below 0.05 by chance."
)


def gather(engine: Engine, data: Path) -> Findings:
    """Import everything into an empty database and return what follows."""
    imports = tuple(import_everything(engine, data))
    with engine.connect() as connection:
        return Findings(load_study(connection), imports)


def page(findings: Findings) -> str:
    parts = [
        _INTRODUCTION,
        Summary(findings).in_short(),
        Comparison(findings).comparison(),
        data_and_coverage.data(findings),
        data_and_coverage.coverage(findings),
        _ESTIMATORS,
        sections.compared(findings),
        sections.ranks(findings),
        sections.power(findings),
        sections.everybody(findings),
        sections.groups(findings),
        sections.weights(findings),
        sections.politicians(findings),
        sections.portfolios(findings),
    ]
    return "\n\n".join(parts) + "\n"


def numbers(findings: Findings) -> str:
    """Every estimate as JSON, one a line."""
    rows = list(findings.rows())
    lines = ",\n".join(json.dumps([_rounded(value) for value in row.values()]) for row in rows)
    return f'{{"columns": {json.dumps(list(rows[0]))},\n"rows": [\n{lines}\n]}}\n'


def _rounded(value: Any) -> Any:
    if not isinstance(value, float) or not math.isfinite(value):
        return None if isinstance(value, float) else value
    return float(f"{value:.{_DIGITS}g}")
