"""The report on what copying disclosed trades would have done."""

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Connection, select

from quant.analytics.arrays import TradeArrays
from quant.analytics.backtest.portfolio import Market, market
from quant.analytics.backtest.run import run_backtest
from quant.db.keyset import data_version
from quant.db.models import Committee, CommitteeMembership, Politician
from quant.errors import NotFoundError
from quant.methods.backtest import METHODS
from quant.reports.backtest_document import CAPACITY_SHARE, result_document
from quant.reports.backtest_query import BacktestQuery
from quant.reports.documents import sample
from quant.reports.load import (
    LoadedTrades,
    find_member,
    load_dollar_volume,
    load_factors,
    load_prices,
    load_trades,
)


def backtest_report(connection: Connection, query: BacktestQuery) -> dict[str, Any]:
    """Return the document on one backtest; its ``result`` is None where no position opens.

    Raises:
        NotFoundError: There is no such politician or committee.
    """
    version = data_version(connection)
    group, politicians = _group(connection, query)
    trades = load_trades(connection, politicians=politicians)
    arrays, returns, excluded = _priced(connection, trades)
    found = run_backtest(
        arrays,
        returns,
        query.configuration,
        start=query.start,
        end=query.end,
        capacity_share=CAPACITY_SHARE,
    )
    used = 0
    if found is not None:
        used, excluded = len(found.positions), excluded + Counter(found.excluded)
    else:
        excluded["opened_no_position"] = len(arrays)
    return {
        "data": {
            "group": group,
            "configuration": asdict(query.configuration),
            "result": None if found is None else result_document(found, arrays, returns, query),
        },
        "methods": [method.reference() for method in METHODS],
        "sample": sample(trades, used=used, excluded=excluded),
        "data_version": version,
    }


def _group(
    connection: Connection, query: BacktestQuery
) -> tuple[dict[str, Any], Sequence[uuid.UUID] | None]:
    """Return what the answer says of the group, and its politicians; None for everybody."""
    described: dict[str, Any] = {
        "politician": None,
        "committee": None,
        "party": query.party,
        "chamber": query.chamber,
    }
    conditions: list[ColumnElement[bool]] = []
    if query.politician is not None:
        member = find_member(connection, query.politician)
        described["politician"] = member.reference()
        conditions.append(Politician.id == member.id)
    if query.committee is not None:
        committee = connection.execute(
            select(Committee.id, Committee.name, Committee.chamber).where(
                Committee.id == query.committee
            )
        ).one_or_none()
        if committee is None:
            msg = f"there is no committee {query.committee}"
            raise NotFoundError(msg)
        described["committee"] = dict(committee._mapping)
        seated = select(CommitteeMembership.politician_id).where(
            CommitteeMembership.committee_id == query.committee
        )
        conditions.append(Politician.id.in_(seated))
    if query.party is not None:
        conditions.append(Politician.party == query.party)
    if query.chamber is not None:
        conditions.append(Politician.chamber == query.chamber)
    if not conditions:
        return described, None
    return described, connection.scalars(select(Politician.id).where(*conditions)).all()


def _priced(
    connection: Connection, trades: LoadedTrades
) -> tuple[TradeArrays, Market, Counter[str]]:
    """Return the trades that prices can measure, the returns, and how many trades were left out."""
    panel = load_prices(connection, trades.tickers)
    priced = np.isfinite(panel.close).any(axis=0)
    column = np.append(np.cumsum(priced) - 1, -1)
    known = np.append(priced, False)[trades.arrays.ticker]
    with_ticker = trades.arrays.ticker >= 0
    left_out = Counter(
        no_ticker=int((~with_ticker).sum()),
        not_stock=int((with_ticker & ~trades.is_stock).sum()),
        no_price=int((with_ticker & trades.is_stock & ~known).sum()),
    )
    usable = trades.arrays.take(known & with_ticker & trades.is_stock)
    panel = replace(
        panel,
        tickers=tuple(
            name for name, is_priced in zip(panel.tickers, priced, strict=True) if is_priced
        ),
        close=panel.close[:, priced],
    )
    returns = market(
        panel,
        factors=load_factors(connection),
        dollar_volume=load_dollar_volume(connection, panel),
    )
    return replace(usable, ticker=column[usable.ticker]), returns, left_out
