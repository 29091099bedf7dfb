"""Features of a politician and a ticker, or a sector, at the end of a month."""

from typing import Final

from quant.ml.features.feature import Feature, Part
from quant.ml.features.history import days_since, history
from quant.ml.features.shared import (
    BENCHMARK_RETURN_63,
    BENCHMARK_VOLATILITY_63,
    COMMITTEE_OVER_SECTOR,
    DISCLOSED,
    MONTH,
    PROFILE,
    momentum,
    politician_trades,
    purchase_share,
    sector,
    volatility,
)

_POLITICIAN: Final = history(
    "politician",
    "politician_id",
    "politician_days",
    {"trades": (30, 90, 365), "purchases": (365,), "sales": (365,)},
)


def _counts(thing: str, own: Part, days: int) -> Feature:
    return Feature(
        name=f"pair_trades_{days}",
        title=f"Politician's trades of the {thing} in {days} days",
        formula=f"Trades of the {thing} that the politician disclosed in the {days} days up to "
        "as_of.",
        as_of_rule=DISCLOSED,
        sql=f"{own.name}.trades_{days}",
        part=own,
    )


def _others(thing: str, others: Part, days: int) -> Feature:
    return Feature(
        name=f"others_trades_{days}",
        title=f"Others' trades of the {thing} in {days} days",
        formula=f"Trades of the {thing} that others disclosed in the {days} days up to as_of.",
        as_of_rule=DISCLOSED,
        sql=f"{others.name}.trades_{days}",
        part=others,
    )


def _of_pair(thing: str) -> tuple[Feature, ...]:
    """Return the features of a politician's trades of a thing: ``ticker`` or ``sector``."""
    events = "pair_days" if thing == "ticker" else "sector_pair_days"
    own = history(
        "pair",
        f"politician_id, {thing}",
        events,
        {
            "trades": (30, 90, 365, 730),
            "purchases": (365,),
            "sales": (365,),
            "amount": (365,),
            "days": (365,),
        },
        greatest=("transaction_date",),
    )
    everybody = history("everybody", thing, f"{thing}_days", {"trades": (30, 90)})
    others = Part(
        "others",
        "select row_id, e.trades_30 - p.trades_30 as trades_30,"
        " e.trades_90 - p.trades_90 as trades_90 from everybody e join pair p using (row_id)",
        (everybody, own),
    )
    return (
        *(_counts(thing, own, days) for days in (30, 90, 365, 730)),
        Feature(
            name="pair_disclosures_365",
            title=f"Days on which the {thing} was disclosed in a year",
            formula=f"Distinct days of the 365 up to as_of on which the politician disclosed a "
            f"trade of the {thing}.",
            as_of_rule=DISCLOSED,
            sql="pair.days_365",
            part=own,
        ),
        Feature(
            name="pair_net_365",
            title="Purchases less sales in a year",
            formula=f"Purchases less sales of the {thing} that the politician disclosed in the 365 "
            "days up to as_of.",
            as_of_rule=DISCLOSED,
            sql="pair.purchases_365 - pair.sales_365",
            part=own,
        ),
        Feature(
            name="pair_log_amount_365",
            title="Logarithm of the amount in a year",
            formula="ln(1 + the sum of the amounts in dollars) of what the politician disclosed "
            f"of the {thing} in the 365 days up to as_of, each the midpoint of its range, or the "
            "lower bound of a range without an upper one.",
            as_of_rule=DISCLOSED,
            sql="ln(1 + pair.amount_365)",
            part=own,
        ),
        Feature(
            name="days_since_pair",
            title=f"Days since the {thing} was disclosed",
            formula=f"Days from the politician's last disclosure of the {thing} to as_of.",
            as_of_rule=DISCLOSED,
            sql=days_since("pair.last_day"),
            part=own,
        ),
        Feature(
            name="days_since_trade",
            title=f"Days since the {thing} was traded",
            formula=f"Days from the politician's last transaction of the {thing} that was "
            "disclosed by as_of, to as_of.",
            as_of_rule=DISCLOSED,
            sql="r.as_of - pair.last_transaction_date",
            part=own,
        ),
        *(politician_trades(_POLITICIAN, days) for days in (30, 90, 365)),
        purchase_share(_POLITICIAN),
        *(_others(thing, others, days) for days in (30, 90)),
    )


_COMMON: Final = (sector("r.sector"), *PROFILE, COMMITTEE_OVER_SECTOR, MONTH)

TICKER_FEATURES: Final = (
    *_of_pair("ticker"),
    momentum(21),
    momentum(63),
    momentum(252),
    volatility(63),
    BENCHMARK_RETURN_63,
    *_COMMON,
)

SECTOR_FEATURES: Final = (
    *_of_pair("sector"),
    BENCHMARK_RETURN_63,
    BENCHMARK_VOLATILITY_63,
    *_COMMON,
)
