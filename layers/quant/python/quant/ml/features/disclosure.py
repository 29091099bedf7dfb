"""Features of a politician's trades of one ticker disclosed on one day."""

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

# With fewer returns known, their mean says little.
MINIMUM_RETURNS: Final = 5

_LINES: Final = "Lines of the row itself, disclosed on as_of."

_POLITICIAN: Final = history(
    "politician",
    "politician_id",
    "politician_days",
    {"trades": (1, 30, 90, 365), "purchases": (365,), "sales": (365,)},
)
_PAIR: Final = history(
    "pair",
    "politician_id, ticker",
    "pair_days",
    {"trades": (30, 90, 365), "purchases": (90,), "sales": (90,)},
)
_EVERYBODY: Final = history(
    "everybody",
    "ticker",
    "ticker_days",
    {"trades": (30, 90), "purchases": (90,), "sales": (90,)},
)
_RECORD: Final = history(
    "record", "politician_id", "known_returns", {"billionths": (0,), "returns": (0,)}
)
_OTHERS: Final = Part(
    "others",
    "select row_id, e.trades_30 - p.trades_30 as trades_30, e.trades_90 - p.trades_90 as trades_90,"
    " e.purchases_90 - p.purchases_90 as purchases_90, e.sales_90 - p.sales_90 as sales_90"
    " from everybody e join pair p using (row_id)",
    (_EVERYBODY, _PAIR),
)


def _others(days: int) -> Feature:
    return Feature(
        name=f"others_trades_{days}",
        title=f"Others' trades of the ticker in {days} days",
        formula=f"Trades of the ticker that others disclosed in the {days} days up to as_of.",
        as_of_rule=DISCLOSED,
        sql=f"others.trades_{days}",
        part=_OTHERS,
    )


FEATURES: Final = (
    Feature(
        name="side",
        title="Side",
        formula="(purchases - sales) / (purchases + sales) among the row's lines: from -1 to 1.",
        as_of_rule=_LINES,
        sql="(r.purchases - r.sales) / (r.purchases + r.sales)",
    ),
    Feature(
        name="log_amount",
        title="Logarithm of the amount",
        formula="ln of the sum of the lines' amounts in dollars, each the midpoint of its range, "
        "or the lower bound of a range without an upper one.",
        as_of_rule=_LINES,
        sql="ln(nullif(r.amount, 0))",
    ),
    Feature(
        name="lines",
        title="Lines",
        formula="Number of the row's lines.",
        as_of_rule=_LINES,
        sql="r.lines",
    ),
    Feature(
        name="lines_that_day",
        title="Lines of that day",
        formula="Trades of any asset that the politician disclosed on as_of.",
        as_of_rule=DISCLOSED,
        sql="politician.trades_1",
        part=_POLITICIAN,
    ),
    Feature(
        name="disclosure_lag",
        title="Days from transaction to disclosure",
        formula="Mean of disclosure_date - transaction_date over the row's lines, in days.",
        as_of_rule=_LINES,
        sql="r.lag_days / r.lines",
    ),
    politician_trades(_POLITICIAN, 30),
    politician_trades(_POLITICIAN, 90),
    politician_trades(_POLITICIAN, 365),
    purchase_share(_POLITICIAN),
    Feature(
        name="politician_abnormal_return_21",
        title="Politician's mean abnormal return so far",
        formula="Mean of abnormal_return_21 over the politician's rows, with the sign of side; "
        f"unknown with fewer than {MINIMUM_RETURNS}.",
        as_of_rule="Rows whose abnormal_return_21 was known on or before as_of: its last close is "
        "of a day <= as_of.",
        sql="case when record.returns_ever >= "
        f"{MINIMUM_RETURNS} then record.billionths_ever / 1e9 / record.returns_ever end",
        part=_RECORD,
    ),
    Feature(
        name="pair_trades_365",
        title="Politician's trades of the ticker in a year",
        formula="Trades of the ticker that the politician disclosed in the 365 days up to as_of.",
        as_of_rule=DISCLOSED,
        sql="pair.trades_365",
        part=_PAIR,
    ),
    Feature(
        name="days_since_pair",
        title="Days since the ticker was disclosed before",
        formula="Days from the politician's last earlier disclosure of the ticker to as_of; "
        "unknown for the first one.",
        as_of_rule="Trades with disclosure_date < as_of.",
        sql=days_since("pair.previous_day"),
        part=_PAIR,
    ),
    _others(30),
    _others(90),
    Feature(
        name="others_net_90",
        title="Others' purchases less sales in 90 days",
        formula="Purchases less sales of the ticker that others disclosed in the 90 days up to "
        "as_of.",
        as_of_rule=DISCLOSED,
        sql="others.purchases_90 - others.sales_90",
        part=_OTHERS,
    ),
    momentum(21),
    momentum(63),
    momentum(126),
    momentum(252),
    volatility(21),
    volatility(63),
    BENCHMARK_RETURN_63,
    BENCHMARK_VOLATILITY_63,
    sector("r.sector"),
    *PROFILE,
    COMMITTEE_OVER_SECTOR,
    MONTH,
)
