"""Features of a politician at the end of a week."""

from typing import Final

from quant.ml.features.feature import Feature
from quant.ml.features.history import days_since, history
from quant.ml.features.shared import (
    BENCHMARK_RETURN_63,
    BENCHMARK_VOLATILITY_63,
    DISCLOSED,
    MONTH,
    PROFILE,
    purchase_share,
)

_WEEKS: Final = (4, 13, 52)

_POLITICIAN: Final = history(
    "politician",
    "politician_id",
    "politician_days",
    {
        "trades": (7, *(7 * weeks for weeks in _WEEKS)),
        "purchases": (365,),
        "sales": (365,),
        "days": (364,),
    },
)

FEATURES: Final = (
    Feature(
        name="trades_disclosed_week",
        title="Trades disclosed in the week",
        formula="Trades that the politician disclosed from Monday to as_of, a Sunday.",
        as_of_rule=DISCLOSED,
        sql="politician.trades_7",
        part=_POLITICIAN,
    ),
    *(
        Feature(
            name=f"trades_disclosed_{weeks}_weeks_before",
            title=f"Trades disclosed in {weeks} weeks",
            formula=f"Trades that the politician disclosed in the {weeks} weeks up to as_of.",
            as_of_rule=DISCLOSED,
            sql=f"politician.trades_{7 * weeks}",
            part=_POLITICIAN,
        )
        for weeks in _WEEKS
    ),
    Feature(
        name="disclosure_days_52_weeks",
        title="Days of disclosure in 52 weeks",
        formula="Distinct days of the 52 weeks up to as_of on which the politician disclosed.",
        as_of_rule=DISCLOSED,
        sql="politician.days_364",
        part=_POLITICIAN,
    ),
    Feature(
        name="days_since_disclosure",
        title="Days since the last disclosure",
        formula="Days from the politician's last disclosure to as_of.",
        as_of_rule=DISCLOSED,
        sql=days_since("politician.last_day"),
        part=_POLITICIAN,
    ),
    Feature(
        name="days_since_first_disclosure",
        title="Days since the first disclosure",
        formula="Days from the politician's first disclosure to as_of.",
        as_of_rule=DISCLOSED,
        sql=days_since("politician.first_day"),
        part=_POLITICIAN,
    ),
    purchase_share(_POLITICIAN),
    BENCHMARK_RETURN_63,
    BENCHMARK_VOLATILITY_63,
    *PROFILE,
    MONTH,
)
