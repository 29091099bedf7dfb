"""What data the performance report has, and what it lacks."""

from importlib.metadata import version
from typing import Final

import numpy as np
from cells import table
from sections import EVENT_NAMES
from study import ALL, HOUSE, SENATE, Findings, Key

from quant.analytics.arrays import Flags
from quant.analytics.performance.vocabulary import HORIZONS, Event
from quant.reports.performance_legs import Leg

_FILES: Final = {
    "legislators": "members and committees",
    "senate-stock-watcher": "Senate, transactions of 2012 to 2020",
    "senate-tables": "Senate, disclosures of a year",
    "house-stock-watcher": "House",
    "prices": "twenty stocks and the index, of `skfolio`, from 2010",
    "factors": "monthly Fama-French factors, of `arch`",
}


def data(findings: Findings) -> str:
    rows = [
        (
            _FILES[each.source],
            f"`{each.sha256[:16]}`",
            f"{each.rows:,}",
            f"{each.inserted:,}",
            f"{each.existing + each.duplicates:,}",
            f"{each.rejected:,}",
        )
        for each in findings.imports
    ]
    versions = ", ".join(f"{name} {version(name)}" for name in ("skfolio", "arch", "numpy"))
    days, months = findings.prices.days, findings.factors.days.astype("datetime64[M]")
    return "\n".join(
        [
            "## Data",
            "",
            "The disclosures are described in [data.md](data.md). Prices are adjusted closes of "
            f"{days[0]} to {days[-1]}, factors those of {months[0]} to {months[-1]}. {versions}.",
            "",
            table(
                ("file", "SHA-256 begins", "rows", "new", "known or repeated", "rejected"),
                rows,
                texts=2,
            ),
        ]
    )


def coverage(findings: Findings) -> str:
    trades, covered = findings.study.trades.arrays, findings.covered
    last = findings.prices.days[-1]
    until = covered & (trades.transaction_day < last)
    known = ~np.isnat(trades.disclosure_day)
    disclosed = covered & known & (np.where(known, trades.disclosure_day, last) < last)
    populations = {name: findings.populations[name] for name in (SENATE, HOUSE, ALL)}

    def counts(name: str, which: Flags) -> list[str]:
        return [name, *(f"{int((which & inside).sum()):,}" for inside in populations.values())]

    def politicians(name: str, which: Flags) -> list[str]:
        inside = [len(np.unique(trades.politician[which & each])) for each in populations.values()]
        return [name, *(str(number) for number in inside)]

    def span(name: str, which: Flags) -> list[str]:
        days = [trades.transaction_day[which & each] for each in populations.values()]
        return [name, *(f"{each.min()} to {each.max()}" for each in days)]

    everything = np.ones(len(trades), dtype=np.bool_)
    rows = [
        counts("trades since the STOCK Act", everything),
        counts("with a known day of disclosure", known),
        counts("purchases and sales of the twenty stocks", covered),
        counts("purchases", covered & (trades.side > 0)),
        counts("sales", covered & (trades.side < 0)),
        counts("transaction before the last price", until),
        politicians("their politicians", until),
        span("their transactions", until),
        counts("disclosure known and before the last price", disclosed),
        politicians("their politicians", disclosed),
        span("their transactions", disclosed),
    ]
    tickers = [
        (findings.prices.tickers[code], int((until & (trades.ticker == code)).sum()))
        for code in np.flatnonzero(findings.priced)
    ]
    listed = ", ".join(f"{name} {number}" for name, number in tickers if number)
    return "\n".join(
        [
            "## Coverage",
            "",
            table(("", *populations), rows),
            "",
            f"Transactions before the last price by ticker: {listed}. Without a ticker, of another "
            "kind than stock, or of one of the thousands of other tickers, a trade has no return; "
            "nothing is filled in. The Senate Stock Watcher's file has no days of disclosure: what "
            "senators disclosed before 2020 is measured from the transaction only.",
            "",
            "Why trades of all members have no abnormal return, by horizon in trading days:",
            "",
            _exclusions(findings),
        ]
    )


def _exclusions(findings: Findings) -> str:
    rows = []
    for event in Event:
        returns = findings.measured(Key(ALL, event, Leg.SIGNED, 1)).returns
        counted = [returns.excluded(horizon) for horizon in HORIZONS]
        used = [str(int(column.sum())) for column in returns.included.T]
        rows.append((EVENT_NAMES[event], "used", *used))
        for reason in dict.fromkeys(name for each in counted for name in each):
            numbers = (f"{each.get(reason, 0):,}" for each in counted)
            rows.append((EVENT_NAMES[event], f"`{reason}`", *numbers))
    return table(("from", "", *map(str, HORIZONS)), rows, texts=2)
