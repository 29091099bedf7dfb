"""The tables that rows and features are computed of, made of a snapshot once.

Sums are of whole numbers: they do not depend on the order of their terms, and the same snapshot
gives the same bytes. Daily log returns are summed in units of 1e-10, abnormal returns of 1e-9.

    trades           disclosed trades: ticker null where there is none
    politicians, terms, first_terms, tickers, seat_sectors
    facts            one row: benchmark, through (last day of a disclosure), seats_since
    trading_days     day and its number d: days of the benchmark
    closes           closes of each ticker on the trading days from its first to its last
    market_days      what prices up to a day say of a ticker
    windows          what a ticker earns beyond the benchmark after a trading day
    disclosures      rows of the subject DISCLOSURE with their outcomes
    known_returns    their outcomes by the day on which they were known
    *_days           trades by key and day of disclosure
"""

from typing import Final

RETURN_HORIZONS: Final = (21, 63)

_MOMENTA: Final = (21, 63, 126, 252)
_VOLATILITIES: Final = (21, 63)


def _momentum(days: int) -> str:
    return f"close / lag(close, {days}) over by_day - 1 as return_{days}"


def _volatility(days: int) -> str:
    """Return the SQL of a standard deviation, of differences of running sums."""
    n, s1, s2 = (
        f"({total} - coalesce(lag({total}, {days}) over by_day, 0))" for total in ("n", "s1", "s2")
    )
    return (
        f"case when {n} >= {-(-2 * days // 3)} then"
        f" sqrt(cast({n} * {s2} - {s1} * {s1} as double) / ({n} * ({n} - 1))) / 1e10 end"
        f" as volatility_{days}"
    )


def _window(days: int) -> str:
    # Used whole or not at all: no price may be missing from the entry on.
    return (
        f"case when lead(missing, {days}) over by_day = missing then"
        f" lead(close, {days}) over by_day / close end as growth_{days},"
        f" lead(day, {days}) over by_day as day_{days}"
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
    "create table first_terms as select politician_id, min(start) as first_start from terms"
    " group by politician_id",
    "create table trading_days as select day, row_number() over (order by day) as d from ("
    "select distinct day from prices, facts where ticker = benchmark or benchmark is null)",
    # A day on which a ticker has no price is there without one, between its first and its last.
    "create table closes as select ticker, d, day, close from"
    " (select ticker, min(day) as first, max(day) as last from prices semi join trading_days"
    " using (day) group by ticker) spans"
    " join trading_days t on t.day between first and last left join prices using (ticker, day)",
    "create table returns as select *,"
    " cast(round(ln(close / lag(close) over (partition by ticker order by d)) * 1e10) as bigint)"
    " as r from closes",
    "create table market_days as select ticker, day,"
    f" {', '.join(map(_momentum, _MOMENTA))}, {', '.join(map(_volatility, _VOLATILITIES))}"
    " from (select *, count(r) over so_far as n, coalesce(sum(r) over so_far, 0) as s1,"
    " coalesce(sum(cast(r as hugeint) * r) over so_far, 0) as s2 from returns"
    " window so_far as (partition by ticker order by d rows unbounded preceding))"
    " window by_day as (partition by ticker order by d)"
    " qualify close is not null",
    "create table growth as select ticker, d,"
    f" {', '.join(map(_window, RETURN_HORIZONS))} from (select *, count_if(r is null) over"
    " (partition by ticker order by d rows unbounded preceding) as missing from returns)"
    " window by_day as (partition by ticker order by d) qualify close is not null",
    "drop table returns",
    "create table windows as select g.ticker, g.d, "
    + ", ".join(
        f"g.growth_{days} - b.growth_{days} as abnormal_return_{days},"
        f" case when abnormal_return_{days} is not null then g.day_{days} end"
        f" as abnormal_return_{days}_known_on"
        for days in RETURN_HORIZONS
    )
    + " from growth g join facts on true join growth b on b.ticker = benchmark and b.d = g.d",
    "drop table growth",
    # The first trading day after a disclosure; none where it lies before the first of all.
    "create table disclosures as select s.*, sector, w.* exclude (ticker, d) from ("
    "select politician_id, ticker, disclosure_date as as_of, count_if(side = 1) as purchases,"
    " count_if(side = -1) as sales, count(*) as lines, sum(amount) as amount,"
    " sum(disclosure_date - transaction_date) as lag_days"
    " from trades where stock and side <> 0 and ticker is not null group by all) s"
    " join (select ticker, min(day) as first from closes group by ticker) c"
    " on c.ticker = s.ticker and c.first <= s.as_of"
    " left join tickers k on k.ticker = s.ticker"
    " asof left join trading_days e on e.day > s.as_of"
    " left join windows w on w.ticker = s.ticker and w.d = e.d",
    "drop table windows",
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
    "first_terms",
    "trading_days",
    "closes",
    "market_days",
    "disclosures",
    "known_returns",
    "politician_days",
    "ticker_days",
    "pair_days",
    "sector_days",
    "sector_pair_days",
)
