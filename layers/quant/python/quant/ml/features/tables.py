"""The tables that rows and features are computed of, made of a snapshot once.

Sums are of whole numbers: they do not depend on the order of their terms, and the same snapshot
gives the same bytes. Daily log returns are summed in units of 1e-10, abnormal returns of 1e-9.

    trades           disclosed trades: ticker null where there is none
    politicians, terms, begun_terms, first_terms, tickers, seat_sectors
    facts            one row: benchmark, through (last day of a disclosure), seats_since
    trading_days     day and its number d: days of the benchmark
    closes           closes of each ticker on the trading days from its first to its last, with the
                     number, sum and sum of squares of its daily log returns so far
    disclosures      rows of the subject DISCLOSURE with their outcomes
    known_returns    their outcomes by the day on which they were known
    *_days           trades by key and day of disclosure
"""

from typing import Final

RETURN_HORIZONS: Final = (21, 63)


def _outcome(days: int) -> str:
    return (
        f"c{days}.close / e.close - b{days}.close / b.close as abnormal_return_{days},"
        f" case when abnormal_return_{days} is not null then c{days}.day end"
        f" as abnormal_return_{days}_known_on"
    )


def _window(days: int) -> str:
    # Used whole or not at all: every return from the entry on must be there.
    return (
        f" left join closes c{days} on c{days}.ticker = s.ticker and c{days}.d = e.d + {days}"
        f" and c{days}.n = e.n + {days}"
        f" left join closes b{days} on b{days}.ticker = benchmark and b{days}.d = e.d + {days}"
    )


_MEASURES: Final = (
    "count(*) as trades, count_if(side = 1) as purchases, count_if(side = -1) as sales,"
    " sum(amount) as amount, 1 as days, max(transaction_date) as transaction_date"
)


def _days(name: str, key: str, where: str = "true") -> str:
    return (
        f"create table {name} as select {key}, disclosure_date as day, {_MEASURES}"
        f" from trades left join tickers using (ticker) where {where} group by {key}, day"
    )


STATEMENTS: Final = (
    # Two terms that begin on one day are one.
    "create table begun_terms as select politician_id, start, max(chamber) as chamber,"
    " max(party) as party from terms group by politician_id, start",
    "create table first_terms as select politician_id, min(start) as first_start from terms"
    " group by politician_id",
    "create table trading_days as select day, row_number() over (order by day) as d from ("
    "select distinct day from prices, facts where ticker = benchmark or benchmark is null)",
    # A day on which a ticker has no price is there without one, between its first and its last.
    "create table closes as select ticker, d, day, close, count(r) over so_far as n,"
    " coalesce(sum(r) over so_far, 0) as s1,"
    " coalesce(sum(cast(r as hugeint) * r) over so_far, 0) as s2 from (select *, cast(round("
    "ln(close / lag(close) over (partition by ticker order by d)) * 1e10) as bigint) as r"
    " from (select ticker, min(day) as first, max(day) as last from prices semi join trading_days"
    " using (day) group by ticker) spans"
    " join trading_days t on t.day between first and last left join prices using (ticker, day))"
    " window so_far as (partition by ticker order by d rows unbounded preceding)",
    # Entered on the first trading day after, unless that lies before the first of all.
    "create table disclosures as select s.*, sector, "
    + ", ".join(map(_outcome, RETURN_HORIZONS))
    + " from (select politician_id, ticker, disclosure_date as as_of,"
    " count_if(side = 1) as purchases, count_if(side = -1) as sales, count(*) as lines,"
    " sum(amount) as amount, sum(disclosure_date - transaction_date) as lag_days"
    " from trades where stock and side <> 0 and ticker is not null group by all) s"
    " join facts on true"
    " join (select ticker, min(day) as first from closes group by ticker) listed"
    " on listed.ticker = s.ticker and listed.first <= s.as_of"
    " left join tickers k on k.ticker = s.ticker"
    " asof left join trading_days t on t.day > s.as_of"
    " left join closes e on e.ticker = s.ticker and e.d = t.d and e.close is not null"
    " left join closes b on b.ticker = benchmark and b.d = e.d"
    + "".join(map(_window, RETURN_HORIZONS)),
    "create table known_returns as select politician_id, abnormal_return_21_known_on as day,"
    " sum(cast(round(abnormal_return_21 * sign(purchases - sales) * 1e9) as bigint)) as billionths,"
    " count(*) as returns from disclosures"
    " where abnormal_return_21 is not null and purchases <> sales group by all",
    _days("politician_days", "politician_id"),
    _days("ticker_days", "ticker", "ticker is not null"),
    _days("pair_days", "politician_id, ticker", "ticker is not null"),
    _days("sector_days", "sector", "sector is not null"),
    _days("sector_pair_days", "politician_id, sector", "sector is not null"),
)

# What the statements make, for doing it again of other data.
TABLES: Final = (
    "begun_terms",
    "first_terms",
    "trading_days",
    "closes",
    "disclosures",
    "known_returns",
    "politician_days",
    "ticker_days",
    "pair_days",
    "sector_days",
    "sector_pair_days",
)
