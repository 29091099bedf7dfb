"""The day on which the outcome of a prediction can be known."""

from typing import Final

import numpy as np

from quant.analytics.arrays import Days
from quant.analytics.performance.vocabulary import Event
from quant.analytics.performance.windows import entry_rows
from quant.ml.catalogue import ModelSpec, Task

# The STOCK Act's time limit: a month's trades are disclosed by then, as a rule.
_DISCLOSED_AFTER: Final = np.timedelta64(45, "D")
_DAY: Final = np.timedelta64(1, "D")
_WEEK: Final = np.timedelta64(7, "D")


def closing_days(spec: ModelSpec, as_of: Days, trading_days: Days) -> Days:
    """Return the day each outcome window is over, shape (n,); NaT while trading days are missing.

    Args:
        spec: The model.
        as_of: Days of the predictions, shape (n,).
        trading_days: Ascending, shape (d,); only returns need them.
    """
    if spec.task is Task.PROBABILITY:
        after_next: Days = (
            as_of.astype("datetime64[M]") + np.timedelta64(1 + spec.horizon, "M")
        ).astype(as_of.dtype)
        return after_next - _DAY + _DISCLOSED_AFTER
    if spec.task is Task.COUNT:
        return as_of + spec.horizon * _WEEK
    entry = entry_rows(as_of, trading_days, Event.DISCLOSURE)
    last = entry + spec.horizon
    known = (entry >= 0) & (last < len(trading_days))
    days = np.full(len(as_of), np.datetime64("NaT", "D"))
    days[known] = trading_days[last[known]]
    return days
