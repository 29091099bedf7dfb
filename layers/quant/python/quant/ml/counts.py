"""The cycle and regime models of a politician's weekly trade counts, for all politicians at once."""

from typing import Any, Final

from quant.analytics.arrays import Floats
from quant.ml.catalogue import Family
from quant.ml.features.frame import Frame

# Feature that counts the trades disclosed in the week that ends at ``as_of``.
WEEK_COUNT: Final = "trades_disclosed_week"


def moments(family: Family | str, settings: dict[str, Any], frame: Frame) -> tuple[Floats, Floats]:
    """Return mean and variance of the next weeks' number of trades, each of shape (n,).

    NaN for a row with fewer than two years of weeks up to it.

    Args:
        family: ``cycle`` or ``regime``.
        settings: ``weeks``: how many are forecast.
        frame: Every week of each politician, from the first one to the last row wanted.

    Raises:
        ValueError: Weeks are missing between a politician's rows.
    """
    raise NotImplementedError
