"""The tables of the performance report, a section each."""

from collections.abc import Iterable, Sequence
from itertools import product
from typing import Final

from cells import (
    ESTIMATE_COLUMNS,
    estimate_cells,
    inference_cells,
    interval,
    percent,
    probability,
    short,
    table,
)
from study import (
    ALL,
    DEMOCRATS,
    EXPECTED,
    HOUSE,
    INDEX,
    LEGS,
    MEASURES,
    PUBLISHED,
    REPUBLICANS,
    SENATE,
    TWENTY,
    Findings,
    Key,
    detectable,
)

from quant.analytics.performance.alpha import Frequency
from quant.analytics.performance.calendar_time import Leg as PortfolioLeg
from quant.analytics.performance.vocabulary import HORIZONS, Event, Model, Weighting
from quant.reports.performance_legs import Leg

LEG_NAMES: Final = {
    Leg.PURCHASES: "purchases",
    Leg.SALES: "sales",
    Leg.PURCHASES_MINUS_SALES: "purchases less sales",
}
EVENT_NAMES: Final = {Event.DISCLOSURE: "disclosure", Event.TRANSACTION: "transaction"}
MEASURE_NAMES: Final = {"car": "CAR", "bhar": "BHAR"}
EXPECTED_NAMES: Final = {
    (INDEX, Model.MARKET_ADJUSTED): "market-adjusted, index",
    (INDEX, Model.MARKET_MODEL): "market model, index",
    (TWENTY, Model.MARKET_ADJUSTED): "less the mean of the twenty",
}
LONGER: Final = (21, 63, 126, 252)
# The calendar-time portfolios of the API, and half a year as in the published study.
HOLDINGS: Final = (21, 63, 126, 252)


def event_tables(
    findings: Findings, population: str, combinations: Iterable[tuple[Event, tuple, str]]
) -> str:
    """One table for each event, model and measure."""
    parts = []
    for event, expected, measure in combinations:
        rows = [
            (
                LEG_NAMES[leg],
                str(horizon),
                *estimate_cells(
                    findings.grid[Key(population, event, leg, horizon, *expected)], measure
                ),
            )
            for leg, horizon in product(LEGS, HORIZONS)
        ]
        title = f"{MEASURE_NAMES[measure]} from {EVENT_NAMES[event]}, {EXPECTED_NAMES[expected]}"
        parts += [f"### {population[0].upper()}{population[1:]}: {title}", ""]
        parts += [table(("", "days", *ESTIMATE_COLUMNS), rows), ""]
    return "\n".join(parts).rstrip()


def compared(findings: Findings) -> str:
    """Senators in the period of the published study."""
    combinations = product(
        Event, ((INDEX, Model.MARKET_ADJUSTED), (TWENTY, Model.MARKET_ADJUSTED)), ("car",)
    )
    return "\n".join(
        [
            "## Senators from the STOCK Act to 2020",
            "",
            "Transactions of 2012-04-04 to 2020-12-31: the chamber, the law and the period of "
            "Belmont et al. (2022). The windows of the last ones end in 2021.",
            "",
            event_tables(findings, PUBLISHED, combinations),
        ]
    )


def everybody(findings: Findings) -> str:
    combinations = product(Event, EXPECTED[:2], MEASURES)
    return f"## All members\n\n{event_tables(findings, ALL, combinations)}"


def groups(findings: Findings) -> str:
    rows = []
    names = (SENATE, HOUSE, DEMOCRATS, REPUBLICANS)
    for name, event, expected, leg in product(names, Event, EXPECTED, LEGS):
        found = [findings.grid[Key(name, event, leg, days, *expected)]["car"] for days in LONGER]
        cells = [f"{short(each)} ({each['n']})" for each in found]
        rows.append((name, EVENT_NAMES[event], EXPECTED_NAMES[expected], LEG_NAMES[leg], *cells))
    columns = ("", "from", "expected return", "", *(f"{days} days" for days in LONGER))
    return "\n".join(
        [
            "## By chamber and party",
            "",
            "Mean CAR in per cent, 95 % interval, number of trades. Members whose party the "
            "sources do not give, most of them former, are in no party.",
            "",
            table(columns, rows, texts=4),
        ]
    )


def weights(findings: Findings) -> str:
    rows = []
    for name, event, leg, days in product((PUBLISHED, ALL), Event, LEGS, (63, 126)):
        cells = []
        for weighting in Weighting:
            row = findings.row(Key(name, event, leg, days, weighting=weighting))
            cells.append(short(row["car"]))
        cells.append(interval(*findings.amount_bounds(Key(name, event, leg, days))))
        rows.append((name, EVENT_NAMES[event], LEG_NAMES[leg], str(days), *cells))
    columns = ("", "from", "", "days", *(each.replace("_", "-") for each in Weighting), "bounds")
    return "\n".join(
        [
            "## Weights",
            "",
            "Mean market-adjusted CAR (index) in per cent with trades weighted alike, by the "
            "midpoint of the disclosed range, and by the mean of a log-uniform amount. The bounds "
            "are what any amounts within the ranges could give: no estimate can be sharper.",
            "",
            table(columns, rows, texts=4),
        ]
    )


