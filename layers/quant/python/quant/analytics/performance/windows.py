"""Event windows: where a trade enters, how long it is held, and why it may have no window.

A window of h trading days earns the h returns after the close of entry. It is used whole or not at
all: one that has not closed by the last price, or in which a price is missing, counts under its
reason, and nothing is filled in.
"""

from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from quant.analytics.arrays import Days, Flags, Integers, TradeArrays
from quant.analytics.performance.vocabulary import Event

type Codes = NDArray[np.int8]


class Exclusion(StrEnum):
    """Why a trade has no abnormal return at a horizon; the first that applies counts."""

    NOT_STOCK = "not_stock"
    EXCHANGE = "exchange"  # neither a purchase nor a sale
    NO_TICKER = "no_ticker"
    NO_PRICES = "no_prices"  # the ticker has none on any day
    EVENT_DATE_UNKNOWN = "event_date_unknown"
    BEFORE_PRICES = "before_prices"  # the event lies before the first trading day
    NOT_ENTERED = "not_entered"  # no trading day has followed the event
    WINDOW_OPEN = "window_open"  # the horizon ends after the last trading day
    PRICE_MISSING = "price_missing"  # halted, delisted, not yet listed, or not in the data
    ESTIMATION_WINDOW_SHORT = "estimation_window_short"
    FACTORS_MISSING = "factors_missing"  # of the factors or of the benchmark


EXCLUSIONS: Final = tuple(Exclusion)
INCLUDED: Final = -1


def code(exclusion: Exclusion) -> int:
    """Return the code of a reason in arrays: its place in ``EXCLUSIONS``."""
    return EXCLUSIONS.index(exclusion)


def entry_rows(event_days: Days, trading_days: Days, event: Event) -> Integers:
    """Return the row of each trade's entry close.

    Args:
        event_days: Days of the event, shape (n,); NaT where unknown.
        trading_days: Ascending, shape (d,).
        event: Which event; it decides whether its own day can be the day of entry.

    Returns:
        Shape (n,): a row of ``trading_days``; d where none has followed, -1 where the day is
        unknown or lies before the first.
    """
    rows = np.searchsorted(
        trading_days.astype(np.int64),
        event_days.astype("datetime64[D]").astype(np.int64),
        side="right" if event is Event.DISCLOSURE else "left",
    ).astype(np.int64)
    absent = np.isnat(event_days)
    if len(trading_days):
        # The first row of the prices need not be the first trading day after an earlier event.
        absent |= event_days < trading_days[0]
    return np.where(absent, -1, rows)


def event_days(trades: TradeArrays, event: Event) -> Days:
    """Return the days of an event, shape (n,)."""
    return trades.disclosure_day if event is Event.DISCLOSURE else trades.transaction_day


def exclusions(
    trades: TradeArrays,
    *,
    is_stock: Flags,
    has_prices: Flags,
    entry: Integers,
    days: Days,
    event: Event,
) -> Codes:
    """Return why trades have no window at any horizon, shape (n,); ``INCLUDED`` for the others.

    Args:
        trades: n trades; ``ticker`` refers to ``has_prices``.
        is_stock: Which are of stock, shape (n,).
        has_prices: Which tickers have a price on some day.
        entry: Of ``entry_rows``.
        days: Trading days.
        event: Which event.
    """
    happened = event_days(trades, event)
    unpriced = np.ones(len(trades), dtype=np.bool_)
    known = trades.ticker >= 0
    unpriced[known] = ~has_prices[trades.ticker[known]]
    reasons = (
        (~is_stock, Exclusion.NOT_STOCK),
        (trades.side == 0, Exclusion.EXCHANGE),
        (~known, Exclusion.NO_TICKER),
        (unpriced, Exclusion.NO_PRICES),
        (np.isnat(happened), Exclusion.EVENT_DATE_UNKNOWN),
        (entry < 0, Exclusion.BEFORE_PRICES),
        (entry >= len(days), Exclusion.NOT_ENTERED),
    )
    return np.select(
        [which for which, _ in reasons],
        [np.int8(code(reason)) for _, reason in reasons],
        np.int8(INCLUDED),
    ).astype(np.int8)
