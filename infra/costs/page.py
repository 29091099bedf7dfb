"""The page of costs: tables of dollars a month by service and traffic."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Final

from infra.costs.measured import MIX, Durations, Took
from infra.costs.prices import AS_OF, PRICES
from infra.costs.standing import Item, standing
from infra.costs.traffic import (
    HIGH,
    LIKELY,
    LOW,
    Assumed,
    billed_s,
    by_itself,
    by_request,
    memory_of,
    of_route,
)
from infra.references import References
from quant_http.routes import ROUTES

TIERS: Final[Mapping[str, int]] = {
    "idle": 0,
    "100 k": 100_000,
    "1 M": 1_000_000,
    "10 M": 10_000_000,
}
_SOURCE: Final = "[benchmarks](benchmarks.md#what-each-route-takes)"
MILLION: Final = 1_000_000


def page(environments: Mapping[str, References], measured: Mapping[str, Durations]) -> str:
    """Return the page.

    Args:
        environments: The resources of each environment by its name.
        measured: Durations by measured route.
    """
    parts = [_INTRODUCTION]
    for name, references in environments.items():
        parts += [f"## {name}", "", *_bill(references, measured), ""]
        parts += [_dearest(references), ""]
    parts += ["## A million requests of each route", "", _MILLION, ""]
    parts += [*_millions(next(iter(environments.values())), measured), ""]
    parts += ["## What is measured", "", _MEASURED, "", *_mix(measured), ""]
    parts += ["## What is assumed", "", _ASSUMED, "", *_assumptions(), ""]
    parts += ["## Prices", "", _PRICES, "", *_price_list(), ""]
    return "\n".join(parts)


def dollars(items: Iterable[Item]) -> dict[str, float]:
    """Return dollars by service."""
    bill: dict[str, float] = defaultdict(float)
    for service, price, units in items:
        bill[service] += PRICES[price].dollars * units
    return dict(bill)


def month(
    references: References,
    measured: Mapping[str, Durations],
    assumed: Assumed,
    requests: int,
) -> dict[str, float]:
    """Return dollars a month by service for a number of requests."""
    return dollars(
        [
            *standing(references),
            *by_itself(references, assumed),
            *by_request(references, measured, assumed, requests),
        ]
    )


def _bill(references: References, measured: Mapping[str, Durations]) -> list[str]:
    likely, low, high = (
        [month(references, measured, assumed, number) for number in TIERS.values()]
        for assumed in (LIKELY, LOW, HIGH)
    )
    services = sorted(likely[-1], key=lambda service: -likely[0].get(service, 0))
    rows = [[service, *(f"{bill.get(service, 0):,.2f}" for bill in likely)] for service in services]
    rows.append(["**in all**", *(f"**{sum(bill.values()):,.0f}**" for bill in likely)])
    bounds = zip(low, high, strict=True)
    rows.append(
        ["from, to", *(f"{sum(a.values()):,.0f} to {sum(b.values()):,.0f}" for a, b in bounds)]
    )
    return _table(["service", *TIERS], rows)


def _dearest(references: References) -> str:
    """Return what stands behind the costs of being there, in a sentence."""
    units: dict[tuple[str, str], float] = defaultdict(float)
    for service, price, number in standing(references):
        units[service, price] += PRICES[price].dollars * number
    dearest = sorted(units.items(), key=lambda item: -item[1])[:6]
    named = ", ".join(f"{price} {cost:,.0f}" for (_, price), cost in dearest)
    return f"Dearest of what is billed without a request: {named}."


def million(
    references: References, measured: Mapping[str, Durations], assumed: Assumed, route: str
) -> dict[str, float]:
    """Return dollars by service of a million requests of one route, without what stands anyway."""
    return dollars(of_route(references, measured, assumed, route, MILLION))


def _millions(references: References, measured: Mapping[str, Durations]) -> list[str]:
    idle = sum(month(references, measured, LIKELY, 0).values())
    levels = [number for number in TIERS.values() if number]
    rows = []
    for route in ROUTES:
        bill = million(references, measured, LIKELY, route.name)
        memory = memory_of(references, route.name)
        functions, gateway = bill.pop("Lambda"), bill.pop("API Gateway") + bill.pop("WAF", 0.0)
        marginal = functions + gateway + sum(bill.values())
        low, high = (
            sum(million(references, measured, assumed, route.name).values())
            for assumed in (LOW, HIGH)
        )
        rows.append(
            [
                f"`{route.method} {route.path}`",
                f"{memory * 1024:,.0f}",
                f"{billed_s(measured[route.name], LIKELY, memory) * 1000:,.1f}",
                f"{functions:,.2f}",
                f"{gateway:,.2f}",
                f"{sum(bill.values()):,.2f}",
                f"{marginal:,.2f}",
                f"{low:,.2f} to {high:,.2f}",
                *(f"{marginal + idle * MILLION / level:,.0f}" for level in levels),
            ]
        )
    names = [name for name, number in TIERS.items() if number]
    head = [
        "route",
        "MB",
        "billed, ms",
        "Lambda",
        "API Gateway, WAF",
        "other",
        "in all",
        "from, to",
    ]
    return _table([*head, *(f"all, at {name}" for name in names)], rows)


def _mix(measured: Mapping[str, Durations]) -> list[str]:
    def cells(took: Took) -> list[str]:
        return [f"{took.seconds * 1000:,.1f}", f"{took.processor * 1000:,.1f}"]

    rows = [
        [
            f"`{route}`",
            f"{share:.0%}",
            *cells(measured[route].cached),
            *cells(measured[route].uncached),
        ]
        for route, share in MIX.items()
    ]
    head = ["route", "share, assumed", "cached, ms", "processor", "uncached, ms", "processor"]
    return _table(head, rows)


def _assumptions() -> list[str]:
    meanings = dict(
        line.strip().split(": ", 1)
        for line in (Assumed.__doc__ or "").partition("Attributes:")[2].splitlines()
        if ": " in line
    )
    rows = [
        [
            meanings[each.name].rstrip("."),
            *(f"{getattr(assumed, each.name):g}" for assumed in (LOW, LIKELY, HIGH)),
        ]
        for each in fields(Assumed)
    ]
    return _table(["", "low", "likely", "high"], rows)


def _price_list() -> list[str]:
    rows = [
        [f"[{name}]({price.page})", f"{price.dollars:.10f}".rstrip("0").rstrip("."), price.unit]
        for name, price in PRICES.items()
    ]
    return _table(["", "dollars", "for one"], rows)


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    rule = ["---", *("---:" for _ in head[1:])]
    return [f"| {' | '.join(row)} |" for row in (head, rule, *rows)]


_INTRODUCTION: Final = """# Costs

