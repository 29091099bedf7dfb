"""Features that several subjects have: of the market, of the politician, of the calendar."""

from typing import Final

from quant.ml.features.feature import Feature, Part
from quant.vocabulary import Chamber, Party, Sector

DISCLOSED: Final = "Trades with disclosure_date <= as_of."
CLOSED: Final = "Closes of days <= as_of, the last at most 7 days before it; unknown otherwise."
ATTRIBUTE: Final = "The sector that the ticker has at the data version, whatever the day."

# A price older than this many days says nothing of the present.
STALE_DAYS: Final = 7

_MOMENTA: Final = (21, 63, 126, 252)
_VOLATILITIES: Final = (21, 63)


def _volatility(days: int) -> str:
    """Return the SQL of a standard deviation, of differences of running sums."""
    n, s1, s2 = (f"(a.{name} - coalesce(c{days}.{name}, 0))" for name in ("n", "s1", "s2"))
    return (
        f"case when {n} >= {-(-2 * days // 3)} then"
        f" sqrt(cast({n} * {s2} - {s1} * {s1} as double) / ({n} * ({n} - 1))) / 1e10 end"
        f" as volatility_{days}"
    )


def _market(name: str, symbol: str) -> Part:
    """Return what prices say of a symbol, given as SQL, at the last close that is not stale."""
    columns = [f"a.close / c{days}.close - 1 as return_{days}" for days in _MOMENTA]
    columns += map(_volatility, _VOLATILITIES)
    joins = " ".join(
        f"left join closes c{days} on c{days}.ticker = a.ticker and c{days}.d = a.d - {days}"
        for days in _MOMENTA
    )
    return Part(
        name,
        f"select row_id, {', '.join(columns)} from (select r.row_id, c.* from"
        f" (select row_id, as_of, {symbol} as symbol from subject_rows, facts) r"
        " asof join (select * from closes where close is not null) c"
        " on c.ticker = r.symbol and c.day <= r.as_of"
        f" where r.as_of - c.day <= {STALE_DAYS}) a {joins}",
    )


_MARKET: Final = _market("market", "ticker")
_BENCHMARK: Final = _market("benchmark", "benchmark")
_PROFILE: Final = Part(
    "profile",
    "select r.row_id, coalesce(t.chamber, p.chamber) as chamber, coalesce(t.party, p.party) as"
    " party, case when t.start is not null then (r.as_of - f.first_start) / 365.25 end as seniority"
    " from subject_rows r join politicians p using (politician_id)"
    " asof left join begun_terms t on t.politician_id = r.politician_id and t.start <= r.as_of"
    " left join first_terms f on f.politician_id = r.politician_id",
)


def momentum(days: int) -> Feature:
    """Return the ticker's return over trading days."""
    return Feature(
        name=f"momentum_{days}",
        title=f"Return over {days} trading days",
        formula=f"Last adjusted close / the one {days} trading days before - 1.",
        as_of_rule=CLOSED,
        sql=f"market.return_{days}",
        part=_MARKET,
    )


def volatility(days: int) -> Feature:
    """Return the standard deviation of the ticker's daily returns."""
    return Feature(
        name=f"volatility_{days}",
        title=f"Volatility over {days} trading days",
        formula="Standard deviation of the daily log returns of the last "
        f"{days} trading days, where at least two thirds of them are known.",
        as_of_rule=CLOSED,
        sql=f"market.volatility_{days}",
        part=_MARKET,
    )


BENCHMARK_RETURN_63: Final = Feature(
    name="benchmark_return_63",
    title="Benchmark's return over 63 trading days",
    formula="Last adjusted close of the benchmark / the one 63 trading days before - 1.",
    as_of_rule=CLOSED,
    sql="benchmark.return_63",
    part=_BENCHMARK,
)
BENCHMARK_VOLATILITY_63: Final = Feature(
    name="benchmark_volatility_63",
    title="Benchmark's volatility over 63 trading days",
    formula="Standard deviation of the benchmark's daily log returns of the last 63 trading days.",
    as_of_rule=CLOSED,
    sql="benchmark.volatility_63",
    part=_BENCHMARK,
)

CHAMBER: Final = Feature(
    name="chamber",
    title="Chamber",
    formula="Of the last term that had begun; without one, of the politician's record.",
    as_of_rule="Terms that began at or before as_of.",
    sql="profile.chamber",
    part=_PROFILE,
    kind="category",
    categories=tuple(Chamber),
)
PARTY: Final = Feature(
    name="party",
    title="Party",
    formula="Of the last term that had begun; without one, of the politician's record.",
    as_of_rule="Terms that began at or before as_of.",
    sql="profile.party",
    part=_PROFILE,
    kind="category",
    categories=tuple(Party),
)
SENIORITY: Final = Feature(
    name="seniority",
    title="Years since the first term",
    formula="(as_of - first day of the first term) / 365.25; unknown for who has no term.",
    as_of_rule="Terms that began at or before as_of.",
    sql="profile.seniority",
    part=_PROFILE,
)
PROFILE: Final = (CHAMBER, PARTY, SENIORITY)

MONTH: Final = Feature(
    name="month",
    title="Month of the year",
    formula="1 to 12, of as_of.",
    as_of_rule="The calendar.",
    sql="month(r.as_of)",
)


def sector(expression: str) -> Feature:
    """Return the GICS sector of a row, given as SQL."""
    return Feature(
        name="sector_code",
        title="Sector",
        formula="GICS sector.",
        as_of_rule=ATTRIBUTE,
        sql=expression,
        kind="category",
        categories=tuple(Sector),
    )


COMMITTEE_OVER_SECTOR: Final = Feature(
    name="committee_over_sector",
    title="Seat over the sector",
    formula="1 where a rule gives a committee on which the politician sits jurisdiction over the "
    "sector (quant.jurisdictions), 0 where none does; unknown without a sector or for a filer who "
    "is not matched to a member.",
    as_of_rule="The present seats, only where as_of is not before the day that the present list of "
    "seats was first collected on; unknown before.",
    sql="committee.over_sector",
    part=Part(
        "committee",
        "select r.row_id, s.sector is not null as over_sector from subject_rows r"
        " join facts on r.as_of >= facts.seats_since"
        " join (select distinct politician_id from terms) m using (politician_id)"
        " left join seat_sectors s on s.politician_id = r.politician_id and s.sector = r.sector"
        " where r.sector is not null",
    ),
    kind="flag",
)


def politician_trades(part: Part, days: int) -> Feature:
    """Return how many trades the politician disclosed in a number of days."""
    return Feature(
        name=f"politician_trades_{days}",
        title=f"Politician's trades disclosed in {days} days",
        formula=f"Trades that the politician disclosed in the {days} days up to as_of.",
        as_of_rule=DISCLOSED,
        sql=f"{part.name}.trades_{days}",
        part=part,
    )


def purchase_share(part: Part) -> Feature:
    """Return the share of purchases among what the politician disclosed in a year."""
    return Feature(
        name="politician_purchase_share_365",
        title="Politician's share of purchases in a year",
        formula="Purchases / (purchases + sales) that the politician disclosed in the 365 days up "
        "to as_of; unknown without any.",
        as_of_rule=DISCLOSED,
        sql=f"{part.name}.purchases_365 / nullif({part.name}.purchases_365 + {part.name}.sales_365,"
        " 0)",
        part=part,
    )