def politicians(findings: Findings, horizon: int = 63) -> str:
    parts = [
        "## Politicians",
        "",
        f"Mean {horizon}-day market-adjusted CAR (index) of each politician's trades, of sales "
        "with the opposite sign, clustered by ticker and day. q is the Benjamini-Hochberg value "
        "over the politicians tested; the others have too few clusters.",
    ]
    for event in Event:
        tested, others = findings.politicians(event, horizon)
        found = [row["car"] for row in tested]
        parts += [
            "",
            f"From {EVENT_NAMES[event]}: {len(tested)} tested, {others} not; p <= 0.05 for "
            f"{sum(each['p_value'] <= 0.05 for each in found)}, q <= 0.05 for "
            f"{sum(each['q_value'] <= 0.05 for each in found)}.",
            "",
            table(
                ("", "trades", "mean", "95 %", "p", "q"),
                [
                    (
                        row["name"],
                        str(row["car"]["n"]),
                        percent(row["car"]["value"]),
                        interval(row["car"]["low"], row["car"]["high"]),
                        probability(row["car"]["p_value"]),
                        probability(row["car"]["q_value"]),
                    )
                    for row in tested
                ],
            ),
        ]
    return "\n".join(parts)


def portfolios(findings: Findings) -> str:
    columns = ("", "from", "held", "", "alpha a year", "s.e.", "95 %", "p", "periods", "of")
    daily = _alphas(findings, Model.MARKET_MODEL, Frequency.DAILY, tuple(Event))
    monthly = _alphas(findings, Model.FAMA_FRENCH, Frequency.MONTHLY, (Event.TRANSACTION,))
    return "\n".join(
        [
            "## Calendar-time portfolios",
            "",
            "Equal weights over the trades held; Newey-West errors; alphas in per cent a year, not "
            "compounded. Daily, on the index:",
            "",
            table(columns, daily, texts=4),
            "",
            "Monthly, on the three Fama-French factors, whose last month is "
            f"{findings.factors.days[-1].astype('datetime64[M]')}. All prices with a disclosure "
            "day are later, so these are from the transaction. Portfolios with too few whole "
            "months have no alpha.",
            "",
            table(columns, monthly, texts=4),
        ]
    )


def _alphas(
    findings: Findings, model: Model, frequency: Frequency, events: Sequence[Event]
) -> list[tuple[str, ...]]:
    rows = []
    for name, event, holding, leg in product((PUBLISHED, ALL), events, HOLDINGS, PortfolioLeg):
        found = findings.alpha(
            findings.populations[name],
            holding,
            event=event,
            leg=leg,
            model=model,
            frequency=frequency,
        )
        span = "" if found.first is None else f"{found.first} to {found.last}"
        cells = inference_cells(found.annualised)
        rows.append(
            (
                name,
                EVENT_NAMES[event],
                str(holding),
                LEG_NAMES[Leg(leg.value)],
                *cells,
                f"{found.annualised.n:,}",
                span,
            )
        )
    return rows


def ranks(findings: Findings) -> str:
    rows = []
    for event, leg, days in product(Event, LEGS[:2], LONGER):
        found = findings.rank(Key(PUBLISHED, event, leg, days))
        rows.append(
            (EVENT_NAMES[event], LEG_NAMES[leg], str(days), f"{found.n}", *inference_cells(found))
        )
    return "\n".join(
        [
            "## Picks at random",
            "",
            "Where the return of the stock traded ranked among the twenty over the same window, "
            "from 0 % (worst) to 100 % (best), less the 50 % that picks at random have; senators "
            "to 2020. It needs no benchmark and no model. Errors are clustered by politician and "
            "by day of entry.",
            "",
            table(("from", "", "days", "n", "mean less 50", "s.e.", "95 %", "p"), rows, texts=2),
        ]
    )


def power(findings: Findings) -> str:
    rows = []
    for event, (benchmark, model), days in product(Event, (EXPECTED[0], EXPECTED[2]), LONGER):
        cells = []
        for leg in LEGS:
            row = findings.grid[Key(PUBLISHED, event, leg, days, benchmark, model)]
            cells.append(percent(detectable(row)))
        rows.append((EVENT_NAMES[event], EXPECTED_NAMES[benchmark, model], str(days), *cells))
    return "\n".join(
        [
            "## What could have been found",
            "",
            "The mean CAR, in per cent, that a two-sided test at 5 % finds with a probability of "
            "80 %, from the standard errors above; senators to 2020.",
            "",
            table(("from", "", "days", *LEG_NAMES.values()), rows, texts=2),
        ]
    )