US dollars a month in us-east-1, by requests a month. Computed from the synthesised templates and
measured durations (`infra/costs/`; `make snapshot` writes this page, and a test fails while it is
not what they say). List prices, without free tiers, savings plans and taxes. Nothing here was
billed: nobody has run this on AWS yet.

A table has the likely case; its last line is what the totals are under the low and the high
assumptions below. Every resource of the templates is either priced or declared free, which a test
checks, so what is added later cannot be forgotten here.
"""
_MILLION: Final = """US dollars in prod, the likely case, for a million requests of one route: its
function with the authorizer's share, the gateway, and what logs, traces, Valkey, queues, secrets
and transfer cost. The last columns add what stands anyway, spread evenly over 100 thousand, a
million or ten million requests a month: at little traffic that is nearly all of it. What a request
costs the database is in those, since an instance is paid by the hour; what it costs Valkey are its
units. Routes whose answers are kept are as they are at the assumed share of hits."""
_MEASURED: Final = f"""Mean durations of requests, {_SOURCE}, 50,000 trades: on the development
machine, one request at a time, beside its Postgres and Valkey, **not on AWS**. A function with less
than 1,769 MiB has a share of a processor: what it computes takes longer by that share, what it
waits for stores does not ([measured with such shares](benchmarks.md#memory-of-a-function)). Memory,
snapshots, alarms, endpoints, instances, schedules and retention are those of the templates. The
monthly bill is of this mix:"""
_ASSUMED: Final = """Nobody has used the platform yet. These have no measurement behind them; what
they mean for the total is its last line. Metrics of requests are billed as if each route were
asked something in every hour, every state machine as if it ran once a day."""
_PRICES: Final = f"""As of {AS_OF}, us-east-1, declared in `infra/costs/prices.py`; each links to
AWS's page."""
