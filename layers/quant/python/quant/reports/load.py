"""Read trades, members, prices and factors from Postgres as arrays.

Each column comes as one text of numbers, which NumPy parses a hundred times as fast as the driver
makes objects of rows.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
import numpy.ma  # np.unique would import it when it is first called
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, Text, case, cast, func, select, text, true
from sqlalchemy.dialects.postgresql import aggregate_order_by

from quant.analytics.arrays import (
    Days,
    FactorPanel,
    Flags,
    Floats,
    Integers,
    PricePanel,
    TradeArrays,
)
from quant.db.expressions import identified_by
from quant.db.models import CommitteeMembership, Politician, Ticker, Trade
from quant.errors import NotFoundError
from quant.vocabulary import AssetType, Chamber, Operation, Party

# Benchmarks in order of preference; the first that has prices serves. Real prices carry the fund
# that tracks the S&P 500 or the index itself, the synthetic sample its own labelled index.
BENCHMARKS: Final = ("SPY", "SP500", "SYNIX")

_EPOCH: Final = date(1970, 1, 1)
# No symbol has this character.
_NO_TICKER: Final = "_"
_SIDES: Final = {Operation.PURCHASE: 1, Operation.EXCHANGE: 0}
_ASSET_TYPES: Final = tuple(AssetType)
_STOCK: Final = _ASSET_TYPES.index(AssetType.STOCK)


@dataclass(frozen=True, slots=True)
class Member:
    """A politician as the reports name one.

    Attributes:
        committees: Identifiers of present seats, subcommittees included.
    """

    id: uuid.UUID
    bioguide_id: str | None
    full_name: str
    chamber: Chamber
    party: Party | None
    state: str | None
    synthetic: bool
    committees: tuple[str, ...]

    def reference(self) -> dict[str, Any]:
        """Return what an answer says of the politician."""
        return {
            "id": self.id,
            "bioguide_id": self.bioguide_id,
            "full_name": self.full_name,
            "chamber": self.chamber,
            "party": self.party,
            "state": self.state,
            "synthetic": self.synthetic,
        }


@dataclass(frozen=True, slots=True)
class LoadedTrades:
    """Trades as arrays, with the tables their codes refer to.

    Attributes:
        arrays: n trades, by transaction day and identifier.
        ids: Their identifiers, shape (n,).
        asset_type: Place in ``quant.vocabulary.AssetType``; -1 where the filing does not say.
        members: What ``arrays.politician`` refers to.
        tickers: What ``arrays.ticker`` refers to.
        sectors: GICS sector of each ticker; None where unknown.
    """

    arrays: TradeArrays
    ids: NDArray[np.str_]
    asset_type: Integers
    members: tuple[Member, ...]
    tickers: tuple[str, ...]
    sectors: tuple[str | None, ...]

    @property
    def is_stock(self) -> Flags:
        """Which trades are of stock: what prices of shares measure; unknown kinds with a ticker."""
        stated: Flags = self.asset_type == _STOCK
        unstated: Flags = (self.asset_type < 0) & (self.arrays.ticker >= 0)
        return stated | unstated

    @property
    def synthetic(self) -> bool:
        """Whether any of the politicians is made up."""
        return any(member.synthetic for member in self.members)


def find_member(connection: Connection, identifier: str) -> Member:
    """Return the politician with this identifier (UUID) or bioguide id.

    Raises:
        NotFoundError: There is no such politician.
    """
    found = _members(connection, identified_by(identifier))
    if not found:
        msg = f"there is no politician {identifier}"
        raise NotFoundError(msg)
    return found[0]


def load_trades(
    connection: Connection,
    *,
    politicians: Sequence[uuid.UUID] | None = None,
    as_of: date | None = None,
    disclosed_from: date | None = None,
    disclosed_to: date | None = None,
) -> LoadedTrades:
    """Return trades as arrays, each with all its codes resolvable.

    Args:
        connection: Connection to read from.
        politicians: Whose trades; None for everybody's.
        as_of: Leave out what was not yet public at the end of this day, and with it every trade
            whose disclosure date is unknown.
        disclosed_from: Leave out what was disclosed before this day.
        disclosed_to: Like ``as_of``; the earlier of the two counts.
    """
    conditions: list[ColumnElement[bool]] = [
        Trade.disclosure_date <= bound for bound in (as_of, disclosed_to) if bound is not None
    ]
    if disclosed_from is not None:
        conditions.append(Trade.disclosure_date >= disclosed_from)
    if politicians is not None:
        conditions.append(Trade.politician_id.in_(politicians))
    columns = {
        "id": cast(Trade.id, Text),
        "politician": cast(Trade.politician_id, Text),
        "ticker": func.coalesce(Trade.ticker, _NO_TICKER),
        "side": cast(case(_SIDES, value=Trade.operation, else_=-1), Text),
        "asset_type": cast(
            case(
                {kind: place for place, kind in enumerate(_ASSET_TYPES)},
                value=Trade.asset_type,
                else_=-1,
            ),
            Text,
        ),
        "transaction_day": cast(Trade.transaction_date - _EPOCH, Text),
        "disclosure_day": func.coalesce(cast(Trade.disclosure_date - _EPOCH, Text), "nan"),
        "amount_min": cast(Trade.amount_min, Text),
        "amount_max": func.coalesce(cast(Trade.amount_max, Text), "nan"),
    }
    order = (Trade.transaction_date, Trade.id)
    row = connection.execute(
        select(
            *(
                func.string_agg(column, aggregate_order_by(text("' '"), *order)).label(name)
                for name, column in columns.items()
            )
        ).where(true(), *conditions)
    ).one()
    ids = np.array((row.id or "").split(), dtype=np.str_)
    names, politician = _coded(row.politician)
    tickers, ticker = _coded(row.ticker)
    if _NO_TICKER in tickers:
        # The character sorts after every symbol's, so that the codes of the others stay.
        none = tickers.index(_NO_TICKER)
        ticker = np.where(ticker == none, -1, ticker)
        tickers = tickers[:none]
    known = {
        str(member.id): member
        for member in _members(connection, Politician.id.in_([uuid.UUID(name) for name in names]))
    }
    return LoadedTrades(
        TradeArrays(
            politician=politician,
            ticker=ticker,
            side=parse_numbers(row.side).astype(np.int64),
            transaction_day=_days(parse_numbers(row.transaction_day)),
            disclosure_day=_days(parse_numbers(row.disclosure_day)),
            amount_min=parse_numbers(row.amount_min),
            amount_max=parse_numbers(row.amount_max),
        ),
        ids=ids,
        asset_type=parse_numbers(row.asset_type).astype(np.int64),
        members=tuple(known[name] for name in names),
        tickers=tickers,
        sectors=_sectors(connection, tickers),
    )


def _members(connection: Connection, condition: ColumnElement[bool]) -> list[Member]:
    seats = (
        select(
            func.array_agg(
                aggregate_order_by(
                    CommitteeMembership.committee_id, CommitteeMembership.committee_id
                )
            )
        )
        .where(CommitteeMembership.politician_id == Politician.id)
        .scalar_subquery()
    )
    rows = connection.execute(
        select(
            Politician.id,
            Politician.bioguide_id,
            Politician.full_name,
            Politician.chamber,
            Politician.party,
            Politician.state,
            Politician.synthetic,
            seats.label("committees"),
        ).where(condition)
    )
    return [Member(**{**row._mapping, "committees": tuple(row.committees or ())}) for row in rows]


def _sectors(connection: Connection, tickers: Sequence[str]) -> tuple[str | None, ...]:
    rows = connection.execute(
        select(Ticker.symbol, Ticker.sector).where(
            Ticker.symbol.in_(tickers), Ticker.sector.is_not(None)
        )
    )
    known: dict[str, str | None] = {row.symbol: row.sector for row in rows}
    return tuple(known.get(ticker) for ticker in tickers)


def load_prices(
    connection: Connection,
    tickers: Sequence[str],
    *,
    first: date | None = None,
    last: date | None = None,
) -> PricePanel:
    """Return the adjusted closes of tickers and of the benchmark.

    The benchmark's days are the trading days; without one, every day that has a price is.

    Args:
        connection: Connection to read from.
        tickers: Symbols; one without prices gets a column of NaN.
        first: First day; None for the beginning.
        last: Last day; None for the end.
    """
    benchmark = connection.scalar(
        text(
            "select symbol from unnest(cast(:symbols as text[])) with ordinality"
            " as preferred (symbol, place)"
            " where exists (select from prices where ticker = symbol) order by place limit 1"
        ),
        {"symbols": list(BENCHMARKS)},
    )
    wanted = sorted({*tickers, *([benchmark] if benchmark else [])})
    rows = connection.execute(
        text(
            "select ticker,"
            " string_agg((day - date '1970-01-01')::text, ' ' order by day) as days,"
            " string_agg(adjusted_close::text, ' ' order by day) as closes"
            " from prices where ticker = any(cast(:tickers as text[]))"
            " and day between coalesce(cast(:first as date), '-infinity')"
            " and coalesce(cast(:last as date), 'infinity') group by ticker"
        ),
        {"tickers": wanted, "first": first, "last": last},
    )
    series = {
        row.ticker: (parse_numbers(row.days).astype(np.int64), parse_numbers(row.closes))
        for row in rows
    }
    if benchmark in series:
        days = series[benchmark][0]
    else:
        days = np.unique(np.concatenate([np.empty(0, np.int64), *(s[0] for s in series.values())]))
    close = np.full((len(days), len(tickers)), np.nan)
    for column, ticker in enumerate(tickers):
        if ticker in series:
            close[:, column] = _aligned(days, *series[ticker])
    benchmark_close = series[benchmark][1] if benchmark in series else np.full(len(days), np.nan)
    return PricePanel(
        days.astype("datetime64[D]"), tuple(tickers), close, benchmark, benchmark_close
    )


def load_dollar_volume(connection: Connection, panel: PricePanel) -> Floats | None:
    """Return the close times the shares traded of a panel's tickers, US dollars, shape (d, k).

    NaN where the volume is not known; None where it never is.
    """
    rows = connection.execute(
        text(
            "select ticker,"
            " string_agg((day - date '1970-01-01')::text, ' ' order by day) as days,"
            " string_agg((close * volume)::text, ' ' order by day) as traded"
            " from prices where ticker = any(cast(:tickers as text[])) and volume is not null"
            " group by ticker"
        ),
        {"tickers": list(panel.tickers)},
    )
    series = {
        row.ticker: (parse_numbers(row.days).astype(np.int64), parse_numbers(row.traded))
        for row in rows
    }
    if not series:
        return None
    days = panel.days.astype(np.int64)
    nothing = (np.empty(0, np.int64), np.empty(0))
    return np.column_stack([_aligned(days, *series.get(name, nothing)) for name in panel.tickers])


def _aligned(days: Integers, own: Integers, values: Floats) -> Floats:
    """Return ``values`` of the days ``own`` on ``days``, NaN where there is none."""
    aligned = np.full(len(days), np.nan)
    if len(own) and len(days):
        places = np.searchsorted(own, days).clip(max=len(own) - 1)
        there = own[places] == days
        aligned[there] = values[places[there]]
    return aligned


def load_factors(connection: Connection, frequency: str = "daily") -> FactorPanel | None:
    """Return the Fama-French factors, None where none were imported.

    Args:
        connection: Connection to read from.
        frequency: ``daily`` or ``monthly``.
    """
    row = connection.execute(
        text(
            "select string_agg((day - date '1970-01-01')::text, ' ' order by day) as days,"
            " string_agg(market::text, ' ' order by day) as market,"
            " string_agg(smb::text, ' ' order by day) as smb,"
            " string_agg(hml::text, ' ' order by day) as hml,"
            " string_agg(risk_free::text, ' ' order by day) as risk_free"
            " from factor_returns where frequency = :frequency"
        ),
        {"frequency": frequency},
    ).one()
    if row.days is None:
        return None
    return FactorPanel(
        _days(parse_numbers(row.days)),
        parse_numbers(row.market),
        parse_numbers(row.smb),
        parse_numbers(row.hml),
        parse_numbers(row.risk_free),
    )


def _coded(names: str | None) -> tuple[tuple[str, ...], Integers]:
    """Return the distinct names in order, and the place of each among them."""
    distinct, codes = np.unique(np.array((names or "").split(), dtype=np.str_), return_inverse=True)
    return tuple(str(name) for name in distinct), codes.astype(np.int64)


def parse_numbers(column: str | None) -> Floats:
    """Return the numbers of a column that came as one text; none where it is null."""
    return np.fromstring(column or "", dtype=np.float64, sep=" ")


def _days(numbers: Floats) -> Days:
    """Return days since 1970 as dates; NaN is not a date."""
    days = np.where(np.isnan(numbers), 0, numbers).astype(np.int64).astype("datetime64[D]")
    days[np.isnan(numbers)] = np.datetime64("NaT", "D")
    return days
