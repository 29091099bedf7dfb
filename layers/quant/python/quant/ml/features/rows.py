"""The rows of each subject and their outcomes, as SQL over ``quant.ml.features.tables``.

Each query gives the keys, ``as_of``, and for each label its value and ``<label>_known_on``, both
null while the outcome is not known.
"""

from dataclasses import dataclass
from typing import Final

from quant.ml.catalogue import Subject

# Of silence, after which a pair has no more rows.
PAIR_DAYS: Final = 730
# The STOCK Act gives 45 days; a trade disclosed later counts as none.
DISCLOSURE_DAYS: Final = 45
COUNT_WEEKS: Final = 4


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a subject.

    Attributes:
        sql: The query.
        labels: Names of the outcomes.
    """

    sql: str
    labels: tuple[str, ...]


def _pairs(thing: str) -> str:
    """Return the query of the months of pairs of a politician and a ``ticker`` or ``sector``."""
    events = "pair_days" if thing == "ticker" else "sector_pair_days"
    joined = " left join tickers k on k.ticker = m.ticker" if thing == "ticker" else ""
    # Each month of disclosure gives the months up to the next such, hence none twice.
    return (
        "with active as ("
        f"select *, lead(month) over (partition by politician_id, {thing} order by month)"
        f" as following from (select politician_id, {thing}, date_trunc('month', day)::date as"
        f" month, max(day) as last from {events} group by all)),"
        " months as ("
        f"select politician_id, {thing}, last, unnest(generate_series(month, least("
        f"coalesce(following, date '9999-01-01') - interval 1 month, last + {PAIR_DAYS},"
        " through), interval 1 month))::date as month from active, facts),"
        " traded as ("
        f"select politician_id, {thing}, date_trunc('month', transaction_date)::date as month,"
        " min(disclosure_date) as disclosed from trades left join tickers using (ticker)"
        f" where {thing} is not null group by all)"
        " select m.* exclude (month, last), last_day(m.month) as as_of,"
        f" {'k.sector,' if thing == 'ticker' else ''}"
        f" last_day(last_day(m.month) + 1) + {DISCLOSURE_DAYS} as deadline,"
        " case when deadline <= through then coalesce((disclosed <= deadline)::int, 0) end"
        " as trades_next_month,"
        " case when deadline <= through then deadline end as trades_next_month_known_on"
        f" from months m join facts on true left join traded t on t.politician_id = m.politician_id"
        f" and t.{thing} = m.{thing} and t.month = last_day(m.month) + 1{joined}"
        f" where last_day(m.month) <= through and last_day(m.month) - last < {PAIR_DAYS}"
    )


_WEEKS: Final = (
    "with weeks as ("
    "select politician_id, unnest(generate_series(date_trunc('week', min(day)), through - 6,"
    " interval 7 days))::date + 6 as as_of from politician_days, facts"
    " group by politician_id, through),"
    " counted as ("
    "select politician_id, date_trunc('week', day)::date + 6 as as_of, sum(trades) as trades"
    " from politician_days group by all)"
    " select politician_id, as_of,"
    f" case when as_of + {7 * COUNT_WEEKS} <= through then coalesce(sum(trades) over"
    " (partition by politician_id order by as_of"
    f" rows between 1 following and {COUNT_WEEKS} following), 0) end as trades_disclosed_4_weeks,"
    f" case when as_of + {7 * COUNT_WEEKS} <= through then as_of + {7 * COUNT_WEEKS} end"
    " as trades_disclosed_4_weeks_known_on"
    " from weeks left join counted using (politician_id, as_of), facts"
)

ROWS: Final[dict[Subject, Rows]] = {
    Subject.DISCLOSURE: Rows(
        "select * from disclosures", ("abnormal_return_21", "abnormal_return_63")
    ),
    Subject.TICKER_PAIR: Rows(_pairs("ticker"), ("trades_next_month",)),
    Subject.SECTOR_PAIR: Rows(_pairs("sector"), ("trades_next_month",)),
    Subject.POLITICIAN: Rows(_WEEKS, ("trades_disclosed_4_weeks",)),
}
